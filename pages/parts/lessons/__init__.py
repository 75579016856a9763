"""The Learn page: templates with lessons."""
