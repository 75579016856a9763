"""Bayesian neural networks: predictions with their uncertainty."""
