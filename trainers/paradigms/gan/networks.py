"""The two networks of a GAN: their names in a document, and what goes into the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.analysis.infer import infer
from builder.document import Document, Node
from builder.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
EMA = "ema"  # the module with the moving average of the generator's weights


@dataclass(frozen=True)
class GeneratorInputs:
    """The inputs of a generator: noise from a standard normal distribution and, if conditional, a class per sample."""

    noise_shape: Shape
    conditional: bool = False

    def labels(self, targets: Tensor) -> Tensor | None:
        """The classes of a batch for the second Input, (N, 1); None for a generator without a second Input."""
        return targets.long().reshape(-1, 1) if self.conditional else None

    def all_classes(self, count: int, classes: int, device: torch.device | str) -> Tensor | None:
        """`count` labels that go through all classes in turn, again and again. (count, 1)"""
        import torch

        return self.labels(torch.arange(count, device=device) % classes)

    def sample(
        self, count: int, labels: Tensor | None, device: torch.device | str, generator: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """Inputs for `count` samples. Without a `generator` the noise comes from torch's global random state."""
        import torch

        size = (count, *self.noise_shape)
        if generator is None:
            noise = torch.randn(size, device=device)
        else:
            noise = torch.randn(size, generator=generator).to(device)
        return (noise,) if labels is None else (noise, labels[:count])


def input_nodes(document: Document, network: str) -> list[Node]:
    """The Input nodes of a network, in their order."""
    return [node for node in document.nodes if node.network == network and node.role == "input"]


def generator_inputs(document: Document) -> GeneratorInputs:
    """What goes into the generator of a document that passed its checks."""
    first, *others = input_nodes(document, GENERATOR)
    return GeneratorInputs(tuple(infer(document)[first.name]), bool(others))
