"""Netloom against the same work written by hand, side by side in one run: `make bench`."""
