"""Colours, charts and what every page needs."""
