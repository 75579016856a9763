"""What a generator begins with: noise, and where it draws classes on demand, which one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.document import Document, Node
from builder.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Noise:
    """The inputs of a generator: numbers of a normal distribution, and a class for each sample if it takes one."""

    shape: Shape
    labelled: bool = False

    def asked(self, targets: Tensor) -> Tensor | None:
        """The classes of a batch as the second Input takes them, (N, 1); None where there is no second Input."""
        return targets.long().reshape(-1, 1) if self.labelled else None

    def in_turn(self, count: int, classes: int, device: torch.device | str) -> Tensor | None:
        """Every class in turn, the first again after the last. (N, 1)"""
        import torch

        return self.asked(torch.arange(count, device=device) % classes)

    def inputs(
        self, count: int, asked: Tensor | None, device: torch.device | str, source: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """Inputs for `count` samples; without a source by torch's own random numbers."""
        import torch

        size = (count, *self.shape)
        noise = torch.randn(size, device=device) if source is None else torch.randn(size, generator=source).to(device)
        return (noise,) if asked is None else (noise, asked[:count])


def entries(document: Document, network: str) -> list[Node]:
    """The Inputs of a network, in their order."""
    return [node for node in document.nodes if node.network == network and node.role == "input"]


def noise_of(document: Document, generator: str) -> Noise:
    """What the generator of a document that can be trained begins with."""
    from builder.analysis.infer import infer

    first, *others = entries(document, generator)
    return Noise(tuple(infer(document)[first.name]), bool(others))
