"""Nodes that use a block of the document: a sub-graph that is defined once, used as one node and can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from builder.spec import LayerSpec, Use

if TYPE_CHECKING:
    from builder.document import model


class Block(LayerSpec):
    """Uses a block of this document: several layers that are defined once, used as one node, and can be repeated.

    The block's Input nodes are the ports, in their order; its Output node is the result. If it is repeated, the result
    of each repeat is the first input of the next; the other inputs are the same for all. Each repeat has its own
    weights, as in the stages of a residual network (He et al. 2015, https://arxiv.org/abs/1512.03385).
    """

    family = "composite"
    role = "block"
    takes = None
    ports = ()
    also = ("Sequential", "ModuleList", "Module", "Group", "SubNetwork", "Model")
    search = ("sub-graph", "group", "stage", "module", "repeat", "fold", "residual", "ModuleList")
    example = ()

    block: str = Field(min_length=1, max_length=64, description="The name of the block.")
    repeat: int = Field(1, ge=1, le=10_000, description="How many times the block is repeated, one after the other.")

    def use(self) -> Use:
        return Use(self.block, self.repeat)

    def ports_with(self, blocks: Mapping[str, model.Block]) -> tuple[str, ...]:
        return blocks[self.block].ports if self.block in blocks else ()
