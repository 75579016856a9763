"""Checks that need the data set or the job, beside the numbered checks of the document in `builder/checks`.

Each is one class in a file of this folder, found by itself.
"""

from __future__ import annotations

from typing import Any

from builder.checks.base import run
from builder.document import Document, Node
from builder.infer import analyse
from builder.problems import DocumentError, Problem
from trainers.checks.base import JobCheck, job_checks
from trainers.data import DataError, dataset
from trainers.job import Job

__all__ = ["JobCheck", "bind", "check", "problems_of"]


def bind(document: Document) -> Document:
    """The same document, with the shape of its data set in every Input that has none. Downloads nothing."""
    data = document.training.get("data")
    if not isinstance(data, dict):
        return document
    try:
        chosen = dataset(data)
    except DataError:
        return document  # check says what is wrong with the data set
    shape = list(chosen.input_shape)
    nodes = tuple(_shaped(node, shape) if _is_open_input(node) else node for node in document.nodes)
    return document if nodes == document.nodes else document.changed(nodes=nodes)


def _shaped(node: Node, shape: list[int]) -> Node:
    """A new node, not a copy: a copy would take along the layer that the node remembers."""
    fields = {name: getattr(node, name) for name in Node.model_fields}
    return Node(**{**fields, "params": {**node.params, "shape": shape}})


def _is_open_input(node: Node) -> bool:
    try:
        spec: Any = node.spec
    except (KeyError, ValueError):
        return False
    return spec.role == "input" and spec.shape is None


def check(document: Document) -> list[Problem]:
    """Everything wrong with the document, its data set and its training, one list of problems, errors first."""
    bound = bind(document)
    try:
        job = Job(bound)
    except DocumentError as error:
        return _sorted([*run(analyse(bound)), *error.problems])
    return problems_of(job)


def problems_of(job: Job) -> list[Problem]:
    """The problems of a job that could be read."""
    analysis = analyse(job.document)
    return _sorted([*run(analysis), *(problem for check in job_checks() for problem in check.find(job, analysis))])


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.severity != "error")
