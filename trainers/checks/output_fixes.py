"""Finds edits that give a network's output the shape that is wanted, by trying the likely ones on the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.analysis.infer import Analysis, analyse
from builder.document import Node
from builder.edits import Edit, InsertBefore, SetParams, apply_all, fresh_name
from builder.edits.blocks import InBlock
from builder.problems import EditError
from builder.shapes import Shape
from trainers.checks.base import before

MOST_TRIES = 40  # each looks at the whole document again, in milliseconds


@dataclass(frozen=True)
class Mending:
    """Edits that mend, what to write on the button, and the node where the trouble is."""

    edits: tuple[Edit, ...]
    label: str
    node: str


def mend(analysis: Analysis, output: str, wanted: Sequence[Shape]) -> Mending | None:
    """The first of the likely mendings after which the output has one of the wanted shapes."""
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


def place(analysis: Analysis, output: str) -> str:
    """The node that decides the output's width, to put a problem at; else the output itself."""
    for name, _, spec in before(analysis, output):
        if spec.width_parameter is not None:
            return name
        if not spec.keeps_shape:
            break
    return output


def _candidates(analysis: Analysis, output: str, wanted: Sequence[Shape], rank: int) -> Iterator[Mending]:
    """Width of the last layer; the last step of a sequence; then both."""
    widths = list(_widths(analysis, output, wanted))
    yield from widths
    if rank < 2:
        return
    lasts = list(_last_steps(analysis, output))
    yield from lasts
    for last in lasts:
        for width in widths:
            if last.node != width.node:
                yield Mending((*width.edits, *last.edits), f"{last.label}, {_small(width.label)}", last.node)


def _widths(analysis: Analysis, output: str, wanted: Sequence[Shape]) -> Iterator[Mending]:
    """The width of the last layer that has one, as each of the sizes that the wanted shapes have."""
    sizes = dict.fromkeys(size for shape in wanted for size in (shape[:1] + shape[-1:]))
    for name, _, spec in before(analysis, output):
        if spec.width_parameter is not None:
            for size in sizes:
                edit = setting(analysis, name, {spec.width_parameter: size})
                yield Mending((edit,), f"Set {spec.width_parameter} to {size}", name)
            return


def _last_steps(analysis: Analysis, output: str) -> Iterator[Mending]:
    """A layer on the way that can pass on the last step alone, or a new node before the output that takes it."""
    from builder import CATALOGUE

    for name, _, spec in before(analysis, output):
        if spec.last_step is not None:
            label = ", ".join(f"{key} to {value}" for key, value in spec.last_step.items())
            yield Mending((setting(analysis, name, spec.last_step),), f"Set {label}", name)
    kind = next((kind for kind in CATALOGUE.values() if kind.last_step and kind.family == "reshape"), None)
    if kind is not None and kind.last_step is not None:
        title = kind.type_name()
        new = Node(name=fresh_name(analysis.document, title), type=title, params=kind.last_step)
        yield Mending((InsertBefore(new, output),), "Take the last step", output)


def _small(label: str) -> str:
    return label[:1].lower() + label[1:]


def setting(analysis: Analysis, name: str, values: Mapping[str, Any]) -> Edit:
    """The edit that sets parameters of a node, inside its block if it is in one."""
    step = analysis.steps[name]
    edit = SetParams(step.node.name, {**step.node.params, **values})
    return edit if step.block is None else InBlock(step.block, edit)
