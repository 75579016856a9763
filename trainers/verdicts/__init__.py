"""Verdicts: what the measurements of a run mean, as messages with advice."""
