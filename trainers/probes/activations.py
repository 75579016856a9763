"""Activations: the distribution of the values that leave each node, and how many are saturated or dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor

from trainers.events import Event, Histograms, Probe
from trainers.probes.nodes import probed_nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

SAMPLES = 64  # of the batch: enough for the statistics, at a bounded cost on large batches,
FEWEST, MOST_VALUES = 16, 2**18  # and fewer of them where a node has that many values in fewer, as an image has
BINS = 40
COUNTED = 2**15  # values in a histogram, at most
NEAR = 0.02  # within this distance of a bound, as a share of the range, a unit counts as saturated
LARGEST = 1e30  # histograms have values up to here
SHARES = ("zero_share", "saturated_share", "dead_share")  # what verdicts need


class ActivationProbe:
    """Collects the outputs of every node of every network in one step."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        specs: Mapping[str, Any],
        forward_pass: int | None = None,
        shares_only: bool = False,
    ) -> None:
        """
        Parameters:
            forward_pass: which forward pass of the step to measure, from 0; None: the last one.
            shares_only: measure what verdicts need, and nothing for charts.
        """
        self.modules = modules
        self.shares_only = shares_only
        self.forward_pass = forward_pass
        self.passes: Counter[str] = Counter()
        self.specs = specs
        self.outputs: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> ActivationProbe:
        for name, child in probed_nodes(self.modules).items():
            if self.shares_only and not is_activation(self.specs.get(name)):
                continue
            self._handles.append(child.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            if not isinstance(output, torch.Tensor) or not output.is_floating_point():
                return
            if is_functorch_wrapped_tensor(output):  # inside torch.func: not valid after the call
                return
            number = self.passes[name]
            self.passes[name] += 1
            if self.forward_pass is None or number == self.forward_pass:
                self.outputs[name] = output.detach()[: _samples(output)]

        return keep

    def events(self, step: int) -> Iterator[Event]:
        """The statistics of the step. It waits for the device once for all of them."""
        if not self.outputs:
            return
        measured = [self._measured(name, output.float()) for name, output in self.outputs.items()]
        numbers = torch.cat(measured).cpu().numpy()
        ends = np.cumsum([len(each) for each in measured])
        values, histograms = {}, {}
        for (name, output), found in zip(self.outputs.items(), np.split(numbers, ends[:-1]), strict=True):
            saturated, found = float(found[0]), found[1:]
            if not self.shares_only:
                mean, std, low, high, *counts = map(float, found[: 4 + BINS])
                values[name] = {"mean": mean, "std": std}
                histograms[name] = low, high, list(map(int, counts))
                found = found[4 + BINS :]
            values[name] = {**values.get(name, {}), **_shares(found, output, saturated)}
        yield Probe(step, "activations", values)
        if not self.shares_only:
            yield Histograms(step, histograms)

    def _measured(self, name: str, values: Tensor) -> Tensor:
        """What is measured of a node in one row: the saturated share, for charts the mean, the standard deviation and
        the histogram, and for each unit how many of its values are not zero."""
        parts = [self._saturated(name, values)]
        if not self.shares_only:
            # torch.histc raises on NaN and infinity; the loop reports these, so the probe must not fail
            finite = _some(values).nan_to_num(0.0, LARGEST, -LARGEST).clamp(-LARGEST, LARGEST)
            parts += [*_moments(values), *finite.aminmax()]
        row = torch.stack(parts)
        more = [] if self.shares_only else [torch.histc(finite, BINS)]
        # A sum of int32 takes a third of the time of a mean of the same as float32.
        axes = [axis for axis in range(values.dim()) if axis != 1]
        active = (values != 0).sum(axes, dtype=torch.int32) if axes else values != 0
        return torch.cat([row, *more, active.reshape(-1).float()])

    def _saturated(self, name: str, values: Tensor) -> Tensor:
        spec = self.specs.get(name)
        bounds = spec.bounds() if spec is not None else ()
        if 0.0 in bounds and 1.0 not in bounds:
            bounds = tuple(bound for bound in bounds if bound)  # ReLU is zero for half of its inputs by design
        saturated = values.new_zeros(())
        for bound in bounds:
            saturated = saturated + ((values - bound).abs() < NEAR).sum(dtype=torch.int32)
        return saturated / max(values.numel(), 1) if bounds else saturated


def _samples(output: Tensor) -> int:
    """How many samples of a batch are measured."""
    one = output[:1].numel()
    return min(SAMPLES, max(FEWEST, MOST_VALUES // max(one, 1)))


def _shares(active: NDArray[np.float32], output: Tensor, saturated: float) -> dict[str, float]:
    """The statistics that verdicts need. `active`: how many values of each unit are not zero.

    A unit is a feature or a channel. It is dead when it is zero for every sample and at every position.
    """
    zero = 1 - float(active.sum()) / max(output.numel(), 1)
    dead = float((active == 0).mean()) if output.dim() > 1 and active.size else 0.0
    return dict(zip(SHARES, (zero, saturated, dead), strict=True))


def _some(values: Tensor) -> Tensor:
    """Values for a histogram, evenly over all of them: torch.histc takes a hundred times as long as a mean."""
    step = -(-values.numel() // COUNTED) | 1  # odd, so that it does not go along one column of an even number
    return values.reshape(-1)[::step]


def _moments(values: Tensor) -> list[Tensor]:
    return [values.mean(), values.std() if values.numel() > 1 else values.new_zeros(())]


def is_activation(spec: Any) -> bool:
    """Whether a layer is an activation: verdicts ask how many of its values are zero or at its bounds."""
    return getattr(spec, "family", "") == "activation"
