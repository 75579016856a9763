"""The Inspect page: predictions of a trained network."""
