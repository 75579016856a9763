"""What the probes mean, in words, with advice. Each verdict is one class; the judge asks them all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from trainers.events import Event, Probe, Verdict
from trainers.verdicts.history import History

MEMORY = 0.7  # share of the old value that a new probe leaves: single odd batches do not make a verdict
PATIENCE = 3  # probes that must have been seen before anything is said
Figures = dict[str, dict[str, float]]


@dataclass
class Evidence:
    """Smoothed figures of the last probes: node → statistic → value, nodes in running order."""

    activations: Figures = field(default_factory=dict)
    gradients: Figures = field(default_factory=dict)
    through_time: Figures = field(default_factory=dict)  # node → steps back from the last one → size
    specs: Mapping[str, Any] = field(default_factory=dict)

    def take(self, probe: Probe) -> None:
        kept: Figures | None = getattr(self, probe.kind, None)
        if kept is None:
            return
        for node, values in probe.values.items():
            old = kept.setdefault(node, {})
            for name, value in values.items():
                if math.isfinite(value):
                    old[name] = value if name not in old else MEMORY * old[name] + (1 - MEMORY) * value


class Rule:
    """Base of every verdict: `judge` yields what it has to say about the evidence."""

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        """Verdicts, the most serious first."""
        raise TypeError(f"{type(self).__name__} must say what it judges.")


class Vanishing(Rule):
    """Gradients shrink from the output back to the input, so that the first layers hardly learn."""

    factor: ClassVar[float] = 300.0

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        tables = {node for node, spec in evidence.specs.items() if getattr(spec, "vocabulary_parameter", None)}
        sizes = {  # a table's rows share what arrives among the words of a batch: small is no sign of trouble there
            node: max(values.get("mean_abs", 0.0), 1e-30)
            for node, values in evidence.gradients.items()
            if node not in tables
        }
        if len(sizes) < 3:
            return
        nodes = list(sizes)
        last = nodes[-1]
        first = min(nodes[: max(1, len(nodes) // 2)], key=sizes.__getitem__)
        ratio = sizes[last] / sizes[first]
        if ratio < self.factor:
            return
        squashing = [n for n, spec in evidence.specs.items() if len(spec.bounds()) == 2]
        between = _between(list(evidence.specs), first, last)
        cause = next((n for n in squashing if n in between), None)
        if cause:
            name = evidence.specs[cause].title()
            advice = f"{name} flattens them at every layer: try an activation that does not saturate, such as ReLU, or "
            advice += f"batch normalisation before each {name}."
        else:
            advice = "Try a skip connection around the layers between them, normalisation, or Kaiming initialisation."
        yield Verdict(
            first,
            "warning",
            f"Gradients at {first} are {_times(ratio)} smaller than at {last}: they vanish, and the first "
            "layers hardly learn.",
            advice,
            "vanishing",
        )


class Exploding(Rule):
    """Gradients are so large that one step throws the weights about."""

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.gradients.items():
            if values.get("norm", 0.0) > 1e3 or values.get("update_ratio", 0.0) > 0.5:
                yield Verdict(
                    node,
                    "error",
                    f"Gradients explode at {node}: their norm is {values['norm']:.3g}, and one step changes the "
                    f"weights by {values['update_ratio']:.0%}.",
                    "Lower the learning rate, or set gradient clipping to 1.",
                    "exploding",
                )
                return


class DeadUnits(Rule):
    """Units that are zero for every sample pass nothing on and get no gradient."""

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.activations.items():
            spec = evidence.specs.get(node)
            if getattr(spec, "family", "") == "activation" and values.get("dead_share", 0.0) >= 0.4:
                yield Verdict(
                    node,
                    "warning",
                    f"{values['dead_share']:.0%} of the units of {node} are dead: zero for every sample, so nothing "
                    "behind them learns.",
                    "Lower the learning rate, or use an activation with a slope below zero, such as LeakyReLU or GELU.",
                    "dead",
                )


class Saturated(Rule):
    """Squashing units at their bounds have almost no slope, so almost no gradient passes."""

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        following = dict(itertools.pairwise(evidence.specs))
        for node, values in evidence.activations.items():
            last = getattr(evidence.specs.get(following.get(node, "")), "role", "") == "output"  # a picture has black
            if values.get("saturated_share", 0.0) >= 0.5 and not last:
                bounds = " and ".join(f"{bound:g}" for bound in evidence.specs[node].bounds())
                yield Verdict(
                    node,
                    "warning",
                    f"{values['saturated_share']:.0%} of the values of {node} lie at its bounds {bounds}, where the "
                    "slope is almost zero: little gradient passes.",
                    "Use smaller initial weights, or batch normalisation before it.",
                    "saturated",
                )


class StepSize(Rule):
    """Steps that move the weights by about a thousandth are usual; far from it the learning rate does not fit."""

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        ratios = {n: v["update_ratio"] for n, v in evidence.gradients.items() if v.get("update_ratio", 0) > 0}
        if not ratios:
            return
        middle = sorted(ratios.values())[len(ratios) // 2]
        if middle < 1e-5:
            yield Verdict(
                None,
                "info",
                f"A step changes the weights by {middle:.1e} of their size; about 1e-3 is usual, so it learns slowly.",
                "Raise the learning rate.",
            )
        elif 0.05 < middle <= 0.5:
            yield Verdict(
                None,
                "info",
                f"A step changes the weights by {middle:.0%} of their size; about 0.1 % is usual.",
                "Lower the learning rate if the loss jumps about.",
            )


class Forgets(Rule):
    """The error at the end of a sequence does not reach its first steps, so that what stands there is not learned."""

    ratio: ClassVar[float] = 1e-6
    steps: ClassVar[int] = 8  # of shorter memories nobody complains

    def judge(self, evidence: Evidence) -> Iterator[Verdict]:
        for node, values in evidence.through_time.items():
            sizes = {int(back): size for back, size in values.items()}
            last = sizes.get(0, 0.0)
            if last <= 0 or max(sizes) < self.steps:
                continue
            lost = next((back for back in sorted(sizes) if sizes[back] < self.ratio * last), None)
            if lost is None:
                continue
            yield Verdict(
                node,
                "warning",
                f"{node} forgets: the gradient {lost} steps before the last is {max(sizes[lost] / last, 1e-30):.0e} of "
                f"that of the last one, so what stands further back is hardly learned.",
                self._advice(evidence.specs.get(node)),
                "vanishing",
            )

    @staticmethod
    def _advice(spec: Any) -> str:
        """Gates, where it has none; else shorter ways back."""
        from builder import CATALOGUE

        gated = [kind.title() for kind in CATALOGUE.values() if getattr(kind, "gates", 1) > 1]
        if getattr(spec, "gates", 1) == 1:
            return f"Try {' or '.join(gated)}: their gates carry the gradient further."
        return "If the task needs it: attention looks back at every step directly; or shorten the sequence."


RULES: tuple[Rule, ...] = tuple(rule() for rule in Rule.__subclasses__())


class Judge:
    """Weighs the probes and the scores of a run, and says what they mean now."""

    def __init__(self, specs: Mapping[str, Any]) -> None:
        self.evidence = Evidence(specs=specs)
        self.history = History()
        self._probes = 0

    @property
    def settled(self) -> bool:
        """Whether enough has been seen to say anything."""
        return self._probes >= PATIENCE

    def consider(self, events: list[Event]) -> tuple[Verdict, ...]:
        """Take in the events of one probe; the verdicts that hold now, the most serious first."""
        for event in events:
            if isinstance(event, Probe):
                self.evidence.take(event)
        self._probes += 1
        return self.now()

    def now(self) -> tuple[Verdict, ...]:
        """What can be said of the run now: of the last probes, and of the epochs."""
        found = [*self.history.verdicts()]
        if self.settled:
            found += [verdict for rule in RULES for verdict in rule.judge(self.evidence)]
        return tuple(sorted(found, key=lambda verdict: ("error", "warning", "info").index(verdict.severity)))


def _between(names: list[str], first: str, last: str) -> set[str]:
    if first not in names or last not in names:
        return set()
    return set(names[names.index(first) : names.index(last)])


def _times(ratio: float) -> str:
    digits = 10 ** max(0, int(math.log10(ratio)) - 1)
    return f"{round(ratio / digits) * digits:,.0f} times"
