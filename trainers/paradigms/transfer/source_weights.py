"""What a network starts from: the weights of a run, of a file, or of a first training; and which of them fit it.

Weights are taken node by node: a node whose tensors all have the same names and shapes in the source takes them, any
other starts fresh, and the reason is told.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.analysis.infer import analyse
from builder.analysis.plan import Step, make_plan
from builder.document import Document
from builder.document.graph import reaching
from builder.problems import NetloomError
from trainers.checks.base import before, outputs
from trainers.home import home
from trainers.paradigms.transfer.weight_files import Shape, WeightsError, load, prefix_of, shapes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer


NEW_HEAD = "is the new head, for new answers"


@dataclass(frozen=True)
class Origin:
    """Where weights come from. `path` is None where they have yet to be learned; the shapes are known all the same."""

    label: str
    path: Path | None
    prefix: str  # before the names of its tensors in the file
    shapes: Mapping[str, Shape]  # by the names that tensors have in the network


@dataclass(frozen=True)
class Item:
    """One layer with weights: whether it takes those of the source, and if not, why."""

    node: str
    numbers: int  # parameters that it has
    reason: str  # empty: its weights come from the source
    head: bool  # what gives the answers: fresh, unless it is to be kept
    own: bool = False  # it brings weights of its own that have learned already, and takes none

    @property
    def fits(self) -> bool:
        return not self.reason


def origin_of(job: Job, way: Transfer) -> Origin | None:
    """What the job starts from; None: nothing is named. WeightsError: it is named, but cannot be had."""
    if way.run is not None:
        return of_run(way.run)
    if way.weights is not None:
        return of_file(folder() / way.weights, way.weights)
    if way.source is not None:
        from trainers.paradigms.transfer import first_training

        return first_training.origin(job, way)
    return None


def of_run(run: str) -> Origin:
    """The best weights of a run: of its first network, as they are now."""
    from trainers.runs.run import Run
    from trainers.runs.store import StoreError

    try:
        chosen = Run(run)
        path = chosen.store.run_folder(run) / "best.safetensors"
        name, first = chosen.name, next(iter(chosen.job.paradigm.modules(chosen.document)))
    except (StoreError, OSError) as error:
        gone = f"The run {run[:40]!r} is not there any more: it was deleted, or belongs to another machine."
        raise WeightsError(gone) from error
    if not path.exists():
        raise WeightsError(f"The run “{name[:60]}” has no weights yet: they are kept from its first epoch on.")
    return of_file(path, f"the run “{name[:60]}”", f"{first}/")


def of_file(path: Path, label: str, prefix: str | None = None) -> Origin:
    """A safetensors file: the weights of a network, or of a run."""
    if not path.is_file():
        raise WeightsError(f"There is no file {path.name} in {path.parent}. Put it there, or choose another.")
    found = shapes(path)
    prefix = prefix_of(found) if prefix is None else prefix
    own = {name.removeprefix(prefix): shape for name, shape in found.items() if name.startswith(prefix)}
    return Origin(label, path, prefix, own)


def folder() -> Path:
    """Where files of weights lie."""
    return home() / "weights"


def own_shapes(document: Document) -> dict[str, Shape]:
    """The shape of every parameter of a document's network, by name."""
    layers = weighted(document)
    return {f"{node}.{name}": shape for node, weights in layers.items() for name, shape in weights}


def weighted(document: Document) -> dict[str, tuple[tuple[str, Shape], ...]]:
    """The layers that have weights of their own, in running order, with the names and shapes of these."""
    analysis = analyse(document)
    known = {step.name: analysis.facts[step.name] for step in analysis.plan.steps if step.name in analysis.facts}
    return {name: facts.weights for name, facts in known.items() if facts.weights and analysis.steps[name].owns}


def fitting(document: Document, origin: Origin | None, keep_head: bool = False) -> tuple[Item, ...]:
    """Every layer with weights in running order, and whether it takes those of the source."""
    last, items = heads(document), []
    specs = {step.name: step.spec for step in make_plan(document).steps}
    for node, weights in weighted(document).items():
        head, brings = node in last, specs[node].pretrained()
        own = {f"{node}.{name}": shape for name, shape in weights}
        reason = "" if brings else NEW_HEAD if head and not keep_head else _misfit(own, origin)
        items.append(Item(node, sum(math.prod(shape) for shape in own.values()), reason, head, brings))
    return tuple(items)


def _misfit(own: Mapping[str, Shape], origin: Origin | None) -> str:
    """Why a layer cannot take the source's weights; empty: it can."""
    source = {} if origin is None else origin.shapes
    for name, shape in own.items():
        if name not in source:
            return "has no weights in the source under this name"
        if source[name] != shape:
            return f"is {_shown(source[name])} in the source, {_shown(shape)} here"
    return ""


def _shown(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "one number"


def heads(document: Document) -> set[str]:
    """The last layer with weights before each output: it gives the answers."""
    analysis, layers = analyse(document), list(weighted(document))
    found = set()
    for end in outputs(analysis):
        found |= set(itertools.islice((name for name, _, _ in before(analysis, end) if name in layers), 1))
    return found or set(layers[-1:])


def frozen_steps(document: Document, name: str | None) -> list[Step]:
    """The steps of a node and of everything before it, in running order; those that share weights with them too."""
    if name is None:
        return []
    nodes = reaching(document, {name})
    steps = make_plan(document).steps
    modules = {step.module for step in steps if step.name.partition(".")[0] in nodes}
    return [step for step in steps if step.module in modules]


def taken(origin: Origin, items: tuple[Item, ...]) -> dict[str, Tensor]:
    """The source's tensors for the layers that take them, by their names in the network.

    WeightsError: they cannot be read.
    """
    if origin.path is None or not origin.path.is_file():
        raise WeightsError(f"The weights of {origin.label} are not there any more.")
    starts = tuple(f"{item.node}." for item in items if item.fits and not item.own)
    names = [name for name in origin.shapes if name.startswith(starts)]
    return load(origin.path, {name: origin.prefix + name for name in names})


def give(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors into a network of the same names, whatever kind of number they were kept as."""
    import torch

    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name in own and own[name].shape == tensor.shape:
                own[name].copy_(tensor)


@dataclass(frozen=True)
class Start:
    """The weights that a job begins with, and which of its layers take them."""

    origin: Origin | None  # None: layers bring their own
    items: tuple[Item, ...]

    def load(self) -> dict[str, Tensor]:
        """The tensors to give to the network. WeightsError: they are gone, or cannot be read."""
        return {} if self.origin is None else taken(self.origin, self.items)

    def told(self) -> str:
        """What came of it, in a sentence."""
        some = [item for item in self.items if item.fits]
        where = "their own pretrained weights" if self.origin is None else f"the weights of {self.origin.label}"
        fresh = [item.node for item in self.items if not item.fits]
        how = "begins afresh" if len(fresh) == 1 else "begin afresh"
        rest = f"; {', '.join(fresh[:3])}{' and others' if len(fresh) > 3 else ''} {how}" if fresh else ""
        return f"{len(some)} of {len(self.items)} layers begin with {where}{rest}."


def start_of(job: Job, way: Transfer) -> Start:
    """What the job begins with. WeightsError: nothing is named, it cannot be had, or none of it fits."""
    origin = origin_of(job, way)
    items = fitting(job.document, origin, way.head == "keep")
    if origin is None and not any(item.own for item in items):
        raise WeightsError(
            "Nothing is named to begin with. Choose a run, a file of weights, or a data set to learn from first."
        )
    if not any(item.fits for item in items):
        raise WeightsError(f"None of the weights of {origin.label if origin else 'nothing'} fit: {reasons(items)}.")
    return Start(origin, items)


def reasons(items: tuple[Item, ...], most: int = 3) -> str:
    """Why layers take no weights: the first few, without the head that is to be fresh."""
    found = [f"{item.node} {item.reason}" for item in items if not item.fits and item.reason != NEW_HEAD]
    return "; ".join(found[:most]) + (f"; and {len(found) - most} more" if len(found) > most else "")


def marks(document: Document, way: Transfer) -> dict[str, str]:
    """A word for each node of the document: frozen, or a new head, as far as it can be told."""
    from trainers.binding import bind
    from trainers.job import Job

    nodes = {name.partition(".")[0] for name in (step.name for step in frozen_steps(document, way.freeze_up_to))}
    found = {node.name: "frozen" for node in document.nodes if node.name in nodes and node.role in ("layer", "block")}
    try:
        job = Job(bind(document))
        items = fitting(job.document, origin_of(job, way), way.head == "keep")
    except (NetloomError, ValueError, OSError):
        return found  # a check says what is wrong
    own = {name for item in items if item.fits for name in (item.node.partition(".")[0],)}
    fresh = {item.node.partition(".")[0]: item.head for item in items if not item.fits}
    return found | {name: "new head" if head else "from nothing" for name, head in fresh.items() if name not in own}
