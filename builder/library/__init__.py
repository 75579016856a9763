"""Layers that torch does not have: small modules of torch alone, whose source generated code prints."""
