"""The catalogue: every layer class by its type name. The classes are found in builder/layers; there is no list."""

from __future__ import annotations

import builder.layers
from builder.registry import discover
from builder.spec import FAMILIES, LayerSpec, Role


def _discover_layers() -> dict[str, type[LayerSpec]]:
    found = discover(builder.layers, LayerSpec, lambda kind: kind.type_name())
    families = list(FAMILIES)
    return dict(sorted(found.items(), key=lambda item: families.index(item[1].family)))


CATALOGUE: dict[str, type[LayerSpec]] = _discover_layers()  # in the order of the palette


def type_that_reorders() -> str:
    """The name of the layer type that puts axes into another order."""
    return next(name for name, spec in CATALOGUE.items() if spec.reorders is not None)


def type_with_role(role: Role) -> str:
    """The name of the layer type with this role in a network: "input", "output" or "block"."""
    return next(name for name, spec in CATALOGUE.items() if spec.role == role)
