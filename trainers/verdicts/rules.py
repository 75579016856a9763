"""What a verdict is, and which of several are reported: a cause comes first, and its effects are withheld.

A verdict is one class. It says itself which other verdicts are its effects, by the names of their classes.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from trainers.events import Badge, Verdict, VerdictSeverity
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import Evidence

SERIOUS_FIRST: tuple[VerdictSeverity, ...] = ("error", "warning", "info")


class VerdictRule:
    """Base of every verdict. The docstring says what it finds and why that matters, with an example and its fix."""

    title: ClassVar[str]
    severity: ClassVar[VerdictSeverity] = "warning"
    badge: ClassVar[Badge] = ""  # a word beside the node on the canvas
    effects: ClassVar[tuple[str, ...]] = ()  # the verdicts that it explains, by the names of their classes
    at_once: ClassVar[bool] = False  # a fact that needs no further epochs to be sure of
    outcome: ClassVar[bool] = False  # what came of the run: reported also when another verdict explains it

    def verdict(self, circumstances: Circumstances, node: str | None, message: str, advice: str) -> Verdict:
        """The verdict on a node; None: on the whole network. In the message, {node} is its place on the canvas."""
        kind = type(self).__name__
        if node is None:
            return Verdict(None, self.severity, message, advice, self.badge, kind)
        place = circumstances.on_canvas(node)
        words = message.replace("{node}", place.words)
        return Verdict(place.name, self.severity, words, advice, self.badge, kind, node)


class EvidenceRule(VerdictRule):
    """Base of the verdicts on a whole run: `find` reads the evidence."""

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        """The verdicts of this kind that hold now."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")


def kinds() -> dict[str, type[VerdictRule]]:
    """Every verdict by the name of its class, among those that are imported."""
    found: dict[str, type[VerdictRule]] = {}
    waiting: list[type[VerdictRule]] = [VerdictRule]
    for kind in waiting:
        found[kind.__name__] = kind
        waiting.extend(kind.__subclasses__())
    return found


def explained(kind: str) -> set[str]:
    """The verdicts that one explains: its effects, their effects, and so on."""
    known, found, waiting = kinds(), set[str](), [kind]
    while waiting:
        for effect in known[waiting.pop()].effects:
            if effect not in found and effect in known:
                found.add(effect)
                waiting.append(effect)
    return found


def causes_first(found: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Verdicts without those that another one explains; the most serious first, a cause before what came of it.

    What came of the run is never withheld, and makes its cause as serious as itself.
    """
    given, known = list(found), kinds()
    effects = {verdict.kind: explained(verdict.kind) for verdict in given if verdict.kind in known}
    withheld = set[str]().union(*effects.values())
    kept = []
    for verdict in given:
        rule = known.get(verdict.kind)
        if verdict.kind in withheld and rule is not None and not rule.outcome:
            continue
        outcomes = [
            other.severity
            for other in given
            if other.kind in effects.get(verdict.kind, ()) and known[other.kind].outcome and verdict.severity != "info"
        ]
        advice = "" if verdict.kind in withheld else verdict.advice  # that of its cause is the one to follow
        severity = min([verdict.severity, *outcomes], key=SERIOUS_FIRST.index)
        kept.append(replace(verdict, severity=severity, advice=advice))
    return tuple(sorted(kept, key=functools.cmp_to_key(functools.partial(_order, effects))))


def _order(effects: dict[str, set[str]], one: Verdict, other: Verdict) -> int:
    seriousness = SERIOUS_FIRST.index(one.severity) - SERIOUS_FIRST.index(other.severity)
    if seriousness:
        return seriousness
    return (one.kind in effects.get(other.kind, ())) - (other.kind in effects.get(one.kind, ()))


# -- words ------------------------------------------------------------------------------------------------------------

MOST_PERCENT = 10.0  # ten times; a larger share is said in words


def percent(share: float) -> str:
    """A share as a percentage, "42 %"; above 1,000 % "more than ten times"."""
    return f"{100 * share:.0f} %" if share <= MOST_PERCENT else "more than ten times"


def listed(names: Sequence[str], most: int = 3) -> str:
    """ "a, b, c and 4 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def thirds(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first and the last third of the nodes, one at least."""
    count = max(1, len(names) // 3)
    return list(itertools.islice(names, count)), list(names[-count:])
