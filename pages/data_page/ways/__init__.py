"""The ways to bring data of one's own: one class for each, found by itself."""
