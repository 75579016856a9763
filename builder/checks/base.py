"""What a check is, and how all of them run."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from builder.analysis.infer import Analysis, within
from builder.document import Node
from builder.edits import Edit, InsertBefore, SetParams, fresh_name
from builder.edits.blocks import InBlock
from builder.problems import Problem, Severity
from builder.registry import discover
from builder.spec import ShapeError


class Reporter:
    """What finds problems: its number, the word shown beside each, and how serious it is."""

    code: ClassVar[str]
    category: ClassVar[str]
    severity: ClassVar[Severity] = "error"

    def problem(
        self, node: str | None, message: str, fix: Iterable[Edit] | None = None, fix_label: str = ""
    ) -> Problem:
        edits = tuple(fix) if fix else None
        return Problem(self.code, self.severity, node, message, edits, fix_label if edits else "", self.category)


class Check(Reporter):
    """Base of every check of a document: `find` yields a problem for each place where something is wrong."""

    scoped: ClassVar[bool] = False  # it looks at the document and at each block by itself, as at one graph

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind in the document, or in one graph of it."""
        raise TypeError(f"{type(self).__name__} must say what it looks for.")


@dataclass(frozen=True)
class Place:
    """Where something is: the document, or a block at the first of its uses; what is found there is told from outside.

    A problem's node gets the way to it in front, and edits that mend it are made inside the block.
    """

    analysis: Analysis  # of this graph alone
    use: str = ""  # "stage1.0"

    def told(self, problem: Problem) -> Problem:
        block = self.analysis.block
        if block is None:
            return problem
        node = self.use.rpartition(".")[0] if problem.node is None else f"{self.use}.{problem.node}"
        fix = tuple(InBlock(block, edit) for edit in problem.fix) if problem.fix else problem.fix
        return replace(problem, node=node, fix=fix)


def places(analysis: Analysis) -> Iterator[Place]:
    """The document, and each block that is used, once."""
    yield Place(within(analysis, ""))
    seen: set[str] = set()
    for use, block in analysis.plan.uses.items():
        if block not in seen:
            seen.add(block)
            yield Place(within(analysis, use), use)


def once(analysis: Analysis, names: Iterable[str]) -> Iterator[tuple[str, str, Place]]:
    """Those of the names that no earlier one was another use of, with their name in their block and their place."""
    seen: set[tuple[str | None, str]] = set()
    known = {"": Place(analysis)}
    for name in names:
        use, _, last = name.rpartition(".")
        block = analysis.plan.uses[use] if use else None
        if (block, last) not in seen:
            seen.add((block, last))
            if use not in known:
                known[use] = Place(within(analysis, use), use)
            yield name, last, known[use]


@functools.cache
def _checks() -> tuple[Check, ...]:
    found = discover(sys.modules[__package__], Check, lambda kind: kind.code)
    return tuple(found[code]() for code in sorted(found))


def run(analysis: Analysis) -> list[Problem]:
    """All checks over one analysis."""
    found: list[Problem] = []
    graphs = list(places(analysis))
    for check in _checks():
        if check.scoped:
            found.extend(place.told(problem) for place in graphs for problem in check.find(place.analysis))
        else:
            found.extend(check.find(analysis))
    order = {node.name: index for index, node in enumerate(analysis.document.nodes)}
    return sorted(
        found, key=lambda item: (item.severity != "error", order.get((item.node or "").partition(".")[0], -1))
    )


def fix_for(analysis: Analysis, node: Node, error: ShapeError) -> tuple[tuple[Edit, ...] | None, str]:
    """The edits, and their name, that a layer's own objection asks for."""
    if error.insert is not None:
        type_name, params = error.insert
        name = fresh_name(analysis.document, type_name)
        new = Node(name=name, type=type_name, params=params, network=node.network)
        return (InsertBefore(new, node.name),), f"Insert {type_name}"
    if error.params is not None:
        params = {**node.params, **error.params}
        wanted = ", ".join(f"{name} to {_shown(value)}" for name, value in error.params.items())
        return (SetParams(node.name, params),), f"Set {wanted}"
    return None, ""


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
