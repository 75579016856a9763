"""What the verdicts on a run rest on: probes, losses and evaluations, all at steps that the job alone decides.

A checkpoint holds all of it, so a resumed run comes to the same verdicts as one that was never stopped.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trainers.events import Event, Probe, Verdict
from trainers.objectives.guess import Guess, beaten, progress
from trainers.verdicts.circumstances import Circumstances

MEMORY = 0.7  # weight of the old value in the moving average of a statistic: one unusual batch makes no verdict
EPOCHS = 3  # for which something must hold before it is reported
MIN_PROBES = 3  # before the first verdict on the network
POINTS = 64  # of the curve of the losses, at most
MIN_POINTS = 8  # of that curve, before anything is said about it
GROWN, STAYS, FALLEN = 0.5, 0.02, 0.3  # as shares of the first loss
FALLS, SURE = 0.02, 3.0  # share of the loss, and standard errors, by which it must fall between two quarters
BADLY, WELL, VERY_WELL = 0.15, 0.3, 0.7  # of the way from guessing to perfect predictions
EARLY = 0.2  # of the planned steps, in which a network that does not learn yet may just be slow
LONG = 10  # epochs after which a score that is like guessing is reported in any run
SMALLEST = -30.0  # of the logarithms of gradients
# Statistics that are for charts alone, as are the activations of other layers than activation functions.
FOR_CHARTS: dict[str, tuple[str, ...]] = {
    "activations": ("mean", "std"),
    "gradients": ("max_abs",),
    "weights": ("mean", "std", "mean_abs", "near_zero_share"),
}
Statistics = dict[str, dict[str, float]]  # node → statistic → value


@dataclass
class ProbeStatistics:
    """Moving averages of what the probes measured, with the nodes in the order in which they run."""

    activations: Statistics = field(default_factory=dict)
    gradients: Statistics = field(default_factory=dict)
    weights: Statistics = field(default_factory=dict)
    through_time: Statistics = field(default_factory=dict)  # node → steps before the last → log of the gradient
    first: dict[str, Statistics] = field(default_factory=dict)  # by the kind of probe: the first values
    largest_update: dict[str, float] = field(default_factory=dict)  # node → the largest ratio of an update to weights
    count: int = 0  # probed steps

    def add(self, events: Iterable[Event]) -> None:
        """Include the events of one more probed step."""
        self.count += 1
        for event in events:
            if isinstance(event, Probe):
                self._add(event)

    @property
    def typical_update(self) -> float:
        """The share of their size by which one step changes the weights of most layers; 0: not known."""
        ratios = [values.get("update_ratio", 0.0) for values in self.gradients.values()]
        return statistics.median(ratios) if ratios else 0.0

    def _add(self, probe: Probe) -> None:
        averages: Statistics = getattr(self, probe.kind)
        first, for_charts = self.first.setdefault(probe.kind, {}), FOR_CHARTS.get(probe.kind, ())
        for node, measured in probe.values.items():
            values = _through_time(measured) if probe.kind == "through_time" else measured
            old = averages.setdefault(node, {})
            for name, value in values.items():
                if math.isfinite(value) and name not in for_charts:
                    old[name] = value if name not in old else MEMORY * old[name] + (1 - MEMORY) * value
            first.setdefault(node, dict(old))
            if "update_ratio" in values:
                self.largest_update[node] = max(self.largest_update.get(node, 0.0), values["update_ratio"])


@dataclass
class LossTrend:
    """The losses of all steps as a curve of at most POINTS means, each over the same number of steps."""

    first: float | None = None  # the loss of the first step: that of the initial weights
    width: int = 1  # steps of one mean
    means: list[float] = field(default_factory=list)
    total: float = 0.0  # of the steps after the last mean
    count: int = 0
    diverged: int = 0  # the step at which the loss became NaN or infinite; 0: it has not

    @property
    def recent(self) -> float:
        """The mean over the last quarter of the steps."""
        return _mean(self.means[-max(1, len(self.means) // 4) :])

    @property
    def grows(self) -> bool:
        """Whether the loss is much higher than that of the initial weights, or no number any more."""
        if self.diverged:
            return True
        if self.first is None or len(self.means) < MIN_POINTS:
            return False
        noise = _spread(self.means[: max(2, len(self.means) // 4)])
        return self.recent > self.first + GROWN * max(abs(self.first), noise)

    @property
    def stays_high(self) -> bool:
        """Whether the loss is hardly lower than that of the initial weights."""
        if self.grows:
            return True
        if self.first is None or len(self.means) < MIN_POINTS:
            return False
        return self.recent > self.first - STAYS * abs(self.first)

    @property
    def falls(self) -> bool:
        """Whether the loss falls: between the last two quarters of the steps by more than 2 %, and than by chance."""
        if self.diverged:
            return False
        if len(self.means) < MIN_POINTS:
            return True  # too early to say
        size = len(self.means) // 4
        before, now = self.means[-2 * size : -size], self.means[-size:]
        fall = _mean(before) - _mean(now)
        return fall > FALLS * abs(_mean(before)) and fall > SURE * math.hypot(_spread(before), _spread(now)) / size**0.5

    @property
    def rises_again(self) -> bool:
        """Whether what was learned was lost: the loss is at more than twice its lowest value, far above it."""
        if self.diverged:
            return True
        if self.first is None or len(self.means) < MIN_POINTS:
            return False
        size = len(self.means) // 4
        lowest = min(_mean(self.means[at : at + size]) for at in range(len(self.means) - size + 1))
        return self.recent - lowest > max(abs(lowest), FALLEN * abs(self.first))

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
    training: Mapping[str, float] = field(default_factory=dict)
    guesses: tuple[Guess, ...] = ()  # what predictions that ignore the inputs reach on the validation split


@dataclass
class Epochs:
    """The epoch with the lowest validation loss, and the last epochs."""

    best: Epoch | None = None
    last: deque[Epoch] = field(default_factory=lambda: deque(maxlen=EPOCHS))
    best_progress: float | None = None  # from guessing to perfect predictions, of all epochs

    def add(self, epoch: Epoch) -> None:
        """Include one more epoch."""
        self.last.append(epoch)
        self.best_progress = _best([self.best_progress, progress(epoch.guesses, epoch.validation)])
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
    step: int = 0
    ended: bool = False  # the last step was taken
    test: Mapping[str, float] = field(default_factory=dict)  # the metrics of the test split, at the very end
    test_guesses: tuple[Guess, ...] = ()

    # -- what it means ------------------------------------------------------------------------------------------------

    @property
    def share_done(self) -> float:
        """The share of the planned steps that were taken."""
        total = self.circumstances.total_steps
        return 1.0 if self.ended else self.step / total if total else 0.0

    @property
    def progress(self) -> float | None:
        """The share of the way from guessing to good predictions of the validation samples, in the best of the last
        epochs; None: the run has no score that could be compared with guessing."""
        return _best(progress(epoch.guesses, epoch.validation) for epoch in self.epochs.last)

    @property
    def training_progress(self) -> float | None:
        """The same for the training samples."""
        return _best(progress(epoch.guesses, epoch.training) for epoch in self.epochs.last)

    @property
    def is_like_guessing(self) -> bool:
        """Whether no score of the last epochs is better than guessing, after enough epochs to say so."""
        count, job = len(self.epochs.last), self.circumstances.job
        if not count or not (self.ended or count >= EPOCHS):
            return False
        planned = job.settings.epochs if job is not None else 0
        if not self.ended and self.epochs.last[-1].number < min(LONG, planned / 4):
            return False
        return not any(beaten(epoch.guesses, epoch.validation) is not False for epoch in self.epochs.last)

    @property
    def does_well(self) -> bool:
        """Whether the predictions are clearly better than guessing, or the loss falls: no cause has to be named."""
        known, job = self.progress, self.circumstances.job
        if self.losses.diverged:
            return False
        if (known is not None and known >= VERY_WELL) or (job is not None and not job.paradigm.loss_shows_progress):
            return True
        if self.losses.stays_high or (self.ended and known is not None and known < BADLY):
            return False
        return known >= WELL or self.losses.falls if known is not None else self.losses.falls or self._has_fallen

    @property
    def _has_fallen(self) -> bool:
        first = self.losses.first
        return first is not None and first - self.losses.recent > FALLEN * abs(first)

    @property
    def fails(self) -> bool:
        """Whether the run does badly for long enough to name a cause."""
        return not self.does_well and (self.share_done >= EARLY or self.losses.grows)

    @property
    def disappoints(self) -> bool:
        """Whether the run fails, or after half of its steps is far from good on training and validation samples: reason
        enough to name a setting that is known to do harm."""
        if self.fails:
            return True
        known, job = _best([self.progress, self.training_progress]), self.circumstances.job
        if known is None or job is None or not job.paradigm.loss_shows_progress:
            return False
        return self.share_done >= 0.5 and known < VERY_WELL

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that was measured, as plain values."""
        best, last = self.epochs.best, self.epochs.last
        return {
            "probes": asdict(self.probes),
            "losses": asdict(self.losses),
            "best": None if best is None else _plain(best),
            "last": [_plain(epoch) for epoch in last],
            "best_progress": self.epochs.best_progress,
            "step": self.step,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict()` returned."""
        self.probes = ProbeStatistics(**state["probes"])
        self.losses = LossTrend(**state["losses"])
        self.epochs = Epochs(None if state["best"] is None else _epoch(state["best"]))
        self.epochs.best_progress = state["best_progress"]
        self.epochs.last.extend(_epoch(epoch) for epoch in state["last"])
        self.step = state["step"]


def _plain(epoch: Epoch) -> dict[str, Any]:
    found = {**asdict(epoch), "diagnostics": [asdict(verdict) for verdict in epoch.diagnostics]}
    return {**found, "guesses": [asdict(guess) for guess in epoch.guesses]}


def _epoch(state: Mapping[str, Any]) -> Epoch:
    diagnostics = tuple(Verdict(**verdict) for verdict in state["diagnostics"])
    return Epoch(**{**state, "diagnostics": diagnostics, "guesses": tuple(Guess(**each) for each in state["guesses"])})


def _through_time(sizes: Mapping[str, float]) -> dict[str, float]:
    """The gradients of the steps of a sequence, as logarithms (base 10) of their shares of that of the last step: one
    step of training with a large gradient does not outweigh the others."""
    last = sizes.get("0", 0.0)
    if last <= 0:
        return {}
    return {back: max(math.log10(size / last), SMALLEST) if size > 0 else SMALLEST for back, size in sizes.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _spread(values: Sequence[float]) -> float:
    """The standard deviation."""
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1))


def _best(found: Iterable[float | None]) -> float | None:
    return max((value for value in found if value is not None), default=None)
