"""Gradients and weights: their size at each node, and by how much one step changes the weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from trainers.events import Event, Probe
from trainers.probes.nodes import probed_nodes

if TYPE_CHECKING:
    from torch import Tensor, nn

GRADIENTS = ("mean_abs", "max_abs", "norm", "update_ratio")
WEIGHTS = ("mean", "std", "norm")


class WeightProbe:
    """Compares the weights before and after one step, and reads the gradients of that step.

    `embeddings` names the nodes that look rows up by index: a batch uses few of their rows, and the others have no
    gradient. The mean of their gradients is over the rows that were used.
    """

    def __init__(self, modules: Mapping[str, nn.Module], embeddings: Collection[str] = ()) -> None:
        self.embeddings = embeddings
        self.nodes: dict[str, list[nn.Parameter]] = {}
        for name, child in probed_nodes(modules).items():
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
        """The statistics of the step. It waits for the device once for all of them."""
        rows, names = [], []
        with torch.no_grad():
            for name, parameters in self.nodes.items():
                gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
                if not gradients:
                    continue
                weights, before = _flat(parameters), self._before[name]
                size = _flat(gradients).abs()
                update_ratio = (weights - before).norm() / before.norm().clamp_min(1e-12)
                std = weights.std() if weights.numel() > 1 else weights.new_zeros(())
                used = (size > 0).sum().clamp_min(1) if name in self.embeddings else size.numel()
                row = [size.sum() / used, size.max(), size.norm(), update_ratio, weights.mean(), std, weights.norm()]
                rows.append(torch.stack(row))
                names.append(name)
        self._before.clear()
        if not rows:
            return
        found = dict(zip(names, torch.stack(rows).tolist(), strict=True))
        gradients_of = {name: dict(zip(GRADIENTS, row[:4], strict=True)) for name, row in found.items()}
        weights_of = {name: dict(zip(WEIGHTS, row[4:], strict=True)) for name, row in found.items()}
        yield Probe(step, "gradients", gradients_of)
        yield Probe(step, "weights", weights_of)


def _flat(tensors: list[Tensor] | list[nn.Parameter]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
