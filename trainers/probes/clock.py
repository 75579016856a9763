"""When to probe: a few times a second, more rarely in long runs, and for at most 1 % of the time.

The gradient through time, which is costly, may take another 1 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from trainers.events import Event, Verdicts
from trainers.probes.activations import ActivationProbe
from trainers.probes.through_time import ThroughTimeProbe
from trainers.probes.weights import WeightProbe
from trainers.verdicts.history import Assessment

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.paradigms.base import Learner

SHORTEST = 0.25  # seconds between two probes
FIRST_PROBES = 4  # follow one another without a pause, so that a run of one second has verdicts too
SHARE = 0.01  # of wall time
PROBES = 200  # a run that has lasted t seconds is probed about every t / PROBES seconds


class ProbeClock:
    """Takes the steps of a learner, and probes some of them. `specs` are the layers of the nodes."""

    def __init__(self, specs: Mapping[str, Any], now: Callable[[], float] = time.perf_counter) -> None:
        self.specs = specs
        self.assessment = Assessment(specs)
        self._embeddings = {name for name, spec in specs.items() if getattr(spec, "vocabulary_parameter", None)}
        self._now = now
        self._spent = 0.0  # seconds of training, without pauses
        self._last = now()
        self._next = 0.0
        self._cost = 0.0
        self._count = 0
        self._next_through_time = 0.0
        self._through_time_cost = 0.0  # seconds that the probe of the gradient through time took in this step

    def step(self, learner: Learner, batch: Batch, number: int, events: list[Event]) -> Tensor:
        """One step of the learner, probed if a probe is due. Adds what was measured to `events`."""
        now = self._now()
        self._spent += min(now - self._last, 5.0)  # a longer gap was a pause
        self._last = now
        if self._spent < self._next:
            loss = learner.step(batch)
        else:
            loss = self._probed_step(learner, batch, number, events)
            self._count += 1
            pause = max(SHORTEST, self._cost / SHARE, self._spent / PROBES)
            self._next = self._spent + (0.0 if self._count < FIRST_PROBES else pause)
        events.extend(learner.snapshots(number))
        return loss

    def _probed_step(self, learner: Learner, batch: Batch, number: int, events: list[Event]) -> Tensor:
        begun = self._now()
        activations = ActivationProbe(learner.modules, self.specs, learner.probed_forward)
        weights = WeightProbe(learner.modules, self._embeddings)
        through_time = ThroughTimeProbe(learner.modules) if self._spent >= self._next_through_time else None
        eager, learner.eager = learner.eager, True  # a network compiled by torch.compile calls no hooks
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
        verdicts = self.assessment.add(found)
        if self.assessment.has_enough_probes:  # before that, a resumed run would lose the verdicts it had
            events.append(Verdicts(number, verdicts))
        # Without the step itself, which would have been taken anyway. The first probe includes torch's own first calls,
        # so the estimated cost at most doubles with each probe.
        cost = self._now() - done + ready - begun - self._through_time_cost
        self._cost = min(cost, 2 * self._cost or 0.005)
        return loss

    def _through_time(self, probe: ThroughTimeProbe | None, number: int) -> list[Event]:
        """The events of the costly probe. It has its own schedule, so that the others need not wait for it."""
        begun = self._now()
        found = [] if probe is None else list(probe.events(number))
        self._through_time_cost = self._now() - begun
        if probe is not None:
            pause = max(SHORTEST, self._through_time_cost / SHARE, self._spent / PROBES)
            self._next_through_time = self._spent + pause
        return found
