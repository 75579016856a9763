"""Activations: the distribution of the values that leave each node, and how many are saturated or dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch._C._functorch import is_functorch_wrapped_tensor

from trainers.events import Event, Histograms, Probe
from trainers.probes.nodes import probed_nodes

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

SAMPLES = 64  # of the batch: enough for the statistics, at a bounded cost on large batches
BINS = 40
COUNTED = 2**15  # values in a histogram, at most
NEAR = 0.02  # within this distance of a bound, as a share of the range, a unit counts as saturated
LARGEST = 1e30  # histograms have values up to here
SHARES = ("zero_share", "saturated_share", "dead_share")  # what verdicts need
STATISTICS = ("mean", "std", *SHARES)


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
                self.outputs[name] = output.detach()[:SAMPLES]

        return keep

    def events(self, step: int) -> Iterator[Event]:
        """The statistics of the step. It waits for the device once for all of them."""
        if not self.outputs:
            return
        rows, histograms = [], []
        for name, output in self.outputs.items():
            values = output.float()
            if self.shares_only:
                rows.append(torch.stack(self._shares(name, values)))
                continue
            rows.append(torch.stack([*_moments(values), *self._shares(name, values)]))
            # torch.histc raises on NaN and infinity; the loop reports these, so the probe must not fail
            finite = _some(values).nan_to_num(0.0, LARGEST, -LARGEST).clamp(-LARGEST, LARGEST)
            low, high = finite.amin(), finite.amax()
            histograms.append(torch.cat([low[None], high[None], torch.histc(finite, BINS)]))
        names, statistics = list(self.outputs), SHARES if self.shares_only else STATISTICS
        table = zip(names, torch.stack(rows).tolist(), strict=True)
        yield Probe(step, "activations", {name: dict(zip(statistics, row, strict=True)) for name, row in table})
        if self.shares_only:
            return
        counted = torch.stack(histograms).tolist()
        yield Histograms(
            step, {n: (row[0], row[1], [int(v) for v in row[2:]]) for n, row in zip(names, counted, strict=True)}
        )

    def _shares(self, name: str, values: Tensor) -> list[Tensor]:
        saturated = values.new_zeros(())
        spec = self.specs.get(name)
        bounds = spec.bounds() if spec is not None else ()
        if 0.0 in bounds and 1.0 not in bounds:
            bounds = tuple(bound for bound in bounds if bound)  # ReLU is zero for half of its inputs by design
        for bound in bounds:
            saturated = saturated + ((values - bound).abs() < NEAR).float().mean()
        # A unit is a feature or a channel. It is dead when it is zero for every sample and at every position.
        active = (values != 0).float()
        if values.dim() < 2:
            return [1 - active.mean(), saturated, values.new_zeros(())]
        units = active.flatten(2).mean((0, 2)) if values.dim() > 2 else active.mean(0)
        return [1 - units.mean(), saturated, (units == 0).float().mean()]


def _some(values: Tensor) -> Tensor:
    """Values for a histogram, evenly over all of them: torch.histc takes a hundred times as long as a mean."""
    step = -(-values.numel() // COUNTED) | 1  # odd, so that it does not go along one column of an even number
    return values.reshape(-1)[::step]


def _moments(values: Tensor) -> list[Tensor]:
    return [values.mean(), values.std() if values.numel() > 1 else values.new_zeros(())]


def is_activation(spec: Any) -> bool:
    """Whether a layer is an activation: verdicts ask how many of its values are zero or at its bounds."""
    return getattr(spec, "family", "") == "activation"
