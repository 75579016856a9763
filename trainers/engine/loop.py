"""The training loop: batches, `learner.step(batch)`, epochs. It does not know what is trained.

Beside the step, the hot path is one comparison of a clock. Everything else happens in `_tick`, about four times a
second: the losses are copied from the device in one go, the probes watch one step, events go to the store.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from builder.problems import NetloomError
from trainers.data.batches import BatchSource
from trainers.engine.interruption import Interrupted, interruptible
from trainers.events import DIVERGED, Event, Metric, Verdicts
from trainers.job import EarlyStopping
from trainers.paradigms.base import KeptMetric
from trainers.probes import ProbeClock
from trainers.verdicts.evidence import Epoch

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.splits import Split
    from trainers.paradigms.base import Learner
    from trainers.probes.nonfinite import Origin

FLUSH_SECONDS = 0.25
FIRST_POINTS = 3  # of the loss curve, which do not wait for the first generated samples: these may take a second
FINE_STEPS = 1000  # each of the first steps is a point of the loss curve; later points average several steps


class Diverged(NetloomError):
    """The loss is NaN or infinite. `.step` is the first step at which it is."""

    origin: Origin | None = None  # where it began, once that was looked for

    def __init__(self, step: int) -> None:
        self.step = step
        super().__init__(f"{DIVERGED} at step {step:,}.")


@dataclass
class TrainingPosition:
    """Where a run is in its epochs, and its best epoch so far. A checkpoint has this and the tensors of the learner."""

    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the current epoch
    step: int = 0
    best_value: float | None = None  # of the metric to keep
    best_epoch: int = 0
    epochs_without_progress: int = 0
    sum_loss: float = 0.0  # of the losses since the last point of the loss curve
    count_loss: int = 0
    epoch_sum_loss: float = 0.0  # of the losses of the current epoch
    epoch_count_loss: int = 0


@dataclass
class Loop:
    """The loop of one run.

    `on_tick(events)` is called with the new events, on a clock and at the end; it returns True to leave the loop after
    the current step (pause, stop). Calling `run` again continues from there with the same numbers. `check()` is called
    now and then during an evaluation, and raises `Interrupted` to leave it; the next call of `run` begins it again.
    """

    learner: Learner
    batches: BatchSource
    validation: Split
    epochs: int
    max_steps: int | None
    early_stopping: EarlyStopping | None
    on_tick: Callable[[list[Event]], bool]
    probes: ProbeClock
    metric_to_keep: KeptMetric | None = field(default_factory=KeptMetric)
    evaluates_without_samples: bool = False  # the learner makes its own samples to evaluate on
    check: Callable[[], None] = lambda: None
    position: TrainingPosition = field(default_factory=TrainingPosition)
    best: dict[str, Tensor] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _pending: list[Tensor] = field(default_factory=list)
    _deadline: float = 0.0
    _ticks: int = 0
    _has_samples: bool = False  # whether the learner was asked for generated samples and the like

    def check_requests_now(self) -> None:
        """Look for a request to pause or stop after the next step instead of at the next tick. From any thread."""
        self._deadline = 0.0

    def run(self) -> bool:
        """Train until the end (True) or until `on_tick` returns True (False). Raises Diverged."""
        limit = self.max_steps or math.inf
        position = self.position
        # A run that was killed after its last step still has to end its epoch, and one that was killed while its best
        # weights were tested has stopped early already.
        while position.epoch < self.epochs and (position.step < limit or position.batch) and not self.stopped_early:
            if position.step < limit and not self._run_epoch(limit):
                return False
            if not self._end_epoch():
                return False
        if not self._has_samples:  # the run was over before its first tick with them
            self.events.extend(self.learner.snapshots(position.step))
        self.events.extend(self.learner.last_events())
        self.probes.assessment.evidence.ended = True
        self.events.append(Verdicts(position.step, self.probes.assessment.verdicts()))
        self.on_tick(self._take())
        return True

    def _run_epoch(self, limit: float) -> bool:
        """The remaining batches of one epoch. False: `on_tick` asked to leave."""
        position, step, pending, clock = self.position, self.learner.step, self._pending, time.perf_counter
        probes = self.probes
        for batch in self.batches.epoch(position.epoch, position.batch):
            if clock() < self._deadline and position.step + 1 < probes.evidence_step:
                pending.append(step(batch))
                position.step += 1
                position.batch += 1
            else:
                pending.append(probes.step(self.learner, batch, position.step + 1, self.events))
                position.step += 1
                position.batch += 1
                if position.step >= probes.evidence_step:
                    self._collect()
                    probes.judge(position.step, self.events)
                if clock() >= self._deadline and self._tick():
                    return False
            if position.step >= limit:
                break
        return True

    def _tick(self) -> bool:
        """Hand the new events to `on_tick`. True: leave the loop."""
        self._collect()
        leave = self.on_tick(self._take())
        if not leave and self.position.step >= FIRST_POINTS:
            self.events.extend(self.learner.snapshots(self.position.step))
            self._has_samples = True
        # The first ticks follow one another quickly, so that a run of one second has curves and verdicts too.
        self._ticks += 1
        self._deadline = time.perf_counter() + min(FLUSH_SECONDS, 0.01 * 2 ** min(self._ticks, 5))
        return leave

    def _take(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def _collect(self) -> None:
        """Copy the losses of the last steps from the device in one go, and add them to the loss curve."""
        if not self._pending:
            return
        position = self.position
        values = torch.stack(self._pending).float().tolist()
        first = position.step - len(values) + 1
        self._pending.clear()
        trend = self.probes.assessment.evidence.losses
        for step, value in enumerate(values, first):
            if not math.isfinite(value):
                trend.diverged = step
                self.events.append(Verdicts(step, self.probes.assessment.verdicts()))
                raise Diverged(step)
            trend.add(value)
            position.sum_loss += value
            position.count_loss += 1
            position.epoch_sum_loss += value
            position.epoch_count_loss += 1
            if step % bucket(step) == 0:
                self._end_bucket(step)

    def _end_bucket(self, step: int) -> None:
        position = self.position
        mean = position.sum_loss / position.count_loss
        self.events.append(Metric(step, position.epoch + 1, "training", "loss", mean))
        position.sum_loss, position.count_loss = 0.0, 0

    def _end_epoch(self) -> bool:
        """Evaluate, keep the best weights, step the schedules that go by epochs. False: the evaluation was left."""
        position = self.position
        self._collect()
        batch = position.batch
        position.epoch, position.batch = position.epoch + 1, 0
        try:
            validation = self._validate()
        except Interrupted:
            position.epoch, position.batch = position.epoch - 1, batch
            self.on_tick(self._take())
            return False
        training = self.learner.training_metrics()
        for name, value in training.items():
            self.events.append(Metric(position.step, position.epoch, "training", name, value))
        mean = position.epoch_sum_loss / max(position.epoch_count_loss, 1)
        position.epoch_sum_loss, position.epoch_count_loss = 0.0, 0
        guesses = getattr(self.learner, "guesses", ())
        epoch = Epoch(position.epoch, mean, validation, self.learner.diagnostics, training, guesses)
        self.probes.assessment.evidence.epochs.add(epoch)
        self.learner.epoch_end(validation.get("loss"))
        self._remember_best(validation)
        return True

    def _validate(self) -> dict[str, float]:
        if not len(self.validation) and not self.evaluates_without_samples:
            return {}
        with interruptible(self.learner.modules, self.check):
            scores = self.learner.evaluate(self.validation)
        for metric, value in scores.items():
            self.events.append(Metric(self.position.step, self.position.epoch, "validation", metric, value))
        return scores

    def _remember_best(self, scores: Mapping[str, float]) -> None:
        """Copy the weights when the metric to keep is the best so far; without such a metric, after every epoch."""
        position, metric = self.position, self.metric_to_keep
        value = None if metric is None else scores.get(metric.name)
        margin = self.early_stopping.min_delta if self.early_stopping else 0.0
        if metric is None or value is None:
            position.epochs_without_progress, position.best_value = 0, None
        else:
            best = metric.worst if position.best_value is None else position.best_value
            improved = metric.improves(value, best, margin)
            position.epochs_without_progress = 0 if improved else position.epochs_without_progress + 1
            if not metric.improves(value, best):
                return
            position.best_value = value
        position.best_epoch = position.epoch
        current = weights(self.learner)
        if not self.best:
            self.best = {name: tensor.clone() for name, tensor in current.items()}
        else:
            for name, tensor in current.items():
                self.best[name].copy_(tensor)

    @property
    def stopped_early(self) -> bool:
        """Whether the metric to keep has not improved for `patience` epochs."""
        stopping = self.early_stopping
        return stopping is not None and self.position.epochs_without_progress >= stopping.patience


def weights(learner: Learner) -> dict[str, Tensor]:
    """Parameters and buffers of every network, by "network/key"."""
    return {
        f"{network}/{key}": tensor.detach()
        for network, module in learner.modules.items()
        for key, tensor in module.state_dict().items()
    }


def load_weights(loop: Loop, values: dict[str, Tensor]) -> None:
    """Load weights, by "network/key", into the networks of the learner."""
    for network, module in loop.learner.modules.items():
        prefix = f"{network}/"
        module.load_state_dict({k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)})


def bucket(step: int) -> int:
    """How many steps one point of the loss curve averages at this step: it doubles each time the number of steps does.

    It depends on the step alone, so the same job gives the same curve on a fast and on a slow machine, and a run of a
    million steps has about ten thousand points.
    """
    return 1 << max(0, (max(step - 1, 0) // FINE_STEPS).bit_length())
