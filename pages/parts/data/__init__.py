"""Samples of a data set on the page."""
