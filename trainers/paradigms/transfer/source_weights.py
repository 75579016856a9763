"""The weights that a network starts with: from a run, a file or a first training; and which layers they fit.

Weights are matched node by node. A node whose tensors all have the same names and shapes in the source takes them; any
other node keeps its random initial weights, and the reason is reported.

A first training trains the same network on another data set. It runs once: its weights are kept in a file that is named
by everything they depend on, which is network, data and settings.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import builder
from builder.analysis.infer import analyse
from builder.analysis.plan import Step, make_plan
from builder.document import Document
from builder.document.graph import networks, reaching
from builder.edits import apply_all
from builder.problems import NetloomError
from trainers.data import dataset
from trainers.home import home
from trainers.paradigms.transfer.weight_files import (
    Shape,
    WeightsError,
    find_prefix,
    load_tensors,
    read_shapes,
    refuse_unusable,
    weights_folder,
)
from trainers.runs.store import Store, StoreError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

REMEDY = "Open that run on Inspect and resume it: it trains again from its last checkpoint. Or choose another source."
NEW_HEAD = "is the new head"
FIRST_SETTINGS = (
    *("optimizer", "schedule", "initialisation", "seed", "device", "threads", "precision", "gradient_clip", "l1"),
)
METRICS = "metrics"  # of a first training, in the file with its weights
SOURCE_PREFIX = "source_"  # of the names of the first training's metrics
OUTPUT_SHAPE = "T130"  # the check of the output's width; its fix gives the head one output for each class


@dataclass(frozen=True)
class SourceWeights:
    """Where weights come from. `path` is None where no file is needed yet: the shapes are known without it."""

    label: str
    path: Path | None
    prefix: str  # before the names of its tensors in the file
    shapes: Mapping[str, Shape]  # by the names that the tensors have in the network
    remedy: str = ""  # what to do where the file was damaged


@dataclass(frozen=True)
class LayerMatch:
    """One layer with weights: whether it takes those of the source, and if not, why."""

    node: str
    parameters: int
    reason: str  # empty: its weights come from the source
    head: bool  # the last layer with weights before an output
    pretrained: bool = False  # its layer type has pretrained weights of its own, and takes none

    @property
    def fits(self) -> bool:
        return not self.reason


# -- sources ----------------------------------------------------------------------------------------------------------


def find_source(job: Job, paradigm: Transfer) -> SourceWeights | None:
    """The source that the options name; None: they name none. WeightsError: it cannot be found or read."""
    if paradigm.run is None and paradigm.weights is None and paradigm.source is not None:
        first = first_job(job, paradigm)
        path = first_weights_path(first)
        label = f"a first training on {describe_data(first)}"
        if path.is_file():
            return from_file(path, label, "main/")
        return SourceWeights(label, path, "main/", parameter_shapes(first.document))
    return _stored(paradigm)


def _stored(paradigm: Transfer) -> SourceWeights | None:
    """The run or the file that the options name."""
    if paradigm.run is not None:
        return from_run(paradigm.run)
    if paradigm.weights is not None:
        return from_file(weights_folder() / paradigm.weights, paradigm.weights)
    return None


def from_run(run: str) -> SourceWeights:
    """The best weights of a run: those of its main network, or else of the first one in its document."""
    try:
        store = Store()
        if not store.has(run):
            raise WeightsError(f"The run {run[:40]!r} does not exist. It was deleted, or belongs to another machine.")
        name, folder = str(store.row(run)["name"]), store.run_folder(run)
        document = builder.load(store.job(run))
    except (StoreError, OSError, builder.DocumentError) as error:
        raise WeightsError(f"The run {run[:40]!r} cannot be read: {error}") from error
    path = folder / "best.safetensors"
    if not path.exists():
        raise WeightsError(f"The run “{name[:60]}” has no weights yet. They are saved after its first epoch.")
    label = f"the run “{name[:60]}”"
    try:
        shapes = read_shapes(path)
    except WeightsError as error:
        raise WeightsError(f"The weights of {label} cannot be used: {error} {REMEDY}") from None
    return from_file(path, label, find_prefix(shapes, networks(document)), REMEDY)


def from_file(path: Path, label: str, prefix: str | None = None, remedy: str = "") -> SourceWeights:
    """A safetensors file: the weights of a network, or of a run."""
    if not path.is_file():
        raise WeightsError(f"There is no file {path.name} in {path.parent}. Save it there, or choose another one.")
    found = read_shapes(path)
    prefix = find_prefix(found) if prefix is None else prefix
    own = {name.removeprefix(prefix): shape for name, shape in found.items() if name.startswith(prefix)}
    return SourceWeights(label, path, prefix, own, remedy)


# -- the first training -----------------------------------------------------------------------------------------------


def first_job(job: Job, paradigm: Transfer) -> Job:
    """The job of the first training: the same network, with a head for the other data set.

    Raises:
        WeightsError: the network cannot be trained on that data set.
    """
    source = paradigm.first_training
    assert source is not None
    own = job.document.training
    loss = {"loss": paradigm.loss} if paradigm.loss is not None else {}
    training: dict[str, Any] = {name: own[name] for name in FIRST_SETTINGS if name in own}
    training |= {"data": dict(source.data), "epochs": source.epochs, "paradigm": {"name": "supervised", **loss}}
    document = job.document.changed(training=training)
    try:
        return _job(job, document)
    except builder.GraphError as error:
        fix = next((problem.fix for problem in error.problems if problem.code == OUTPUT_SHAPE), None)
        if fix is None:
            raise _untrainable(source.data, error) from None
    try:
        return _job(job, apply_all(document, fix))
    except builder.GraphError as error:
        raise _untrainable(source.data, error) from None


def _job(job: Job, document: Document) -> Job:
    """A job of the same class as `job`. GraphError: the network does not fit the data set."""
    try:
        return type(job).from_document(document)
    except builder.DocumentError as error:
        raise WeightsError(f"The settings of the first training are not valid: {error.problems[0]}") from None


def _untrainable(data: Mapping[str, Any], error: builder.GraphError) -> WeightsError:
    return WeightsError(f"The network cannot be trained on {dataset(data).title} first: {error.problems[0]}")


def describe_data(first: Job) -> str:
    """The data set of a first training and, if only some of its classes are used, these."""
    classes = first.dataset.options().get("keep_classes")
    return first.dataset.title + (f", {', '.join(map(str, classes))}" if classes else "")


def first_weights_path(first: Job) -> Path:
    """The file for the weights of a first training, named by everything that they depend on."""
    bare = first.document.changed(name="", description="", lesson="", layout={})
    text = json.dumps([builder.dump(bare), first.dataset.options()], sort_keys=True)
    return home() / "first_trainings" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.safetensors"


# -- matching ---------------------------------------------------------------------------------------------------------


def parameter_shapes(document: Document) -> dict[str, Shape]:
    """The shape of every parameter and buffer of a document's network, by name."""
    layers = layers_with_weights(document)
    return {f"{node}.{name}": shape for node, weights in layers.items() for name, shape in weights}


def layers_with_weights(document: Document) -> dict[str, tuple[tuple[str, Shape], ...]]:
    """The layers that have weights of their own, in the order of the forward pass, with names and shapes of these."""
    analysis = analyse(document)
    known = {step.name: analysis.facts[step.name] for step in analysis.plan.steps if step.name in analysis.facts}
    return {name: facts.weights for name, facts in known.items() if facts.weights and analysis.steps[name].owns}


def match_layers(document: Document, source: SourceWeights | None, keep_head: bool = False) -> tuple[LayerMatch, ...]:
    """Every layer with weights in the order of the forward pass, and whether it takes the weights of the source."""
    last, matches = heads(document), []
    specs = {step.name: step.spec for step in make_plan(document).steps}
    for node, weights in layers_with_weights(document).items():
        head, pretrained = node in last, specs[node].pretrained()
        own = {f"{node}.{name}": shape for name, shape in weights}
        reason = "" if pretrained else NEW_HEAD if head and not keep_head else _mismatch(own, source)
        matches.append(LayerMatch(node, sum(math.prod(shape) for shape in own.values()), reason, head, pretrained))
    return tuple(matches)


def _mismatch(own: Mapping[str, Shape], source: SourceWeights | None) -> str:
    """Why a layer cannot take the weights of the source; empty: it can."""
    shapes = {} if source is None else source.shapes
    for name, shape in own.items():
        if name not in shapes:
            return "has no weights of this name in the source"
        if shapes[name] != shape:
            return f"is {_shown(shapes[name])} in the source and {_shown(shape)} here"
    return ""


def _shown(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "one number"


def reasons(matches: tuple[LayerMatch, ...], most: int = 3) -> str:
    """Why layers take no weights: the first few, without a head that is to be new."""
    found = [f"{match.node} {match.reason}" for match in matches if not match.fits and match.reason != NEW_HEAD]
    return "; ".join(found[:most]) + (f"; and {len(found) - most} more" if len(found) > most else "")


def heads(document: Document) -> set[str]:
    """The last layer with weights before each output."""
    layers = list(layers_with_weights(document))
    steps = {step.name: step for step in make_plan(document).steps}
    found = set()
    for step in steps.values():
        if step.spec.role == "output":
            found |= set(itertools.islice((name for name in _chain(steps, step) if name in layers), 1))
    return found or set(layers[-1:])


def _chain(steps: Mapping[str, Step], step: Step) -> Iterator[str]:
    """The nodes before a step, from the last to the first, as long as each has a single input."""
    while len(step.inputs) == 1:
        step = steps[step.inputs[0]]
        yield step.name


def frozen_steps(document: Document, name: str | None) -> list[Step]:
    """The steps of a node and of everything before it, in order; also those that share weights with them."""
    if name is None:
        return []
    nodes = reaching(document, {name})
    steps = make_plan(document).steps
    modules = {step.module for step in steps if step.name.partition(".")[0] in nodes}
    return [step for step in steps if step.module in modules]


def node_labels(document: Document, paradigm: Transfer) -> dict[str, str]:
    """A label for frozen nodes and for nodes that do not take the weights of the source.

    The network of a first training is the document's own, so all of its layers fit but a new head.
    """
    nodes = {step.name.partition(".")[0] for step in frozen_steps(document, paradigm.freeze_up_to)}
    found = {node.name: "frozen" for node in document.nodes if node.name in nodes and node.role in ("layer", "block")}
    try:
        source = _stored(paradigm)
        if source is None and paradigm.source is not None:
            source = SourceWeights("a first training", None, "main/", parameter_shapes(document))
        matches = match_layers(document, source, paradigm.head == "keep")
    except (NetloomError, OSError):
        return found  # a check reports what is wrong
    fitting = {match.node.partition(".")[0] for match in matches if match.fits}
    others = {match.node.partition(".")[0]: match.head for match in matches if not match.fits}
    return found | {
        name: "new head" if head else "from scratch" for name, head in others.items() if name not in fitting
    }


# -- initial weights --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InitialWeights:
    """The source of a job and the layers that take its weights."""

    source: SourceWeights | None  # None: layers have pretrained weights of their own
    matches: tuple[LayerMatch, ...]

    def load(self) -> dict[str, Tensor]:
        """The tensors, by their names in the network. WeightsError: the file is gone, or cannot be read."""
        source = self.source
        if source is None:
            return {}
        if source.path is None or not source.path.is_file():
            raise WeightsError(f"The weights of {source.label} do not exist any more.")
        refuse_unusable(source.path, source.label, source.remedy)
        prefixes = tuple(f"{match.node}." for match in self.matches if match.fits and not match.pretrained)
        names = [name for name in source.shapes if name.startswith(prefixes)]
        return load_tensors(source.path, {name: source.prefix + name for name in names})

    def describe(self) -> str:
        """How many layers take weights, and which do not, in a sentence."""
        fitting = [match for match in self.matches if match.fits]
        others = [match.node for match in self.matches if not match.fits]
        source = "their own pretrained weights" if self.source is None else f"the weights of {self.source.label}"
        rest = ""
        if others:
            verb = "starts" if len(others) == 1 else "start"
            rest = f"; {', '.join(others[:3])}{' and others' if len(others) > 3 else ''} {verb} from scratch"
        return f"{len(fitting)} of {len(self.matches)} layers start with {source}{rest}."


def initial_weights(job: Job, paradigm: Transfer) -> InitialWeights:
    """The initial weights of a job. WeightsError: the options name no source, it cannot be read, or no layer fits."""
    source = find_source(job, paradigm)
    matches = match_layers(job.document, source, paradigm.head == "keep")
    if source is None and not any(match.pretrained for match in matches):
        raise WeightsError("No source of weights is chosen. Choose a run, a file of weights, or a first training.")
    if not any(match.fits for match in matches):
        raise WeightsError(f"No weights of {source.label if source else 'the source'} fit: {reasons(matches)}.")
    return InitialWeights(source, matches)


def copy_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into the parameters and buffers of the same names, whatever their dtype."""
    import torch

    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name in own and own[name].shape == tensor.shape:
                own[name].copy_(tensor)
