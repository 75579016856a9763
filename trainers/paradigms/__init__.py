"""The ways of training, one readable file each, found by themselves."""
