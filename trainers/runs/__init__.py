"""Runs on disk: their metrics, their models, and what a trained model predicts."""
