"""The data sets: one file per family, found by themselves."""
