"""When to probe: a few times a second, ever more rarely in long runs, and never for more than 1 % of the time; for the
gradient through time, which is costly, 1 % more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from trainers.events import Event, Verdicts
from trainers.probes.activations import ActivationProbe
from trainers.probes.through_time import ThroughTimeProbe
from trainers.probes.weights import WeightProbe
from trainers.verdicts.network import Judge

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.paradigms.base import Learner

SHORTEST = 0.25  # seconds between two probes
OPENING = 4  # so many probes come in quick succession, so that a run of a second has verdicts too
SHARE = 0.01  # of wall time
MOMENTS = 200  # a run that has lasted t seconds is probed about every t / MOMENTS seconds


class ProbeClock:
    """Watches one step now and then. `specs` are the layers of each node, for what counts as saturated."""

    def __init__(self, specs: Mapping[str, Any], now: Callable[[], float] = time.perf_counter) -> None:
        self.specs = specs
        self.judge = Judge(specs)
        self._tables = {name for name, spec in specs.items() if getattr(spec, "vocabulary_parameter", None)}
        self._now = now
        self._spent = 0.0  # seconds of training time this run has had, pauses left out
        self._last = now()
        self._next = 0.0
        self._cost = 0.0
        self._count = 0
        self._next_through_time = 0.0
        self._replayed = 0.0  # seconds that the probe through time took in this step

    def step(self, learner: Learner, batch: Batch, number: int, events: list[Event]) -> Tensor:
        """One step of the learner, watched if a probe is due."""
        now = self._now()
        self._spent += min(now - self._last, 5.0)  # a longer gap was a pause
        self._last = now
        if self._spent < self._next:
            loss = learner.step(batch)
        else:
            loss = self._watched(learner, batch, number, events)
            self._count += 1
            pause = max(SHORTEST, self._cost / SHARE, self._spent / MOMENTS)
            self._next = self._spent + (0.0 if self._count < OPENING else pause)
        events.extend(learner.snapshots(number))
        return loss

    def _watched(self, learner: Learner, batch: Batch, number: int, events: list[Event]) -> Tensor:
        begun = self._now()
        activations = ActivationProbe(learner.modules, self.specs, learner.probed_forward)
        weights = WeightProbe(learner.modules, self._tables)
        through_time = ThroughTimeProbe(learner.modules) if self._spent >= self._next_through_time else None
        eager, learner.eager = learner.eager, True  # a network compiled by torch.compile runs no hooks
        try:
            with ExitStack() as stack:
                stack.enter_context(weights)
                stack.enter_context(activations)
                if through_time is not None:
                    stack.enter_context(through_time)
                ready = self._now()
                loss = learner.step(batch)
                done = self._now()
        finally:
            learner.eager = eager
        found = [*activations.events(number), *weights.events(number), *self._through_time(through_time, number)]
        events.extend(found)
        verdicts = self.judge.consider(found)
        if self.judge.settled:  # else a run that goes on would forget what was said of it before
            events.append(Verdicts(number, verdicts))
        # The step itself would have been taken anyway. The first probe pays for torch's own first calls, so a single
        # costly one must not silence the next: the cost is believed slowly.
        cost = self._now() - done + ready - begun - self._replayed
        self._cost = min(cost, 2 * self._cost or 0.005)
        return loss

    def _through_time(self, probe: ThroughTimeProbe | None, number: int) -> list[Event]:
        """What the costly probe saw. It keeps a clock of its own, so that the others need not wait for it."""
        begun = self._now()
        found = [] if probe is None else list(probe.events(number))
        self._replayed = self._now() - begun
        if probe is not None:
            self._next_through_time = self._spent + max(SHORTEST, self._replayed / SHARE, self._spent / MOMENTS)
        return found
