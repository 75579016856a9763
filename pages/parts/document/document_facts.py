"""What is known of a document: shapes, problems and costs, computed once for each document and kept."""

from __future__ import annotations

import functools
import importlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import builder
from builder.analysis.infer import Analysis, Facts, analyse
from builder.document import Document
from builder.problems import Problem
from builder.spec import ShapeError
from pages.parts.theme import torch_import

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
    marks: dict[str, str] = field(default_factory=dict)  # a word for a node with a part of its own in the training

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

    @functools.cached_property
    def total(self) -> Cost:
        """The sum over all nodes."""
        return _sum(self.costs.values())

    @functools.cached_property
    def sums(self) -> dict[str, Cost]:
        """The cost of every node and, summed up, of every block and each of its repeats."""
        parts: dict[str, list[Cost]] = {}
        for name, cost in self.costs.items():
            steps = name.split(".")
            for depth in range(1, len(steps) + 1):
                parts.setdefault(".".join(steps[:depth]), []).append(cost)
        return {name: _sum(costs) for name, costs in parts.items()}


def _sum(costs: Iterable[Cost]) -> Cost:
    rows = list(costs)
    return Cost(*(sum(getattr(cost, name) for cost in rows) for name in ("parameters", "flops", "memory")))


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
    if not torch_import.ready():
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
    return View(analysis, tuple(problems), costs, _marks(bound))


def _marks(document: Document) -> dict[str, str]:
    """What the document's way of training says of single nodes: {"conv1": "frozen"}."""
    from trainers.entry import OptionError, choose
    from trainers.paradigms import PARADIGMS

    try:
        options = document.training.get("paradigm", {"name": "supervised"})
        return choose(PARADIGMS, options, "paradigm").node_labels(document) if isinstance(options, dict | str) else {}
    except OptionError:
        return {}  # a check tells what is wrong with its options


def _checked(document: Document) -> tuple[Document, list[Problem]]:
    """The document with its Input shapes taken from the data set, and all its problems."""
    trainers = importlib.import_module("trainers")
    if not hasattr(trainers, "check"):
        return document, builder.check(document)
    return trainers.bind(document), trainers.check(document)
