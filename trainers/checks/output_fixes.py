"""Finds edits that give an output the shape that the loss needs, by trying the likely ones on the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.analysis.infer import Analysis, analyse
from builder.catalogue import CATALOGUE
from builder.document import Node
from builder.edits import Edit, InsertBefore, SetParams, apply_all, fresh_name
from builder.edits.blocks import InBlock
from builder.problems import EditError
from builder.shapes import Shape
from trainers.checks.base import before

MOST_TRIES = 40  # each one analyses the whole document again, which takes milliseconds


@dataclass(frozen=True)
class Fix:
    """Edits that solve a problem, the label of their button, and the node with the problem."""

    edits: tuple[Edit, ...]
    label: str
    node: str


def find_fix(analysis: Analysis, output: str, wanted: Sequence[Shape]) -> Fix | None:
    """The first of the likely fixes after which the output has one of the wanted shapes."""
    found = analysis.facts[output].signal.shape
    for number, candidate in enumerate(_candidates(analysis, output, wanted, len(found))):
        if number >= MOST_TRIES:
            return None
        try:
            after = analyse(apply_all(analysis.document, candidate.edits))
        except EditError:
            continue
        if output in after.facts and after.facts[output].signal.shape in wanted:
            return candidate
    return None


def width_node(analysis: Analysis, output: str) -> str:
    """The node whose parameter sets the width of the output; if there is none, the output."""
    for name, _, spec in before(analysis, output):
        if spec.width_parameter is not None:
            return name
        if not spec.keeps_shape:
            break
    return output


def _candidates(analysis: Analysis, output: str, wanted: Sequence[Shape], rank: int) -> Iterator[Fix]:
    """The width of the last layer; the last step of a sequence; then both."""
    widths = list(_widths(analysis, output, wanted))
    yield from widths
    if rank < 2:
        return
    lasts = list(_last_steps(analysis, output))
    yield from lasts
    for last in lasts:
        for width in widths:
            if last.node != width.node:
                label = f"{last.label}, {width.label[:1].lower()}{width.label[1:]}"
                yield Fix((*width.edits, *last.edits), label, last.node)


def _widths(analysis: Analysis, output: str, wanted: Sequence[Shape]) -> Iterator[Fix]:
    """Set the width of the last layer that has one to each of the sizes in the wanted shapes."""
    sizes = dict.fromkeys(size for shape in wanted for size in (shape[:1] + shape[-1:]))
    for name, _, spec in before(analysis, output):
        if spec.width_parameter is not None:
            for size in sizes:
                edit = set_params(analysis, name, {spec.width_parameter: size})
                yield Fix((edit,), f"Set {spec.width_parameter} to {size}", name)
            return


def _last_steps(analysis: Analysis, output: str) -> Iterator[Fix]:
    """Let a recurrent layer return its last step alone, or insert a node that selects it before the output."""
    for name, _, spec in before(analysis, output):
        if spec.last_step is not None:
            label = ", ".join(f"{key} to {value}" for key, value in spec.last_step.items())
            yield Fix((set_params(analysis, name, spec.last_step),), f"Set {label}", name)
    kind = next((kind for kind in CATALOGUE.values() if kind.last_step and kind.family == "reshape"), None)
    if kind is not None and kind.last_step is not None:
        title = kind.type_name()
        new = Node(name=fresh_name(analysis.document, title), type=title, params=kind.last_step)
        yield Fix((InsertBefore(new, output),), "Use the last step only", output)


def set_params(analysis: Analysis, name: str, values: Mapping[str, Any]) -> Edit:
    """The edit that sets parameters of a node; inside its block, if it is in one."""
    step = analysis.steps[name]
    edit = SetParams(step.node.name, {**step.node.params, **values})
    return edit if step.block is None else InBlock(step.block, edit)
