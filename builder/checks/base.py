"""What a check is, and how all of them run."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import ClassVar

from builder.document import Node
from builder.edits import Edit, InsertBefore, SetParams, fresh_name
from builder.infer import Analysis
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

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind in the document."""
        raise TypeError(f"{type(self).__name__} must say what it looks for.")


@functools.cache
def _checks() -> tuple[Check, ...]:
    import builder.checks as package

    found = discover(package, Check, lambda kind: kind.code)
    return tuple(found[code]() for code in sorted(found))


def run(analysis: Analysis) -> list[Problem]:
    """All checks over one analysis."""
    found = [problem for check in _checks() for problem in check.find(analysis)]
    place = {node.name: index for index, node in enumerate(analysis.document.nodes)}
    return sorted(found, key=lambda item: (item.severity != "error", place.get(item.node or "", -1)))


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
