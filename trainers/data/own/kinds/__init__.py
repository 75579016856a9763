"""The kinds of data that people bring: one folder each, with its `schema.py` and `kind.py`, found by looking."""
