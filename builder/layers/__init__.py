"""The layer types: one class each, one file per family. The files are found by themselves; there is no list."""
