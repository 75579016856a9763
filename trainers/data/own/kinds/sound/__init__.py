"""Sounds: recordings in folders, a class each."""
