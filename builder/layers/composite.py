"""Nodes that stand for a block of the document: a sub-graph that is drawn once and used, and repeated, as one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from builder.spec import LayerSpec, Use

if TYPE_CHECKING:
    from builder.document import model


class Block(LayerSpec):
    """Stands for a block of this document: several layers drawn once, used as one node and repeated end to end.

    The block's Input nodes are its ports, in their order; its one Output node is its result. Repeated, the result of
    one goes into the first port of the next; the other ports get the same value every time. Each repeat has weights of
    its own, as in the stages of a residual network (He et al. 2015, https://arxiv.org/abs/1512.03385).
    """

    family = "composite"
    role = "block"
    takes = None
    ports = ()
    search = ("sub-graph", "group", "stage", "module", "repeat", "fold", "residual", "ModuleList")
    example = ()

    block: str = Field(min_length=1, max_length=64, description="Which block of this document it stands for.")
    repeat: int = Field(1, ge=1, le=10_000, description="How many of them stand one behind the other.")

    def use(self) -> Use:
        return Use(self.block, self.repeat)

    def ports_with(self, blocks: Mapping[str, model.Block]) -> tuple[str, ...]:
        return blocks[self.block].ports if self.block in blocks else ()
