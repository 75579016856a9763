"""Views of the paradigm gan."""
