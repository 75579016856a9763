"""Tasks: what a network predicts for one sample, and how that is scored. One file per task."""
