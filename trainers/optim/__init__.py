"""Optimizers, learning-rate schedules and weight initialisation."""
