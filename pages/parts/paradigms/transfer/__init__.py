"""Views of the paradigm transfer."""
