"""What is known of the nodes that lie on the canvas now: those of the document, or of a block as one use has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from builder.analysis.infer import Facts
from builder.document import Document
from builder.problems import Problem
from builder.spec import ShapeError
from pages.parts.document.block_path import Place, block_at, find
from pages.parts.document.document_facts import Cost, View

Known = TypeVar("Known")


@dataclass(frozen=True)
class Sight:
    """The part of a view that belongs to one place, by the names that the nodes have there."""

    complete: bool
    facts: Mapping[str, Facts] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    errors: Mapping[str, Problem] = field(default_factory=dict)  # the first of each node, or of what is inside it
    warnings: Mapping[str, Problem] = field(default_factory=dict)
    failures: Mapping[str, ShapeError] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    deeper: Mapping[str, str] = field(default_factory=dict)  # node → the node inside it that has its error
    marks: Mapping[str, str] = field(default_factory=dict)  # node → the part it has in the way of training


def look(document: Document, view: View, place: Place, scene: Document) -> Sight:
    """What the view says of the nodes in the scene, which is what lies at that place."""
    prefix = place.prefix
    names = {node.name: prefix + node.name for node in scene.nodes}

    def here(known: Mapping[str, Known]) -> dict[str, Known]:
        return {name: known[full] for name, full in names.items() if full in known}

    facts = here(view.facts)
    errors: dict[str, Problem] = {}
    warnings: dict[str, Problem] = {}
    deeper: dict[str, str] = {}
    for problem in view.problems:
        name, inner = _local(document, problem, place) or ("", "")
        if name not in names or (problem.severity == "error" and _only_elsewhere(problem, prefix, name, facts)):
            continue
        kept = errors if problem.severity == "error" else warnings
        if name not in kept:
            kept[name] = problem
            if inner and problem.severity == "error":
                deeper[name] = inner
    waiting = {name: _shortened(source, prefix) for name, source in here(view.waiting).items()}
    return Sight(
        view.complete, facts, here(view.sums), errors, warnings, here(view.failures), waiting, deeper, here(view.marks)
    )  # fmt: skip


def _local(document: Document, problem: Problem, place: Place) -> tuple[str, str] | None:
    """The node of this place that a problem shows at, and the node inside it that has it, whichever use was told."""
    found = find(document, problem.node) if problem.node else None
    if found is None:
        return None
    there, name = found
    block = block_at(document, place)
    for depth in range(len(there.steps) + 1):
        if block_at(document, Place(there.steps[:depth])) == block:
            rest = [node for node, _ in there.steps[depth:]] + [name]
            return rest[0], " › ".join(rest[1:])
    return None


def _only_elsewhere(problem: Problem, prefix: str, name: str, facts: Mapping[str, Facts]) -> bool:
    """Whether another use has the trouble and this one works."""
    return not (problem.node or "").startswith(prefix) and name in facts


def _shortened(source: str, prefix: str) -> str:
    """The node that is waited for, by its name here where it stands here."""
    if not source.startswith(prefix):
        return source.split(".")[0]
    return source[len(prefix) :].split(".")[0]
