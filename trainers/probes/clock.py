"""When to probe: at steps that the job alone decides, for the verdicts, and on a clock in between, for the charts.

The clock probes a few times a second, more rarely in long runs, and for at most 1 % of the time. The gradient through
time, which is costly, may take another 1 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainers.events import Event, Probe, Verdicts
from trainers.probes.activations import ActivationProbe, is_activation
from trainers.probes.through_time import ThroughTimeProbe
from trainers.probes.weights import WeightProbe
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.paradigms.base import Learner

SHORTEST = 0.25  # seconds between two probes
SHARE = 0.01  # of wall time
FIRST_STEPS = 2  # what is measured for verdicts in these steps is drawn too, so that a run of one second has charts
PROBES = 200  # a run that has lasted t seconds is probed about every t / PROBES seconds
EVEN_GAPS = 12  # the gap between two steps with evidence is at most this share of the run,
LEAST_GAP = 12  # and in a short run at most so many steps
THROUGH_TIME = 3  # of so many steps with evidence one includes the costly gradient through time


def evidence_steps(total: int) -> Callable[[int], int]:
    """A function: step → the next step at which evidence for verdicts is taken, in a run of so many steps (0: unknown).

    Steps 1, 2, 4, 8, 16, … : dense at first, where the network changes most, then at even gaps. In a run of 50 steps
    there are 8, in one of a million 27.
    """
    longest = max(LEAST_GAP, total // EVEN_GAPS) if total else None

    def following(step: int) -> int:
        found = 1
        while found <= step:
            found += found if longest is None else min(found, longest)
        return found

    return following


class ProbeClock:
    """Takes the steps of a learner, and probes some of them."""

    def __init__(self, circumstances: Circumstances, now: Callable[[], float] = time.perf_counter) -> None:
        self.assessment = Assessment(circumstances)
        self.specs: Mapping[str, Any] = circumstances.specs
        self._embeddings = {name for name, spec in self.specs.items() if getattr(spec, "vocabulary_parameter", None)}
        self._following = evidence_steps(circumstances.total_steps)
        self.evidence_step = 1  # the next step at which evidence is taken: `step` must be called for it
        self._now = now
        self._spent = 0.0  # seconds of training, without pauses
        self._last = now()
        self._next = 0.0
        self._cost = 0.0
        self._next_through_time = 0.0
        self._through_time_cost = 0.0  # seconds that the probe of the gradient through time took in this step

    def step(self, learner: Learner, batch: Batch, number: int, events: list[Event]) -> Tensor:
        """One step of the learner, probed if a probe is due. Adds what was measured to `events`."""
        now = self._now()
        self._spent += min(now - self._last, 5.0)  # a longer gap was a pause
        self._last = now
        if number < self.evidence_step and self._spent < self._next:
            loss = learner.step(batch)
        else:
            for_charts = self._spent >= self._next or number <= FIRST_STEPS
            loss = self._probed_step(learner, batch, number, events, for_charts)
            if for_charts:
                self._next = self._spent + max(SHORTEST, self._cost / SHARE, self._spent / PROBES)
        return loss

    def judge(self, step: int, events: list[Event]) -> None:
        """After a step, when its loss is known: add the verdicts to `events` if evidence was taken at this step."""
        if step >= self.evidence_step:
            self.evidence_step = self._following(step)
            self.assessment.evidence.step = step
            events.append(Verdicts(step, self.assessment.verdicts()))

    def _probed_step(
        self, learner: Learner, batch: Batch, number: int, events: list[Event], for_charts: bool
    ) -> Tensor:
        begun = self._now()
        is_evidence = number >= self.evidence_step
        activations = ActivationProbe(learner.modules, self.specs, learner.probed_forward, not for_charts)
        weights = WeightProbe(learner.modules, self._embeddings, not for_charts)
        for_evidence = is_evidence and self.assessment.evidence.probes.count % THROUGH_TIME == 0
        costly = for_evidence or (for_charts and not is_evidence and self._spent >= self._next_through_time)
        through_time = ThroughTimeProbe(learner.modules) if costly else None
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
        if for_charts:
            events.extend(found)
        if is_evidence:
            self.assessment.evidence.probes.add(only_activation_layers(found, self.specs))
        if not for_charts:
            return loss
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

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to come to the same verdicts."""
        return {"evidence": self.assessment.evidence.state_dict(), "evidence_step": self.evidence_step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict()` returned."""
        self.assessment.evidence.load_state_dict(state["evidence"])
        self.evidence_step = state["evidence_step"]

    def start_late(self, step: int) -> None:
        """A run continues after `step` from a checkpoint without evidence."""
        self.evidence_step = self._following(step)


def only_activation_layers(events: list[Event], specs: Mapping[str, Any]) -> Iterator[Event]:
    """The events of a step as evidence: the same whether the step was measured for charts as well or not."""
    for event in events:
        if isinstance(event, Probe) and event.kind == "activations":
            values = {name: each for name, each in event.values.items() if is_activation(specs.get(name))}
            yield replace(event, values=values)
        else:
            yield event
