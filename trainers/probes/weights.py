"""Gradients and weights: their size at each node, and by how much one step changes the weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from trainers.events import Event, Probe
from trainers.probes.nodes import probed_nodes

if TYPE_CHECKING:
    from torch import Tensor, nn

FLOOR = 0.1  # of the usual size of initial weights: the ratio of an update to smaller weights would mean nothing
NEAR_ZERO = 0.01  # times the root mean square of a tensor: a weight below that counts as near zero


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
        self._before: dict[int, Tensor] = {}

    def __enter__(self) -> WeightProbe:
        with torch.no_grad():
            parameters = [parameter for each in self.nodes.values() for parameter in each]
            self._before = {id(parameter): parameter.detach().clone() for parameter in parameters}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._before.clear()

    def events(self, step: int) -> Iterator[Event]:
        """The statistics of the step. It waits for the device once for all of them."""
        nodes = {name: each for name, each in self.nodes.items() if any(p.grad is not None for p in each)}
        flat = [parameter for each in nodes.values() for parameter in each]
        if not flat:
            self._before.clear()
            return
        with torch.no_grad():
            found = iter(self._numbers(flat))
            measured = {name: [next(found) for _ in each] for name, each in nodes.items()}
        self._before.clear()
        gradients, weights = {}, {}
        for name, each in nodes.items():
            gradients[name], weights[name] = _of_node(each, measured[name], name in self.embeddings)
        yield Probe(step, "gradients", gradients)
        yield Probe(step, "weights", weights)

    def _numbers(self, parameters: list[nn.Parameter]) -> list[dict[str, float]]:
        """Sums and norms of each parameter, of its gradient and of its change."""
        weights = [parameter.detach().float() for parameter in parameters]
        before = [self._before[id(parameter)].float() for parameter in parameters]
        gradients = [
            weight.new_zeros(1) if parameter.grad is None else parameter.grad.float()
            for parameter, weight in zip(parameters, weights, strict=True)
        ]
        one = weights[0].new_ones(())
        columns = {
            "sum_abs": torch._foreach_norm(gradients, 1),
            "max_abs": torch._foreach_norm(gradients, math.inf),
            "norm": torch._foreach_norm(gradients),
            "used": [gradient.count_nonzero() for gradient in gradients],
            "change": torch._foreach_norm(torch._foreach_sub(weights, before)),
            "before": torch._foreach_norm(before),
            "weight_norm": (norms := torch._foreach_norm(weights)),
            "weight_sum_abs": torch._foreach_norm(weights, 1),
            "near_zero": [
                (weight.abs() <= NEAR_ZERO / weight.numel() ** 0.5 * norm).sum()
                for weight, norm in zip(weights, norms, strict=True)
            ],
            "sum": [weight.sum() for weight in weights],
            "equal": [(w[0] == w[-1]).all() if w.ndim > 1 and len(w) > 1 else one for w in weights],
        }
        table = torch.stack([torch.stack([value.float() for value in column]) for column in columns.values()])
        return [dict(zip(columns, row, strict=True)) for row in table.T.tolist()]


def _of_node(
    parameters: list[nn.Parameter], measured: list[dict[str, float]], embedding: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """The statistics of the gradients and of the weights of one node, from those of its parameters."""
    count = sum(parameter.numel() for parameter in parameters)
    with_gradient = sum(parameter.numel() for parameter in parameters if parameter.grad is not None)
    used = max(1.0, sum(row["used"] for row in measured)) if embedding else max(with_gradient, 1)
    before, after = (_norm(row[name] for row in measured) for name in ("before", "weight_norm"))
    mean = sum(row["sum"] for row in measured) / count
    gradients = {
        "mean_abs": sum(row["sum_abs"] for row in measured) / used,
        "max_abs": max(row["max_abs"] for row in measured),
        "norm": _norm(row["norm"] for row in measured),
        "update_ratio": _norm(row["change"] for row in measured) / max(before, FLOOR * usual_norm(parameters)),
    }
    matrices = [row["equal"] for parameter, row in zip(parameters, measured, strict=True) if _has_units(parameter)]
    weights = {
        "mean": mean,
        "std": math.sqrt(max(after**2 / count - mean**2, 0.0) * count / max(count - 1, 1)) if count > 1 else 0.0,
        "norm": after,
        "mean_abs": sum(row["weight_sum_abs"] for row in measured) / count,
        "near_zero_share": sum(row["near_zero"] for row in measured) / count,
        "equal_units": min(matrices, default=0.0),  # 1: the weights into the first and the last unit are the same
    }
    return gradients, weights


def _norm(parts: Iterator[float]) -> float:
    try:
        return math.sqrt(sum(part * part for part in parts))
    except OverflowError:
        return math.inf


def _has_units(parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and len(parameter) > 1


def usual_norm(parameters: list[nn.Parameter]) -> float:
    """The norm of a layer's weights as they usually start: with a standard deviation of 1/√inputs (LeCun et al. 1998);
    a layer of vectors alone, such as a normalisation or a learned scale, has ones."""
    inputs = max((parameter[0].numel() for parameter in parameters if parameter.ndim > 1), default=1)
    return math.sqrt(sum(parameter.numel() for parameter in parameters) / max(inputs, 1))
