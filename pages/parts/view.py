"""What is known of a document: shapes, problems and costs, computed once for each document and kept."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from dataclasses import dataclass, field

import builder
from builder.document import Document
from builder.infer import Analysis, Facts, analyse
from builder.problems import Problem
from builder.spec import ShapeError
from pages.parts import warmup

_KEPT = 8
_views: OrderedDict[int, tuple[Document, View]] = OrderedDict()


@dataclass(frozen=True)
class Cost:
    """What one node costs: learned numbers, operations for one sample, bytes of its output for one sample."""

    parameters: int = 0
    flops: int = 0
    memory: int = 0


@dataclass(frozen=True)
class View:
    """Everything that pages show about a document and that follows from it."""

    analysis: Analysis | None  # None: torch is still being imported, and nothing is known yet
    problems: tuple[Problem, ...] = ()
    costs: dict[str, Cost] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.analysis is not None

    @property
    def facts(self) -> dict[str, Facts]:
        """Output and size of every node that works."""
        return self.analysis.facts if self.analysis else {}

    @property
    def failures(self) -> dict[str, ShapeError]:
        """What the nodes that cannot take their inputs say."""
        return self.analysis.failures if self.analysis else {}

    @property
    def waiting(self) -> dict[str, str]:
        """Nodes behind a node in error, each with the name of that node."""
        return self.analysis.waiting if self.analysis else {}

    @property
    def errors(self) -> dict[str, Problem]:
        """The first error of each node that has one."""
        found: dict[str, Problem] = {}
        for problem in self.problems:
            if problem.severity == "error" and problem.node is not None:
                found.setdefault(problem.node, problem)
        return found

    @property
    def warnings(self) -> dict[str, Problem]:
        """The first warning of each node that has one."""
        found: dict[str, Problem] = {}
        for problem in self.problems:
            if problem.severity == "warning" and problem.node is not None:
                found.setdefault(problem.node, problem)
        return found

    @property
    def total(self) -> Cost:
        """The sum over all nodes."""
        costs = self.costs.values()
        return Cost(
            sum(cost.parameters for cost in costs),
            sum(cost.flops for cost in costs),
            sum(cost.memory for cost in costs),
        )


def look(document: Document) -> View:
    """Shapes, problems and costs of the document, from memory where nothing changed.

    Moving a node makes a new document with the same nodes and edges, for which nothing is computed again.
    """
    for known, view in _views.values():
        if known is document:
            return view
    for known, view in reversed(_views.values()):
        if _same_network(known, document) and view.complete:
            return _keep(document, view)
    if not warmup.ready():
        return View(None)
    return _keep(document, _compute(document))


def _same_network(one: Document, other: Document) -> bool:
    return (
        one.nodes is other.nodes and one.edges is other.edges and one.training is other.training
        and one.blocks is other.blocks
    )  # fmt: skip


def _keep(document: Document, view: View) -> View:
    _views[id(document)] = (document, view)
    while len(_views) > _KEPT:
        _views.popitem(last=False)
    return view


def _compute(document: Document) -> View:
    bound, problems = _checked(document)
    analysis = analyse(bound)
    table = builder.summary(bound)
    costs = {
        row.node: Cost(int(row.parameters), int(row.flops), int(row.activation_bytes))
        for row in table.itertuples(index=False)
    }
    return View(analysis, tuple(problems), costs)


def _checked(document: Document) -> tuple[Document, list[Problem]]:
    """The document with its Input shapes taken from the data set, and all its problems."""
    trainers = importlib.import_module("trainers")
    if not hasattr(trainers, "check"):
        return document, builder.check(document)
    return trainers.bind(document), trainers.check(document)
