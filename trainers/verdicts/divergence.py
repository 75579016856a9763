"""Verdicts on steps and penalties that are too large: why a loss grows, or why the weights go to zero."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from trainers.events import Badge, Verdict, VerdictSeverity
from trainers.verdicts.advice import CLIP, LESS_DECAY, LESS_L1, LOWER_RATE, NORMALISE, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import Evidence
from trainers.verdicts.network import GUESSING
from trainers.verdicts.rules import EvidenceRule, percent

L1_USUAL = "0.00001 to 0.001"
UNITS = ("DeadUnits", "SaturatedUnits", "VanishingGradients", "SlowUpdates", "Forgets")


class DecayDiverges(EvidenceRule):
    """The learning rate times the weight decay is so large that each step throws the weights beyond zero, and further.

    Weight decay takes rate · decay of every weight away in each step. Above 1 the sign of the weights changes, above 2
    they grow from step to step, whatever the gradients are: neither clipping nor a slightly lower rate helps.

    Example: spiral, trained with SGD, a learning rate of 0.3 and a weight decay of 10.
    Fix: lower weight_decay.
    """

    title: ClassVar[str] = "Weight decay makes the weights grow"
    severity: ClassVar[VerdictSeverity] = "error"
    badge: ClassVar[Badge] = ""
    effects: ClassVar[tuple[str, ...]] = (
        "ExplodingGradients", "LearningRateTooHigh", "TooMuchMomentum", "PenaltyTooStrong", "Overfitting", *UNITS,
        *GUESSING,
    )  # fmt: skip

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        if run.job is None or not run.job.optimizer.shrinks_weights or evidence.does_well:
            return
        product, limit = run.highest_rate * run.weight_decay, run.job.optimizer.largest_decay
        if product > limit:
            yield self.verdict(
                run,
                None,
                f"The weight decay makes the weights grow: the learning rate {run.highest_rate:g} times weight_decay "
                f"{run.weight_decay:g} is {product:g}, and above {limit:g} each step throws the weights beyond zero, "
                "further than they were.",
                "Lower weight_decay: 0.0001 to 0.01 is usual. With a lower learning rate alone the decay would pull "
                "all weights to zero.",
            )


class PenaltyTooStrong(EvidenceRule):
    """Weight decay or L1 pulls the weights to zero faster than the gradients can hold them, and nothing is learned.

    Example: a perceptron on digits, trained with SGD and a weight decay of 1.
    Fix: lower weight_decay or l1.
    """

    title: ClassVar[str] = "Weight decay or L1 too strong"
    effects: ClassVar[tuple[str, ...]] = ("LearningRateTooHigh", *UNITS, *GUESSING)
    shrunk: ClassVar[float] = 0.5  # of the initial weights: then the penalty is to blame whatever its size
    small: ClassVar[float] = 0.85  # of the initial weights: then a penalty from `large` on is to blame
    large: ClassVar[float] = 0.05

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run, first = evidence.circumstances, evidence.probes.first.get("weights", {})
        if not (run.weight_decay or run.l1) or not evidence.disappoints:
            return
        before = math.hypot(*(first[node].get("norm", 0.0) for node in first))
        now = math.hypot(*(values.get("norm", 0.0) for values in evidence.probes.weights.values()))
        if 0 < now <= self.shrunk * before or (now == 0 < before):
            name, advice, usual = self._stronger(run)
            what = f"pulls the weights to zero: they have {percent(now / before)} of their initial size"
        elif 0 < now <= self.small * before and max(run.weight_decay, run.l1) >= self.large:
            name, advice, usual = self._stronger(run)
            size = percent(now / before)
            what = f"keeps the weights small: they have {size} of their initial size, and grow where a network learns"
        elif evidence.fails and self._l1_is_all(evidence):
            name, advice, usual = "l1", LESS_L1, L1_USUAL
            what = "is nearly all of the gradient, and the loss hardly counts"
        else:
            return
        penalty = "Weight decay" if name == "weight_decay" else "The L1 penalty"
        yield self.verdict(
            run,
            None,
            f"{penalty} is too strong: {name} {getattr(run, name):g} {what}.",
            f"{advise(run, advice)[:-1]}: {usual} is usual.",
        )

    @staticmethod
    def _l1_is_all(evidence: Evidence) -> bool:
        """Whether the gradients, which include that of the penalty, are about as large as that alone."""
        l1 = evidence.circumstances.l1
        sizes = [values.get("mean_abs", 0.0) for values in evidence.probes.gradients.values()]
        return bool(sizes) and 0.67 * l1 < statistics.median(sizes) < 1.5 * l1

    @staticmethod
    def _stronger(run: Circumstances) -> tuple[str, Advice, str]:
        """Which of both pulls more: L1 pulls a weight of any size alike, decay in proportion to its size."""
        typical = 0.1  # the size of a weight
        if run.l1 >= run.weight_decay * typical:
            return "l1", LESS_L1, L1_USUAL
        return "weight_decay", LESS_DECAY, "0.0001 to 0.01"


class TooMuchMomentum(EvidenceRule):
    """Momentum adds up so many past gradients that the steps overshoot, and the loss grows, stays high or rises again.

    With momentum m a gradient acts for 1 / (1 - m) steps: 10 with 0.9, 1,000 with 0.999.

    Example: a perceptron on digits, trained with SGD, a learning rate of 0.1 and a momentum of 0.999.
    Fix: set momentum to 0.9.
    """

    title: ClassVar[str] = "Too much momentum"
    severity: ClassVar[VerdictSeverity] = "error"
    effects: ClassVar[tuple[str, ...]] = ("ExplodingGradients", "LearningRateTooHigh", "Overfitting", *UNITS, *GUESSING)
    longest: ClassVar[float] = 40.0  # steps

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        if run.job is None or run.job.optimizer.memory < self.longest:
            return
        # A network that has learned and then overshoots may still have a fair score, from the best of its last epochs.
        high = evidence.losses.grows or (evidence.fails and evidence.losses.stays_high)
        if (high and not evidence.does_well) or evidence.losses.rises_again:
            yield self.verdict(
                run,
                None,
                f"Too much momentum: each gradient acts for about {run.job.optimizer.memory:,.0f} steps, so the "
                "weights overshoot.",
                advise(run, Advice("set the momentum to 0.9"), LOWER_RATE),
            )


class LearningRateTooHigh(EvidenceRule):
    """The steps are so large that the loss grows, or stays as high as at the start.

    A step that changes the weights by more than a few percent of their size leaves the region in which the gradient
    says which way is down. The next gradients are larger still, or units are thrown where they have none.

    Example: a perceptron on diabetes, trained with SGD and a learning rate of 50.
    Fix: lower the learning rate, or set `gradient_clip` to 1.
    """

    title: ClassVar[str] = "Learning rate too high"
    severity: ClassVar[VerdictSeverity] = "error"
    badge: ClassVar[Badge] = "exploding"
    effects: ClassVar[tuple[str, ...]] = ("Overfitting", *UNITS, *GUESSING)

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        largest = evidence.probes.largest_update
        if evidence.does_well or not (evidence.losses.grows or evidence.losses.stays_high):
            if self._hinders(evidence):
                yield self._hindering(evidence)
            return
        if not _large_steps(evidence) and not (evidence.losses.grows and max(largest.values(), default=0.0) > 0.01):
            return
        node, run = max(largest, key=largest.__getitem__), evidence.circumstances
        what = "the loss grows" if evidence.losses.grows else "the loss stays as high as at the start"
        what = "the loss is NaN or infinite" if evidence.losses.diverged else what
        rate = f" {run.highest_rate:g}" if run.highest_rate else ""
        share = percent(largest[node])
        size = f"by {share} of their size" if largest[node] <= 10 else "to more than ten times their size"
        yield self.verdict(
            run,
            node,
            f"The learning rate{rate} is too high: {what}, and one step changed the weights of {{node}} {size}.",
            advise(run, LOWER_RATE, CLIP, NORMALISE),
        )

    def _hinders(self, evidence: Evidence) -> bool:
        """Whether the network learns something, and is kept from more by steps that are or once were much too large."""
        if not evidence.disappoints or evidence.losses.falls:
            return False
        largest = statistics.median(evidence.probes.largest_update.values() or [0.0])
        return evidence.probes.typical_update > 0.05 or largest > 0.5

    def _hindering(self, evidence: Evidence) -> Verdict:
        run, share = evidence.circumstances, evidence.probes.typical_update
        rate = f" {run.highest_rate:g}" if run.highest_rate else ""
        if share > 0.05:
            steps = f"each step changes the weights of most layers by {percent(share)} of their size"
        else:
            largest = percent(statistics.median(evidence.probes.largest_update.values()))
            steps = f"a step has changed the weights of most layers by up to {largest} of their size"
        message = f"The learning rate{rate} is too high: the loss no longer falls, and {steps}."
        return replace(self.verdict(run, None, message, advise(run, LOWER_RATE)), severity="warning", badge="")


def _large_steps(evidence: Evidence) -> bool:
    """Whether steps are, or once were, large compared with the weights: 5 % for most nodes, or half for one."""
    ratios = [values.get("update_ratio", 0.0) for values in evidence.probes.gradients.values()]
    return bool(ratios) and (statistics.median(ratios) > 0.05 or max(evidence.probes.largest_update.values()) > 0.5)
