"""The catalogue: one class per layer type, one file per family. Files are found by themselves; there is no list."""
