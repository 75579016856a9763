"""Which module of a learner stands for each node while it is probed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.compile import layers

if TYPE_CHECKING:
    from torch import nn


def probed_nodes(modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Node → its module. A scratch baseline, a moving average and the members of an ensemble have the same nodes as the
    network that they belong to: the first of the learner's modules is the one that is probed."""
    found: dict[str, nn.Module] = {}
    for module in modules.values():
        for name, child in layers(module).items():
            found.setdefault(name, child)
    return found
