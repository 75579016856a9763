"""Gradients and weights: their size at each node, and by how much one step changes the weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    gradient. The mean of their gradients is over the rows that were used. `verdicts_only` leaves out what charts alone
    need.
    """

    def __init__(
        self, modules: Mapping[str, nn.Module], embeddings: Collection[str] = (), verdicts_only: bool = False
    ) -> None:
        self.embeddings, self.verdicts_only = embeddings, verdicts_only
        self.nodes: dict[str, list[nn.Parameter]] = {}
        for name, child in probed_nodes(modules).items():
            parameters = [parameter for parameter in child.parameters() if parameter.requires_grad]
            if parameters:
                self.nodes[name] = parameters
        self._before: dict[int, Tensor] = {}

    def __enter__(self) -> WeightProbe:
        with torch.no_grad():
            parameters: list[Tensor] = [parameter for each in self.nodes.values() for parameter in each]
            copies = torch._foreach_clone(parameters) if parameters else []
            self._before = dict(zip(map(id, parameters), copies, strict=True))
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
            found = iter(self._numbers(flat, self._looked_up(nodes)))
            measured = {name: [next(found) for _ in each] for name, each in nodes.items()}
        self._before.clear()
        gradients, weights = {}, {}
        for name, each in nodes.items():
            gradients[name] = _of_gradients(each, measured[name], name in self.embeddings)
            weights[name] = _of_weights(each, measured[name])
        yield Probe(step, "gradients", gradients)
        yield Probe(step, "weights", weights)

    def _looked_up(self, nodes: Mapping[str, list[nn.Parameter]]) -> set[int]:
        return {id(parameter) for name in self.embeddings if name in nodes for parameter in nodes[name]}

    def _numbers(self, parameters: list[nn.Parameter], looked_up: set[int]) -> list[dict[str, float]]:
        """Sums and norms of each parameter, of its gradient and of its change, copied from the device in one go.

        A function of torch for lists of tensors is a single kernel on a GPU, which matters: the kernel of a small
        tensor takes less time than its launch."""
        weights = [parameter.detach().float() for parameter in parameters]
        before = [self._before[id(parameter)].float() for parameter in parameters]
        gradients = [
            weight.new_zeros(1) if parameter.grad is None else parameter.grad.float()
            for parameter, weight in zip(parameters, weights, strict=True)
        ]
        norms = torch._foreach_norm(weights)
        columns: dict[str, Sequence[Tensor]] = {
            "sum_abs": torch._foreach_norm(gradients, 1),
            "norm": torch._foreach_norm(gradients),
            "change": torch._foreach_norm(torch._foreach_sub(weights, before)),
            "before": torch._foreach_norm(before),
            "weight_norm": norms,
        }
        if not self.verdicts_only:
            columns |= _for_charts(gradients, weights, norms)
        rows: list[dict[str, Tensor]] = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        units = [at for at, parameter in enumerate(parameters) if _has_units(parameter)]
        if units:
            apart = torch._foreach_sub([weights[at][0] for at in units], [weights[at][-1] for at in units])
            for at, largest in zip(units, torch._foreach_norm(apart, math.inf), strict=True):
                rows[at]["apart"] = largest
        for row, parameter, gradient in zip(rows, parameters, gradients, strict=True):
            if id(parameter) in looked_up:
                row["used"] = gradient.count_nonzero().float()
        values = iter(torch.stack([value for row in rows for value in row.values()]).tolist())
        return [{name: next(values) for name in row} for row in rows]


def _for_charts(gradients: list[Tensor], weights: list[Tensor], norms: Sequence[Tensor]) -> dict[str, Sequence[Tensor]]:
    return {
        "max_abs": torch._foreach_norm(gradients, math.inf),
        "weight_sum_abs": torch._foreach_norm(weights, 1),
        "near_zero": [
            (weight.abs() <= NEAR_ZERO / weight.numel() ** 0.5 * norm).sum().float()
            for weight, norm in zip(weights, norms, strict=True)
        ],
        "sum": [weight.sum() for weight in weights],
    }


def _of_gradients(
    parameters: list[nn.Parameter], measured: list[dict[str, float]], embedding: bool
) -> dict[str, float]:
    """The statistics of the gradients of one node, from those of its parameters."""
    with_gradient = sum(parameter.numel() for parameter in parameters if parameter.grad is not None)
    used = max(1.0, sum(row["used"] for row in measured)) if embedding else max(with_gradient, 1)
    before = _norm(row["before"] for row in measured)
    found = {
        "mean_abs": sum(row["sum_abs"] for row in measured) / used,
        "norm": _norm(row["norm"] for row in measured),
        "update_ratio": _norm(row["change"] for row in measured) / max(before, FLOOR * usual_norm(parameters)),
    }
    if "max_abs" in measured[0]:
        found["max_abs"] = max(row["max_abs"] for row in measured)
    return found


def _of_weights(parameters: list[nn.Parameter], measured: list[dict[str, float]]) -> dict[str, float]:
    """The statistics of the weights of one node, from those of its parameters."""
    norm = _norm(row["weight_norm"] for row in measured)
    matrices = [float(row["apart"] == 0.0) for row in measured if "apart" in row]
    # equal_units is 1 where the weights into the first and the last unit are the same
    found = {"norm": norm, "equal_units": min(matrices, default=0.0)}
    if "sum" not in measured[0]:
        return found
    count = sum(parameter.numel() for parameter in parameters)
    mean = sum(row["sum"] for row in measured) / count
    return found | {
        "mean": mean,
        "std": math.sqrt(max(norm**2 / count - mean**2, 0.0) * count / max(count - 1, 1)) if count > 1 else 0.0,
        "mean_abs": sum(row["weight_sum_abs"] for row in measured) / count,
        "near_zero_share": sum(row["near_zero"] for row in measured) / count,
    }


def _norm(parts: Iterator[float]) -> float:
    try:
        return math.sqrt(sum(part * part for part in parts))
    except OverflowError:
        return math.inf


def _has_units(parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and len(parameter) > 1 and parameter.numel() > 0


def usual_norm(parameters: list[nn.Parameter]) -> float:
    """The norm of a layer's weights as they usually start: with a standard deviation of 1/√inputs (LeCun et al. 1998);
    a layer of vectors alone, such as a normalisation or a learned scale, has ones."""
    inputs = max((parameter[0].numel() for parameter in parameters if parameter.ndim > 1), default=1)
    return math.sqrt(sum(parameter.numel() for parameter in parameters) / max(inputs, 1))
