"""Verdicts: what the measurements of a run mean, in words, with advice."""
