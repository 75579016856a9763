"""What follows from a document: shapes, problems and costs, computed once for each document and kept."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import trainers
from builder.analysis.infer import Analysis, Facts, analyse
from builder.analysis.summary import costs
from builder.document import Document
from builder.problems import Problem
from builder.spec import ShapeError
from pages.parts.document.workspace import first_document
from pages.parts.theme import torch_import
from trainers.entry import OptionError, choose
from trainers.paradigms import PARADIGMS

_KEPT = 8
_known: OrderedDict[int, tuple[Document, DocumentFacts]] = OrderedDict()


@dataclass(frozen=True)
class Cost:
    """What one node costs: learned parameters, FLOPs and bytes of its output for one sample."""

    parameters: int = 0
    flops: int = 0
    memory: int = 0


@dataclass(frozen=True)
class DocumentFacts:
    """Everything that pages show about a document and that follows from it."""

    analysis: Analysis | None  # None: torch is still being imported, and nothing is known yet
    problems: tuple[Problem, ...] = ()
    costs: dict[str, Cost] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # the paradigm's label of a node: {"conv1": "frozen"}
    final: bool = True  # False: checks that need torch have not been made, so further problems may be found

    @property
    def complete(self) -> bool:
        """Whether the shapes are known."""
        return self.analysis is not None

    @property
    def errors(self) -> int:
        """How many problems keep the document from being trained."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def outputs(self) -> dict[str, Facts]:
        """Output and size of every node without an error."""
        return self.analysis.facts if self.analysis else {}

    @property
    def failures(self) -> dict[str, ShapeError]:
        """The shape error of every node that cannot take its inputs."""
        return self.analysis.failures if self.analysis else {}

    @property
    def waiting(self) -> dict[str, str]:
        """Nodes behind a node with an error, each with the name of that node."""
        return self.analysis.waiting if self.analysis else {}

    @functools.cached_property
    def total(self) -> Cost:
        """The sum over all nodes."""
        return _sum(self.costs.values())

    @functools.cached_property
    def sums(self) -> dict[str, Cost]:
        """The cost of every node and, summed up, of every block and each of its repeats."""
        groups: dict[str, list[Cost]] = {}
        for name, cost in self.costs.items():
            steps = name.split(".")
            for depth in range(1, len(steps) + 1):
                groups.setdefault(".".join(steps[:depth]), []).append(cost)
        return {name: _sum(costs) for name, costs in groups.items()}


def _sum(costs: Iterable[Cost]) -> Cost:
    rows = list(costs)
    return Cost(*(sum(getattr(cost, name) for cost in rows) for name in ("parameters", "flops", "memory")))


def facts_of(document: Document) -> DocumentFacts:
    """Shapes, problems and costs of the document, from memory where nothing changed.

    Moving a node makes a new document with the same nodes and edges, for which nothing is computed again.
    """
    for known, facts in _known.values():
        if known is document:
            return facts
    for known, facts in reversed(_known.values()):
        if _same_network(known, document):
            return _keep(document, facts)
    if not torch_import.ready():
        return _early(document)
    return _keep(document, _compute(document))


def _early(document: Document) -> DocumentFacts:
    """What is known before torch is imported: of the first document everything but what this machine lacks for it."""
    first, facts = _first()
    same = all(getattr(first, name) == getattr(document, name) for name in ("nodes", "edges", "training", "blocks"))
    return facts if same else DocumentFacts(None, final=False)


@functools.cache
def _first() -> tuple[Document, DocumentFacts]:
    first = first_document()
    return first, _compute(first, machine=False)


def _same_network(one: Document, other: Document) -> bool:
    return all(getattr(one, name) is getattr(other, name) for name in ("nodes", "edges", "training", "blocks"))


def _keep(document: Document, facts: DocumentFacts) -> DocumentFacts:
    _known[id(document)] = (document, facts)
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return facts


def _compute(document: Document, machine: bool = True) -> DocumentFacts:
    bound = trainers.bind(document)  # Input shapes are taken from the data set
    analysis = analyse(bound)
    known = {row.node: Cost(row.parameters, row.flops, row.activation_bytes) for row in costs(analysis)}
    return DocumentFacts(analysis, tuple(trainers.check(document, machine)), known, _labels(bound), final=machine)


def _labels(document: Document) -> dict[str, str]:
    """The labels that the document's paradigm gives to nodes: {"conv1": "frozen"}."""
    options = document.training.get("paradigm")
    if not isinstance(options, dict | str):
        return {}
    try:
        return choose(PARADIGMS, options, "paradigm").node_labels(document)
    except OptionError:
        return {}  # a check reports what is wrong with its options
