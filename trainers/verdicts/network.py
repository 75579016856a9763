"""Verdicts on the network: why gradients do not reach its layers. They are withheld while the run does well."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator
from typing import Any, ClassVar

from builder.catalogue import CATALOGUE
from trainers.events import Badge, Verdict, VerdictSeverity
from trainers.verdicts.advice import (
    CLIP,
    DEFAULT_START,
    KAIMING,
    LARGER,
    LAYER_NORM,
    LONGER,
    LOWER_RATE,
    NORMALISE,
    RAISE_RATE,
    SKIP,
    Advice,
    advise,
)
from trainers.verdicts.evidence import WELL, Evidence
from trainers.verdicts.rules import EvidenceRule, listed, percent, thirds

# What comes of any training that does not work.
ALIKE = 3.0  # times: gradients whose sizes differ by less count as the same
GUESSING = ("NoBetterThanGuessing", "Underfitting", "NeverPredicted", "RareNeverPredicted", "OnlyOnePredicted")


class EqualWeights(EvidenceRule):
    """The weights of a layer start equal, so all of its units compute the same and get the same gradients for ever.

    A layer of a hundred equal units can do no more than one of a single unit. Random initial weights differ.

    Example: a perceptron with the initialisation zeros.
    Fix: choose another initialisation.
    """

    title: ClassVar[str] = "Equal weights"
    severity: ClassVar[VerdictSeverity] = "error"
    badge: ClassVar[Badge] = "equal"
    effects: ClassVar[tuple[str, ...]] = (
        "VanishingGradients", "DeadUnits", "SaturatedUnits", "SlowUpdates", "LearningRateTooHigh",
        "Forgets", "PenaltyTooStrong", *GUESSING,
    )  # fmt: skip

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        first, specs = evidence.probes.first.get("weights", {}), evidence.circumstances.specs
        equal = [
            node
            for node, values in evidence.probes.weights.items()
            if min(values.get("equal_units", 0.0), first[node].get("equal_units", 0.0)) > 0.999
            and not getattr(specs.get(node), "vocabulary_parameter", None)
        ]
        if not equal or evidence.does_well:
            return
        zero = first[equal[0]].get("norm", 0.0) == 0.0
        start = "are all zero at the start" if zero else "start equal for all of its units"
        others = [evidence.circumstances.on_canvas(node).words for node in equal[1:]]
        also = f" The same holds for {listed(others)}." if others else ""
        advice = Advice("choose an initialisation with random weights, such as torch's default")
        yield self.verdict(
            evidence.circumstances,
            equal[0],
            f"The weights of {{node}} {start}: its units get the same gradients, and nothing makes them differ.{also}",
            advise(evidence.circumstances, advice),
        )


class VanishingGradients(EvidenceRule):
    """Gradients become smaller from the output back to the input, so the first layers hardly learn.

    Each layer multiplies the gradient by its slope. Where most slopes are below one, such as in a deep network of
    sigmoids, the product is close to zero after a few layers.

    Example: six Linear layers with a Sigmoid after each, trained with SGD. The gradients of the first layer are
    12,000 times smaller than those of the last.
    Fix: use ReLU or another activation that does not saturate, batch normalisation, or skip connections.
    """

    title: ClassVar[str] = "Vanishing gradients"
    badge: ClassVar[Badge] = "vanishing"
    effects: ClassVar[tuple[str, ...]] = ("SlowUpdates", *GUESSING)
    factor: ClassVar[float] = 300.0

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        specs, run = evidence.circumstances.specs, evidence.circumstances
        # Each row of an embedding gets the gradient of few tokens of a batch, so its gradients are small anyway.
        sizes = {
            node: max(values.get("mean_abs", 0.0), 1e-30)
            for node, values in evidence.probes.gradients.items()
            if not getattr(specs.get(node), "vocabulary_parameter", None)
        }
        if len(sizes) < 3 or not evidence.fails:
            return
        # A single node may have small gradients because it is large, or beside the main path: the first third counts.
        first, last = (statistics.median(sizes[node] for node in part) for part in thirds(list(sizes)))
        if last < self.factor * first:
            return
        nodes = list(sizes)
        begin, end = nodes[0], nodes[-1]
        # Of several with gradients of about the same size, the first one: there they have come the whole way.
        least = min(sizes[node] for node in thirds(nodes)[0])
        smallest = next(node for node in nodes if sizes[node] <= ALIKE * least)
        between = _between(list(specs), begin, end)
        saturating = next((specs[node] for node in between if len(specs[node].bounds()) == 2), None)
        if saturating is not None:
            name = saturating.title()
            pieces = [f"use an activation that does not saturate instead of {name}, such as {_rectifier()}"]
        else:
            pieces = []
        ratio = _times(last / sizes[smallest])
        yield self.verdict(
            run,
            smallest,
            f"Gradients vanish: those of {{node}} are {ratio} smaller than those of "
            f"{run.on_canvas(end).words}, so the first layers hardly learn.",
            advise(run, *pieces, NORMALISE, LAYER_NORM, SKIP, KAIMING),
        )


class ExplodingGradients(EvidenceRule):
    """Gradients are huge from the first step on: the initial weights or the inputs are too large for the network.

    Each layer multiplies the gradient by its weights. Where these are large, the product grows from layer to layer.
    The first steps then throw the weights far away, and the loss with them.

    Example: eight Linear layers with ReLU on digits, with initial weights of the standard deviation 1.
    Fix: choose the default initialisation, normalise, or set `gradient_clip` to 1.
    """

    title: ClassVar[str] = "Exploding gradients"
    severity: ClassVar[VerdictSeverity] = "error"
    badge: ClassVar[Badge] = "exploding"
    effects: ClassVar[tuple[str, ...]] = (
        "LearningRateTooHigh", "DeadUnits", "SaturatedUnits", "SlowUpdates", "VanishingGradients", "Overfitting",
        *GUESSING,
    )  # fmt: skip
    norm: ClassVar[float] = 1e3
    factor: ClassVar[float] = 300.0

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        first = evidence.probes.first.get("gradients", {})
        sizes = {node: values.get("norm", 0.0) for node, values in first.items()}
        if not sizes or not (evidence.losses.grows or evidence.losses.stays_high or evidence.fails):
            return
        if evidence.does_well:
            return
        largest = max(sizes, key=sizes.__getitem__)
        means = {node: values.get("mean_abs", 0.0) for node, values in first.items()}
        early, late = (statistics.median(means[node] for node in part) for part in thirds(list(means)))
        if sizes[largest] < self.norm and early < self.factor * max(late, 1e-12):
            return
        run = evidence.circumstances
        yield self.verdict(
            run,
            largest,
            f"Gradients explode from the first step on: the norm of those of {{node}} was {sizes[largest]:.2g}. The "
            "initial weights, or the inputs, are too large.",
            advise(run, DEFAULT_START, NORMALISE, LAYER_NORM, CLIP, LOWER_RATE),
        )


class DeadUnits(EvidenceRule):
    """At least 40 % of the units of an activation are zero for every sample, and the network does not learn.

    Such a unit passes nothing on and gets no gradient, so the weights before it do not learn any more.

    Example: ReLU after a Linear layer whose biases start far below zero.
    Fix: use smaller initial weights, a lower learning rate, or LeakyReLU or GELU, whose slope for negative inputs is
    not zero.
    """

    title: ClassVar[str] = "Dead units"
    badge: ClassVar[Badge] = "dead"
    effects: ClassVar[tuple[str, ...]] = ("VanishingGradients", "SlowUpdates", *GUESSING)
    share: ClassVar[float] = 0.4

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run, first = evidence.circumstances, evidence.probes.first.get("activations", {})
        dead = {
            node: values["dead_share"]
            for node, values in evidence.probes.activations.items()
            if values.get("dead_share", 0.0) >= self.share
        }
        if not dead or not evidence.fails:
            return
        for node, share in itertools.islice(dead.items(), 1):
            from_start = first[node].get("dead_share", 0.0) >= self.share
            since = " from the first step on" if from_start else ""
            others = [run.on_canvas(name).words for name in list(dead)[1:]]
            also = f" So are many of {listed(others)}." if others else ""
            causes = [DEFAULT_START, "check the biases and the scale of what comes in"] if from_start else [LOWER_RATE]
            wider = Advice(LARGER.text, lambda run: run.narrowest is not None)
            leaky = f"use an activation whose slope for negative inputs is not zero, such as {_leaky()}"
            yield self.verdict(
                run,
                node,
                f"{percent(share)} of the units of {{node}} are dead{since}: they are zero for every sample, so the "
                f"weights before them get no gradient.{also}",
                advise(run, wider, *causes, NORMALISE, leaky),
            )


class SaturatedUnits(EvidenceRule):
    """At least half of the values of a bounded activation are at its bounds, and the network does not learn.

    There its slope is almost zero, so almost no gradient reaches the layers before it. The activation before an Output
    may saturate: an image has black and white pixels.

    Example: Tanh after a Linear layer whose weights are initialised with a standard deviation of 1.
    Fix: use smaller initial weights, or batch normalisation before the activation.
    """

    title: ClassVar[str] = "Saturated units"
    badge: ClassVar[Badge] = "saturated"
    effects: ClassVar[tuple[str, ...]] = ("VanishingGradients", "SlowUpdates", *GUESSING)
    share: ClassVar[float] = 0.5

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        run, specs = evidence.circumstances, evidence.circumstances.specs
        following = dict(itertools.pairwise(specs))
        first = evidence.probes.first.get("activations", {})
        if not evidence.fails:
            return
        for node, values in evidence.probes.activations.items():
            before_output = getattr(specs.get(following.get(node, "")), "role", "") == "output"
            share = values.get("saturated_share", 0.0)
            if share < self.share or before_output:
                continue
            bounds = " and ".join(f"{bound:g}" for bound in specs[node].bounds())
            from_start = first[node].get("saturated_share", 0.0) >= self.share
            since = ", from the first step on," if from_start else ""
            smaller = Advice("use smaller initial weights, or scale down what comes in", lambda _: True)
            yield self.verdict(
                run,
                node,
                f"{percent(share)} of the values of {{node}} are{since} at its bounds {bounds}, where the slope is "
                "almost zero: little gradient reaches the layers before it.",
                advise(run, *([DEFAULT_START, smaller] if from_start else [LOWER_RATE]), NORMALISE, LAYER_NORM),
            )
            return


class SlowUpdates(EvidenceRule):
    """One step changes the weights by less than 0.003 % of their size, and the network hardly learns; 0.1 % is usual.

    Example: a perceptron trained with SGD and a learning rate of 0.00001.
    Fix: raise the learning rate, until one step changes the weights by about 0.1 %.
    """

    title: ClassVar[str] = "Steps too small"
    effects: ClassVar[tuple[str, ...]] = GUESSING
    ratio: ClassVar[float] = 3e-5
    least: ClassVar[float] = 0.1  # of their size, by which all steps together must be able to change the weights

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        if not self.holds(evidence):
            return
        run, median = evidence.circumstances, statistics.median(_ratios(evidence))
        message = f"The steps are too small: one changes the weights by {median:.0e} of their size"
        if median < self.ratio:
            message += "; about 1e-03 is usual."
        else:
            message += f", and all {run.total_steps:,} together by less than {percent(self.least)}."
        yield self.verdict(run, None, message, advise(run, RAISE_RATE, LONGER))

    @classmethod
    def holds(cls, evidence: Evidence) -> bool:
        """Whether the weights hardly move, and the network is not good."""
        ratios, known = _ratios(evidence), evidence.progress
        badly = evidence.fails or (evidence.ended and known is not None and known < WELL)
        if not ratios or not badly:
            return False
        largest = statistics.median(value for value in evidence.probes.largest_update.values() if value > 0)
        slow = statistics.median(ratios) < cls.ratio and largest < 10 * cls.ratio
        return slow or 0 < largest * evidence.circumstances.total_steps < cls.least


class Forgets(EvidenceRule):
    """The gradient of a recurrent layer becomes almost zero from the last step of a sequence to the first ones.

    What the network reads in the first steps then has no influence on its weights, so it is not learned.

    Example: the template "Recurrent network that forgets", a plain RNN that hears a word and then silence.
    Fix: use LSTM or GRU, whose gates pass the gradient on, attention, or shorter sequences.
    """

    title: ClassVar[str] = "Vanishing gradients through time"
    badge: ClassVar[Badge] = "vanishing"
    effects: ClassVar[tuple[str, ...]] = ("VanishingGradients", "SlowUpdates", *GUESSING)
    ratio: ClassVar[float] = 1e-3
    least_steps: ClassVar[int] = 8  # shorter sequences get no verdict

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        if not evidence.fails:
            return
        for node, values in evidence.probes.through_time.items():
            logs = {int(back): value for back, value in values.items()}
            furthest = max(logs, default=0)
            if furthest < self.least_steps or logs[furthest] >= math.log10(self.ratio):
                continue
            lost = next(back for back in sorted(logs) if logs[back] < math.log10(self.ratio))
            run = evidence.circumstances
            yield self.verdict(
                run,
                node,
                f"{{node}} forgets: the gradient {lost} steps before the last one is "
                f"{10 ** logs[lost]:.0e} of that at the last step, and it shrinks further. What is read "
                "earlier is not learned.",
                self._advice(run.specs.get(node)),
            )

    @staticmethod
    def _advice(spec: Any) -> str:
        """What to try: a layer with gates, if this one has none; otherwise attention or a shorter sequence."""
        gated = [kind.title() for kind in CATALOGUE.values() if getattr(kind, "gates", 1) > 1]
        if getattr(spec, "gates", 1) == 1:
            return f"Try {' or '.join(gated)}: their gates pass the gradient on."
        return "Use attention, which has direct access to every step, or shorten the sequence."


def _ratios(evidence: Evidence) -> list[float]:
    """By which share of their size a step changes the weights of each layer, where it changes them."""
    return [v["update_ratio"] for v in evidence.probes.gradients.values() if v.get("update_ratio", 0) > 0]


def _rectifier() -> str:
    """An activation that saturates on one side only."""
    return next(kind.title() for kind in CATALOGUE.values() if kind.family == "activation" and kind.saturates == (0.0,))


def _leaky() -> str:
    """An activation that saturates nowhere, and has a slope for negative inputs."""
    return next(kind.title() for kind in CATALOGUE.values() if kind.family == "activation" and _has_slope(kind))


def _has_slope(kind: Any) -> bool:
    return "negative_slope" in kind.model_fields and not kind.saturates and not kind.stochastic


def _between(names: list[str], first: str, last: str) -> list[str]:
    if first not in names or last not in names:
        return []
    return names[names.index(first) : names.index(last)]


def _times(ratio: float) -> str:
    if ratio >= 1e9:
        return "more than a billion times"
    digits = 10 ** max(0, len(str(int(ratio))) - 2)
    return f"{round(ratio / digits) * digits:,.0f} times"
