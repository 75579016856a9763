"""Views of the paradigm bayesian."""
