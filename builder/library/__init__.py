"""Layers that torch does not have: small modules that need only torch, whose source the generated code contains."""
