"""Autoencoders: reconstruction through a bottleneck."""
