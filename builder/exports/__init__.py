"""The formats a model can be taken home in. Each maker writes one file, runs it, and says by how much it differs."""
