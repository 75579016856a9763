"""The Runs and Export pages."""
