"""Verdicts on single settings that are known to prevent learning when they are extreme.

Each needs the setting, and a run that is clearly worse than it could be. They come before everything else that the
same setting does to the network: dropout of 95 % also makes units look dead.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from trainers.events import Badge, Verdict, VerdictSeverity
from trainers.verdicts.advice import (
    LARGER_BATCH,
    LESS_DROPOUT,
    LESS_SMOOTHING,
    LESS_STRONG_SCHEDULE,
    RAISE_CLIP,
    Advice,
    advise,
)
from trainers.verdicts.evidence import Evidence
from trainers.verdicts.network import GUESSING, SlowUpdates
from trainers.verdicts.rules import EvidenceRule, percent

UNITS = ("DeadUnits", "SaturatedUnits", "VanishingGradients", "SlowUpdates", "Forgets")
STEPS = ("ExplodingGradients", "LearningRateTooHigh")


class _SettingRule(EvidenceRule):
    """Base of the verdicts on one setting: an error where nothing is learned, else a warning."""

    effects: ClassVar[tuple[str, ...]] = (*UNITS, *GUESSING)

    def found(self, evidence: Evidence, node: str | None, message: str, advice: str) -> Verdict:
        """The verdict, as serious as the run is bad."""
        severity: VerdictSeverity = "error" if evidence.fails else "warning"
        return replace(self.verdict(evidence.circumstances, node, message, advice), severity=severity)


class WarnedBefore(_SettingRule):
    """A check warned before the first step of what now keeps the network from learning.

    Checks such as those of the last activation, of the axes of a sample and of the augmentation know what is wrong
    without a run. Their warning can be ignored; once the run goes badly it is the first thing to look at.

    Example: a regression that ends in Sigmoid, while standardised targets lie on both sides of 0.
    Fix: apply the fix of the check, on the Build page.
    """

    title: ClassVar[str] = "What a check warned of"
    badge: ClassVar[Badge] = "check"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        if not evidence.disappoints:
            return
        for problem in run.warnings[:1]:
            node = problem.node
            subject = "" if node is None else "{node} "
            fix = f" “{problem.fix_label}” on the Build page does it." if problem.fix_label else ""
            message = f"As check {problem.code} warned before the first step: {subject}{problem.message}"
            yield self.found(evidence, node, message, f"Follow the check.{fix}")


class DropoutTooStrong(_SettingRule):
    """Dropout sets so many units to zero that too few are left to tell the samples apart, and nothing is learned.

    Example: two hidden layers with a dropout of 0.95 each.
    Fix: 0.1 to 0.5 is usual.
    """

    title: ClassVar[str] = "Dropout too strong"
    badge: ClassVar[Badge] = "strong"
    strong: ClassVar[float] = 0.8

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        shares = evidence.circumstances.dropouts
        node = max(shares, key=shares.__getitem__, default="")
        if node and shares[node] >= self.strong and evidence.disappoints:
            yield self.found(
                evidence,
                node,
                f"Dropout is too strong: {{node}} sets {percent(shares[node])} of its inputs to zero in every step.",
                f"{advise(evidence.circumstances, LESS_DROPOUT)[:-1]}: 0.1 to 0.5 is usual.",
            )


class LabelSmoothingTooStrong(_SettingRule):
    """Label smoothing spreads so much of each target over all classes that hardly anything of the true one is left.

    Example: ten classes and a label smoothing of 0.9: the target is 0.19 for the true class and 0.09 for each other.
    Fix: 0.1 is usual.
    """

    title: ClassVar[str] = "Label smoothing too strong"
    strong: ClassVar[float] = 0.5

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        smoothing = evidence.circumstances.label_smoothing
        if smoothing >= self.strong and evidence.disappoints:
            yield self.found(
                evidence,
                None,
                f"Label smoothing is too strong: {percent(smoothing)} of each target is the same for every class, so "
                "the loss hardly says which class is the true one.",
                f"{advise(evidence.circumstances, LESS_SMOOTHING)[:-1]}: 0.1 is usual.",
            )


class ClippingTooStrong(_SettingRule):
    """Gradient clipping makes every gradient so small that the weights hardly move.

    Clipping is there for rare large gradients. One that acts in every step is a lower learning rate.

    Example: a perceptron on digits, trained with SGD and gradient clipping at 0.000001.
    Fix: set gradient clipping to 1.
    """

    title: ClassVar[str] = "Gradient clipping too strong"
    usual: ClassVar[float] = 0.1  # a larger value is no extreme setting

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        clip = run.gradient_clip
        if clip is None or clip >= self.usual or not SlowUpdates.holds(evidence):
            return
        norm = math.hypot(*(values.get("norm", 0.0) for values in evidence.probes.gradients.values()))
        if 0.5 * clip < norm <= 1.05 * clip:
            yield self.found(
                evidence,
                None,
                f"Gradient clipping is too strong: it shortens the gradients of every step to the norm {clip:g}, and "
                "the weights hardly move.",
                advise(run, RAISE_CLIP),
            )


class RateFallsTooEarly(_SettingRule):
    """The schedule makes the learning rate so small that the weights stand still, long before the network has learned.

    Example: the schedule step with a step_size of 1 epoch and a gamma of 0.1: after four epochs nothing moves.
    Fix: a larger step_size or gamma, or another schedule.
    """

    title: ClassVar[str] = "Learning rate falls too early"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        if run.has_constant_rate or run.rate_follows_validation or not evidence.disappoints:
            return
        largest = [value for value in evidence.probes.largest_update.values() if value > 0]
        ratios = [v["update_ratio"] for v in evidence.probes.gradients.values() if v.get("update_ratio", 0) > 0]
        if not ratios or statistics.median(ratios) >= SlowUpdates.ratio:
            return
        if statistics.median(largest) > 10 * statistics.median(ratios):
            yield self.found(
                evidence,
                None,
                "The schedule lowers the learning rate too early: a step changed the weights by up to "
                f"{statistics.median(largest):.0e} of their size at first, and now by {statistics.median(ratios):.0e}.",
                advise(run, LESS_STRONG_SCHEDULE),
            )


class SmallBatchStatistics(_SettingRule):
    """Batch normalisation computes means and variances from so few values that they say more of chance than of data.

    With two values per channel the normalised ones are always −1 and 1. With a batch of one image, training uses the
    statistics of that image, and evaluation those of all of them: the network is another one when it is tested.

    Example: BatchNorm1d with a batch of 2.
    Fix: use batches of 16 or more, or a layer that normalises each sample by itself.
    """

    title: ClassVar[str] = "Batch normalisation over too few samples"
    badge: ClassVar[Badge] = "noisy"
    effects: ClassVar[tuple[str, ...]] = (*STEPS, "TooMuchMomentum", "Overfitting", *UNITS, *GUESSING)

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run = evidence.circumstances
        if not evidence.disappoints or not run.small_statistics:
            return
        node, values = min(run.small_statistics.items(), key=lambda item: item[1])
        size = run.job.batch_size if run.job is not None else 0
        batch = "a batch of one sample" if size == 1 else f"a batch of {size} samples"
        many = "a single value" if values == 1 else f"{values:,} values"
        yield self.found(
            evidence,
            node,
            f"{{node}} normalises over {batch}: each mean and variance comes from {many}, and changes from batch to "
            "batch more than the samples do.",
            advise(run, LARGER_BATCH, Advice("use a normalisation of single samples, such as LayerNorm or GroupNorm")),
        )


class AugmentationTooStrong(_SettingRule):
    """An augmentation changes samples so much that what tells them apart is often lost.

    Example: digits of 8 x 8 pixels that are shifted by up to 8 pixels: many of them leave the image.
    Fix: a smaller shift, angle or deviation.
    """

    title: ClassVar[str] = "Augmentation too strong"
    strong: ClassVar[float] = 0.75

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        taken = evidence.circumstances.augmentations
        name = max(taken, key=taken.__getitem__, default="")
        if name and taken[name] >= self.strong and evidence.disappoints:
            yield self.found(
                evidence,
                None,
                f"The augmentation {name} may take away {percent(taken[name])} of what a sample shows, and even the "
                "training samples are not told apart.",
                f"Use less of {name}, or leave it out, and see whether the training metrics rise.",
            )
