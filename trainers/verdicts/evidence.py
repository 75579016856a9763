"""What the verdicts on a run rest on: probes, losses and evaluations, all at steps that the job alone decides.

A checkpoint holds all of it, so a resumed run comes to the same verdicts as one that was never stopped.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trainers.events import Event, Probe, Verdict
from trainers.verdicts.circumstances import Circumstances

MEMORY = 0.7  # weight of the old value in the moving average of a statistic: one unusual batch makes no verdict
EPOCHS = 3  # for which something must hold before it is reported
MIN_PROBES = 3  # before the first verdict on the network
POINTS = 64  # of the curve of the losses, at most
NOT_KEPT = ("mean", "std", "max_abs")  # statistics that are for charts alone, as are the activations of other layers
Statistics = dict[str, dict[str, float]]  # node → statistic → value


@dataclass
class ProbeStatistics:
    """Moving averages of what the probes measured, with the nodes in the order in which they run."""

    activations: Statistics = field(default_factory=dict)
    gradients: Statistics = field(default_factory=dict)
    weights: Statistics = field(default_factory=dict)
    through_time: Statistics = field(default_factory=dict)  # node → steps before the last one → mean gradient norm
    first: dict[str, Statistics] = field(default_factory=dict)  # by the kind of probe: the first values
    count: int = 0  # probed steps

    def add(self, events: Iterable[Event]) -> None:
        """Include the events of one more probed step."""
        self.count += 1
        for event in events:
            if isinstance(event, Probe):
                self._add(event)

    def _add(self, probe: Probe) -> None:
        averages: Statistics = getattr(self, probe.kind)
        first = self.first.setdefault(probe.kind, {})
        for node, values in probe.values.items():
            old = averages.setdefault(node, {})
            for name, value in values.items():
                if math.isfinite(value) and name not in NOT_KEPT:
                    old[name] = value if name not in old else MEMORY * old[name] + (1 - MEMORY) * value
            first.setdefault(node, dict(old))


@dataclass
class LossTrend:
    """The losses of all steps as a curve of at most POINTS means, each over the same number of steps."""

    first: float | None = None  # the loss of the first step: that of the initial weights
    width: int = 1  # steps of one mean
    means: list[float] = field(default_factory=list)
    total: float = 0.0  # of the steps after the last mean
    count: int = 0
    diverged: int = 0  # the step at which the loss became NaN or infinite; 0: it has not

    def add(self, loss: float) -> None:
        """Include the loss of the next step."""
        if self.first is None:
            self.first = loss
        self.total += loss
        self.count += 1
        if self.count == self.width:
            self.means.append(self.total / self.width)
            self.total, self.count = 0.0, 0
            if len(self.means) == POINTS:
                pairs = zip(self.means[::2], self.means[1::2], strict=True)
                self.means, self.width = [(one + other) / 2 for one, other in pairs], 2 * self.width


@dataclass(frozen=True)
class Epoch:
    """The metrics of one epoch. `diagnostics` are the verdicts that the learner gave on its predictions."""

    number: int
    training_loss: float
    validation: Mapping[str, float]
    diagnostics: tuple[Verdict, ...] = ()


@dataclass
class Epochs:
    """The epoch with the lowest validation loss, and the last epochs."""

    best: Epoch | None = None
    last: deque[Epoch] = field(default_factory=lambda: deque(maxlen=EPOCHS))

    def add(self, epoch: Epoch) -> None:
        """Include one more epoch."""
        self.last.append(epoch)
        loss = epoch.validation.get("loss")
        if loss is not None and (self.best is None or loss <= self.best.validation["loss"]):
            self.best = epoch


@dataclass
class Evidence:
    """Everything that is known of a run so far."""

    circumstances: Circumstances = field(default_factory=Circumstances)
    probes: ProbeStatistics = field(default_factory=ProbeStatistics)
    losses: LossTrend = field(default_factory=LossTrend)
    epochs: Epochs = field(default_factory=Epochs)

    def state_dict(self) -> dict[str, Any]:
        """Everything that was measured, as plain values."""
        best, last = self.epochs.best, self.epochs.last
        return {
            "probes": asdict(self.probes),
            "losses": asdict(self.losses),
            "best": None if best is None else _plain(best),
            "last": [_plain(epoch) for epoch in last],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict()` returned."""
        self.probes = ProbeStatistics(**state["probes"])
        self.losses = LossTrend(**state["losses"])
        self.epochs = Epochs(None if state["best"] is None else _epoch(state["best"]))
        self.epochs.last.extend(_epoch(epoch) for epoch in state["last"])


def _plain(epoch: Epoch) -> dict[str, Any]:
    return {**asdict(epoch), "diagnostics": [asdict(verdict) for verdict in epoch.diagnostics]}


def _epoch(state: Mapping[str, Any]) -> Epoch:
    return Epoch(**{**state, "diagnostics": tuple(Verdict(**verdict) for verdict in state["diagnostics"])})
