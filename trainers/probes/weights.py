"""Gradients and weights: how large they are at each node, and how far one step moves the weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from builder.compile import layers
from trainers.events import Event, Probe

if TYPE_CHECKING:
    from torch import Tensor, nn

GRADIENTS = ("mean_abs", "max_abs", "norm", "update_ratio")
WEIGHTS = ("mean", "std", "norm")


class WeightProbe:
    """Compares the weights before and after one step, and reads the gradients that moved them.

    `tables` names the nodes that look rows up: a batch asks for a few of them, and the others have no gradient, which
    says nothing of how much of the error arrives. Their mean is over what was asked for.
    """

    def __init__(self, modules: Mapping[str, nn.Module], tables: Collection[str] = ()) -> None:
        self.tables = tables
        self.nodes: dict[str, list[nn.Parameter]] = {}
        for module in modules.values():
            for name, child in layers(module).items():
                parameters = [parameter for parameter in child.parameters() if parameter.requires_grad]
                if parameters:
                    self.nodes[name] = parameters
        self._before: dict[str, Tensor] = {}

    def __enter__(self) -> WeightProbe:
        with torch.no_grad():
            self._before = {name: _flat(parameters).clone() for name, parameters in self.nodes.items()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._before.clear()

    def events(self, step: int) -> Iterator[Event]:
        """The figures of the step: one wait for the device for all of them."""
        rows, names = [], []
        with torch.no_grad():
            for name, parameters in self.nodes.items():
                gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
                if not gradients:
                    continue
                weights, before = _flat(parameters), self._before[name]
                size = _flat(gradients).abs()
                moved = (weights - before).norm() / before.norm().clamp_min(1e-12)
                spread = weights.std() if weights.numel() > 1 else weights.new_zeros(())
                counted = (size > 0).sum().clamp_min(1) if name in self.tables else size.numel()
                row = [size.sum() / counted, size.max(), size.norm(), moved, weights.mean(), spread, weights.norm()]
                rows.append(torch.stack(row))
                names.append(name)
        self._before.clear()
        if not rows:
            return
        figures = dict(zip(names, torch.stack(rows).tolist(), strict=True))
        yield Probe(
            step, "gradients", {name: dict(zip(GRADIENTS, row[:4], strict=True)) for name, row in figures.items()}
        )
        yield Probe(step, "weights", {name: dict(zip(WEIGHTS, row[4:], strict=True)) for name, row in figures.items()})


def _flat(tensors: list[Tensor] | list[nn.Parameter]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
