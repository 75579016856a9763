"""Edits that make two networks fit a data set: a small generator or discriminator below what is on the canvas, and the
shape that the generator draws."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import builder
from builder import CATALOGUE
from builder.analysis.infer import Analysis, infer
from builder.document import Document, Edge, Node
from builder.document.graph import apart
from builder.document.layout import arrange
from builder.document.model import name_complaint
from builder.edits import AddNode, Bypass, Connect, Edit, InsertBefore, SetParams, apply_all, fresh_name
from builder.shapes import Shape, show
from trainers.checks.base import before
from trainers.checks.output_fixes import Mending, setting

if TYPE_CHECKING:
    from trainers.job import Job

SOURCE = Path(__file__).parents[3] / "assets" / "parts" / "adversaries.json"
GAP = 150.0  # pixels below the lowest node


@functools.cache
def _both() -> Document:
    return builder.load(SOURCE)


def added(job: Job, network: str) -> list[Edit]:
    """The edits that add it."""
    document = job.document
    small = _fitting(job)
    inside = apart(small)[network]
    names: dict[str, str] = {}
    for node in inside.nodes:
        names[node.name] = _free(document, node.name, set(names.values()))
    places = arrange(inside)
    low = max((y for _, y in document.layout.values()), default=-GAP) + GAP
    left = min((x for x, _ in document.layout.values()), default=0.0)
    edits: list[Edit] = []
    for node in inside.nodes:
        new = Node(name=names[node.name], type=node.type, params=node.params, network=network)
        x, y = places[node.name]
        edits.append(AddNode(new, (left + x, low + y)))
    return edits + [Connect(Edge(source=names[edge.source], target=names[edge.target])) for edge in inside.edges]


def _fitting(job: Job) -> Document:
    """Both networks, for samples of the job's data set."""
    shape = job.dataset.signals[0].shape
    edits: list[Edit] = [SetParams("values", {"out_features": max(1, math.prod(shape))})]
    if len(shape) == 1:
        edits += [Bypass("form"), Bypass("flat")]
    else:
        edits.append(SetParams("form", {"shape": list(shape)}))
    if job.paradigm.scaling(job.dataset) != "signed":
        edits.append(Bypass("squash"))
    return apply_all(_both(), edits)


def reshaped(analysis: Analysis, output: str, wanted: Shape) -> Mending | None:
    """The last layer as wide as a sample has numbers, and these put into the shape of a sample."""
    kinds = (kind for kind in CATALOGUE.values() if kind.family == "reshape" and {*kind.model_fields} == {"shape"})
    kind = next(kinds, None)
    step = next((found for found in before(analysis, output) if found[2].width_parameter is not None), None)
    if kind is None or step is None or step[2].width_parameter is None or len(wanted) < 2:
        return None
    name = kind.type_name()
    new = Node(name=fresh_name(analysis.document, name), type=name, params={"shape": list(wanted)})
    edits = (setting(analysis, step[0], {step[2].width_parameter: math.prod(wanted)}), InsertBefore(new, output))
    if infer(apply_all(analysis.document, edits)).get(output) != wanted:
        return None
    return Mending(edits, f"Draw {math.prod(wanted):,} numbers as {show(wanted)}", step[0])


def _free(document: Document, name: str, taken: set[str]) -> str:
    """A name that no node has yet."""
    number, wanted = 2, name
    while wanted in document.by_name or wanted in taken or name_complaint(wanted):
        number, wanted = number + 1, f"{name}{number}"
    return wanted
