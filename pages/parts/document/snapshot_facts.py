"""What is known of the nodes that the canvas shows now: those of the document, or of a block in one of its uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from builder.analysis.infer import Facts
from builder.document import Document
from builder.problems import Problem
from builder.spec import ShapeError
from pages.parts.document.block_path import BlockPath, block_at, find
from pages.parts.document.document_facts import Cost, DocumentFacts

Fact = TypeVar("Fact")


@dataclass(frozen=True)
class SnapshotFacts:
    """The facts of a document that belong to the graph on the canvas, by the names that its nodes have there."""

    complete: bool
    outputs: Mapping[str, Facts] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    errors: Mapping[str, Problem] = field(default_factory=dict)  # the first of each node, or of a node inside it
    warnings: Mapping[str, Problem] = field(default_factory=dict)
    failures: Mapping[str, ShapeError] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    inner_errors: Mapping[str, str] = field(default_factory=dict)  # node → the node inside it that has its error
    labels: Mapping[str, str] = field(default_factory=dict)  # node → the label that the paradigm gives it


def facts_at(document: Document, facts: DocumentFacts, path: BlockPath, graph: Document) -> SnapshotFacts:
    """The facts of the nodes of `graph`, which is what the canvas shows at `path`."""
    prefix = path.prefix
    names = {node.name: prefix + node.name for node in graph.nodes}

    def here(values: Mapping[str, Fact]) -> dict[str, Fact]:
        return {name: values[full] for name, full in names.items() if full in values}

    outputs = here(facts.outputs)
    errors: dict[str, Problem] = {}
    warnings: dict[str, Problem] = {}
    inner_errors: dict[str, str] = {}
    for problem in facts.problems:
        is_error = problem.severity == "error"
        name, inner = _node_here(document, problem, path) or ("", "")
        if name not in names or (is_error and _only_elsewhere(problem, prefix, name, outputs)):
            continue
        kept = errors if is_error else warnings
        if name not in kept:
            kept[name] = problem
            if inner and is_error:
                inner_errors[name] = inner
    waiting = {name: _name_here(source, prefix) for name, source in here(facts.waiting).items()}
    return SnapshotFacts(
        complete=facts.complete,
        outputs=outputs,
        costs=here(facts.sums),
        errors=errors,
        warnings=warnings,
        failures=here(facts.failures),
        waiting=waiting,
        inner_errors=inner_errors,
        labels=here(facts.labels),
    )


def _node_here(document: Document, problem: Problem, path: BlockPath) -> tuple[str, str] | None:
    """The node of this graph at which a problem is shown, and the node inside it that has the problem.

    A block is drawn once for all its uses, so a problem of any use is shown in it.
    """
    found = find(document, problem.node) if problem.node else None
    if found is None:
        return None
    there, name = found
    block = block_at(document, path)
    for depth in range(len(there.steps) + 1):
        if block_at(document, BlockPath(there.steps[:depth])) == block:
            rest = [node for node, _ in there.steps[depth:]] + [name]
            return rest[0], " › ".join(rest[1:])
    return None


def _only_elsewhere(problem: Problem, prefix: str, name: str, outputs: Mapping[str, Facts]) -> bool:
    """Whether the problem belongs to another use of the block and this one has none."""
    return not (problem.node or "").startswith(prefix) and name in outputs


def _name_here(source: str, prefix: str) -> str:
    """The name in this graph of the node that is waited for; its outermost name where it is elsewhere."""
    return source.removeprefix(prefix).split(".")[0]
