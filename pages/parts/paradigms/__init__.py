"""The views that belong to one paradigm: one file or folder each."""
