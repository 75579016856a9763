"""“Try it” on the Inspect page: what a trained network predicts for a sample that somebody types or brings.

One class for each kind of input, found by itself.
"""
