"""Verdicts on the network, from what the probes measured. Each is one class; `Assessment` asks them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, ClassVar

from builder.catalogue import CATALOGUE
from trainers.events import Badge, Verdict, VerdictSeverity
from trainers.verdicts.evidence import Evidence


class VerdictRule:
    """Base of every verdict. The docstring says what it finds and why that matters, with an example and its fix."""

    title: ClassVar[str]
    severity: ClassVar[VerdictSeverity] = "warning"
    badge: ClassVar[Badge] = ""  # a word beside the node on the canvas

    def verdict(self, node: str | None, message: str, advice: str) -> Verdict:
        """The verdict on a node; None: on the whole network."""
        return Verdict(node, self.severity, message, advice, self.badge)


class ProbeRule(VerdictRule):
    """Base of the verdicts on the network: `find` reads what the probes measured."""

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        """The verdicts of this kind that hold now."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")


class VanishingGradients(ProbeRule):
    """Gradients become smaller from the output back to the input, so the first layers hardly learn.

    Each layer multiplies the gradient by its slope. Where most slopes are below one, such as in a deep network of
    sigmoids, the product is close to zero after a few layers.

    Example: six Linear layers with a Sigmoid after each, trained with SGD. The gradients of the first layer are
    12,000 times smaller than those of the last.
    Fix: use ReLU or another activation that does not saturate, batch normalisation, or skip connections.
    """

    title: ClassVar[str] = "Vanishing gradients"
    badge: ClassVar[Badge] = "vanishing"
    factor: ClassVar[float] = 300.0

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        specs = evidence.circumstances.specs
        # Each row of an embedding gets the gradient of few tokens of a batch, so its gradients are small anyway.
        embeddings = {node for node, spec in specs.items() if getattr(spec, "vocabulary_parameter", None)}
        sizes = {
            node: max(values.get("mean_abs", 0.0), 1e-30)
            for node, values in evidence.probes.gradients.items()
            if node not in embeddings
        }
        if len(sizes) < 3:
            return
        nodes = list(sizes)
        last = nodes[-1]
        first = min(nodes[: max(1, len(nodes) // 2)], key=sizes.__getitem__)
        ratio = sizes[last] / sizes[first]
        if ratio < self.factor:
            return
        between = _between(list(specs), first, last)
        saturating = next((node for node, spec in specs.items() if len(spec.bounds()) == 2 and node in between), None)
        if saturating:
            name = specs[saturating].title()
            advice = f"The slope of {name} is small: use an activation that does not saturate, such as ReLU, or batch "
            advice += f"normalisation before each {name}."
        else:
            advice = "Try a skip connection around the layers between them, normalisation, or Kaiming initialisation."
        message = f"Gradients at {first} are {_times(ratio)} smaller than at {last}: they vanish, and the first layers "
        yield self.verdict(first, f"{message}hardly learn.", advice)


class ExplodingGradients(ProbeRule):
    """Gradients are so large that a single step changes the weights by more than half, or their norm is above 1,000.

    Such a step usually makes the loss larger, and the next gradients larger still, until the loss is NaN.

    Example: a perceptron on diabetes, trained with SGD and a learning rate of 50.
    Fix: lower the learning rate, or set `gradient_clip` to 1.
    """

    title: ClassVar[str] = "Exploding gradients"
    severity: ClassVar[VerdictSeverity] = "error"
    badge: ClassVar[Badge] = "exploding"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.probes.gradients.items():
            if values.get("norm", 0.0) > 1e3 or values.get("update_ratio", 0.0) > 0.5:
                yield self.verdict(
                    node,
                    f"Gradients explode at {node}: their norm is {values['norm']:.3g}, and one step changes the "
                    f"weights by {values['update_ratio']:.0%}.",
                    "Lower the learning rate, or set gradient clipping to 1.",
                )
                return


class DeadUnits(ProbeRule):
    """At least 40 % of the units of an activation are zero for every sample.

    Such a unit passes nothing on and gets no gradient, so the weights before it do not learn any more.

    Example: ReLU after a Linear layer, trained with SGD and a learning rate of 8: one large step makes the inputs of
    ReLU negative for every sample.
    Fix: lower the learning rate, or use LeakyReLU or GELU, whose slope for negative inputs is not zero.
    """

    title: ClassVar[str] = "Dead units"
    badge: ClassVar[Badge] = "dead"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.probes.activations.items():
            spec = evidence.circumstances.specs.get(node)
            if getattr(spec, "family", "") == "activation" and values.get("dead_share", 0.0) >= 0.4:
                yield self.verdict(
                    node,
                    f"{values['dead_share']:.0%} of the units of {node} are dead: they are zero for every sample, so "
                    "the weights before them get no gradient.",
                    "Lower the learning rate, or use an activation whose slope for negative inputs is not zero, such "
                    "as LeakyReLU or GELU.",
                )


class SaturatedUnits(ProbeRule):
    """At least half of the values of a bounded activation are at its bounds.

    There its slope is almost zero, so almost no gradient reaches the layers before it. The activation before an Output
    may saturate: an image has black and white pixels.

    Example: Tanh after a Linear layer whose weights are initialised with a standard deviation of 1.
    Fix: use smaller initial weights, or batch normalisation before the activation.
    """

    title: ClassVar[str] = "Saturated units"
    badge: ClassVar[Badge] = "saturated"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        specs = evidence.circumstances.specs
        following = dict(itertools.pairwise(specs))
        for node, values in evidence.probes.activations.items():
            before_output = getattr(specs.get(following.get(node, "")), "role", "") == "output"
            if values.get("saturated_share", 0.0) >= 0.5 and not before_output:
                bounds = " and ".join(f"{bound:g}" for bound in specs[node].bounds())
                yield self.verdict(
                    node,
                    f"{values['saturated_share']:.0%} of the values of {node} are at its bounds {bounds}, where the "
                    "slope is almost zero: little gradient reaches the layers before it.",
                    "Use smaller initial weights, or batch normalisation before it.",
                )


class UpdateSize(ProbeRule):
    """One step changes the weights by less than 0.001 % or by more than 5 % of their size; 0.1 % is usual.

    With much smaller steps training is slow, with much larger ones the loss may oscillate or diverge.

    Example: a perceptron trained with SGD and a learning rate of 0.00001.
    Fix: raise or lower the learning rate, until one step changes the weights by about 0.1 %.
    """

    title: ClassVar[str] = "Size of the updates"
    severity: ClassVar[VerdictSeverity] = "info"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        ratios = sorted(v["update_ratio"] for v in evidence.probes.gradients.values() if v.get("update_ratio", 0) > 0)
        if not ratios:
            return
        median = ratios[len(ratios) // 2]
        if median < 1e-5:
            message = f"One step changes the weights by {median:.1e} of their size. About 1e-3 is usual, so training "
            yield self.verdict(None, f"{message}is slow.", "Raise the learning rate.")
        elif 0.05 < median <= 0.5:
            message = f"One step changes the weights by {median:.0%} of their size. About 0.1 % is usual."
            yield self.verdict(None, message, "Lower the learning rate if the loss oscillates.")


class VanishingThroughTime(ProbeRule):
    """The gradient of a recurrent layer becomes almost zero from the last step of a sequence to the first ones.

    What the network reads in the first steps then has no influence on its weights, so it is not learned.

    Example: a plain RNN that reads 100 steps and has to remember the first one.
    Fix: use LSTM or GRU, whose gates pass the gradient on, attention, or shorter sequences.
    """

    title: ClassVar[str] = "Vanishing gradients through time"
    badge: ClassVar[Badge] = "vanishing"
    ratio: ClassVar[float] = 1e-6
    least_steps: ClassVar[int] = 8  # shorter sequences get no verdict

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.probes.through_time.items():
            sizes = {int(back): size for back, size in values.items()}
            last = sizes.get(0, 0.0)
            if last <= 0 or max(sizes) < self.least_steps:
                continue
            lost = next((back for back in sorted(sizes) if sizes[back] < self.ratio * last), None)
            if lost is None:
                continue
            yield self.verdict(
                node,
                f"{node} hardly learns from early steps: the gradient {lost} steps before the last one is "
                f"{max(sizes[lost] / last, 1e-30):.0e} of that at the last step.",
                self._advice(evidence.circumstances.specs.get(node)),
            )

    @staticmethod
    def _advice(spec: Any) -> str:
        """What to try: a layer with gates, if this one has none; otherwise attention or a shorter sequence."""
        gated = [kind.title() for kind in CATALOGUE.values() if getattr(kind, "gates", 1) > 1]
        if getattr(spec, "gates", 1) == 1:
            return f"Try {' or '.join(gated)}: their gates pass the gradient on."
        return "Use attention, which has direct access to every step, or shorten the sequence."


PROBE_RULES: tuple[ProbeRule, ...] = tuple(rule() for rule in ProbeRule.__subclasses__())


def _between(names: list[str], first: str, last: str) -> set[str]:
    if first not in names or last not in names:
        return set()
    return set(names[names.index(first) : names.index(last)])


def _times(ratio: float) -> str:
    digits = 10 ** max(0, int(math.log10(ratio)) - 1)
    return f"{round(ratio / digits) * digits:,.0f} times"
