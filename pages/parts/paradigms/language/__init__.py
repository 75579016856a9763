"""Views of the paradigm language."""
