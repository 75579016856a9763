"""What is known of a run before its first step: its layers and settings. Verdicts and advice ask it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.analysis.infer import analyse, infer
from builder.analysis.plan import make_plan
from builder.document.subnetworks import cuts

if TYPE_CHECKING:
    from builder.analysis.plan import Step
    from builder.document import Block, Document
    from builder.problems import Problem
    from trainers.job import Job

FEW_VALUES = 4  # from so few a mean and a variance over a batch are mostly chance
NARROW = 4  # a layer that passes on fewer numbers than this, and than the output has, is a bottleneck


class CanvasNode(NamedTuple):
    """A node of the canvas: its name, and in words which part of it is meant."""

    name: str
    words: str


class Bottleneck(NamedTuple):
    """A node of the canvas that passes only a few numbers on."""

    node: str
    width: int


class Circumstances:
    """The network and the settings of one run."""

    def __init__(self, job: Job | None = None, total_steps: int = 0, specs: Mapping[str, Any] | None = None) -> None:
        """
        Parameters:
            job: None in a loop that trains something else than a document; then nothing is known of settings.
            total_steps: of the whole run; 0 while unknown.
            specs: the layers of the nodes by name, in the order in which they run; by default those of the job.
        """
        self.job, self.total_steps = job, total_steps
        self.steps: tuple[Step, ...] = make_plan(job.document).steps if job is not None else ()
        self.specs: Mapping[str, Any] = specs if specs is not None else {step.name: step.spec for step in self.steps}

    @property
    def document(self) -> Document | None:
        return None if self.job is None else self.job.document

    # -- settings ---------------------------------------------------------------------------------------------------

    @property
    def highest_rate(self) -> float:
        """The highest learning rate of the schedule; 0 while unknown."""
        return 0.0 if self.job is None else self.job.schedule.highest_rate(self.job.optimizer.lr)

    @property
    def has_constant_rate(self) -> bool:
        """Whether no schedule changes the learning rate."""
        return self.job is None or self.job.schedule.per == "never"

    @property
    def weight_decay(self) -> float:
        return float(getattr(self.job and self.job.optimizer, "weight_decay", 0.0))

    @property
    def can_decay(self) -> bool:
        """Whether the optimizer has weight decay."""
        return self.job is None or self.job.optimizer.has_weight_decay

    @property
    def l1(self) -> float:
        return 0.0 if self.job is None else self.job.settings.l1

    @property
    def gradient_clip(self) -> float | None:
        return None if self.job is None else self.job.settings.gradient_clip

    @property
    def stops_early(self) -> bool:
        return self.job is not None and self.job.settings.early_stopping is not None

    @property
    def initialisation_is_chosen(self) -> bool:
        """Whether the weights start with others than the default values of the layers."""
        return self.job is not None and not self.job.initialisation.is_default

    @property
    def rate_follows_validation(self) -> bool:
        """Whether the schedule lowers the learning rate because the validation loss no longer falls."""
        return self.job is not None and self.job.schedule.per == "validation"

    @property
    def label_smoothing(self) -> float:
        """The share of each target that is spread over all classes."""
        loss = None if self.job is None else self.job.paradigm.loss_for(self.job.dataset)
        return float(getattr(loss, "label_smoothing", 0.0))

    @functools.cached_property
    def augmentations(self) -> Mapping[str, float]:
        """Augmentation → the largest share of what a sample shows that it may take away."""
        if self.job is None or not self.job.augmentations:
            return {}
        shape = self.job.dataset.input_shape
        return {each.label: each.takes(shape) for each in self.job.augmentations}

    @functools.cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What checks warned of before the run, and what may keep a network from learning."""
        return () if self.job is None else self.job.hindrances()

    @property
    def can_augment(self) -> bool:
        """Whether the data set has images, and no augmentation is on."""
        job = self.job
        return job is not None and not job.augmentations and job.can_augment

    @property
    def can_weight_classes(self) -> bool:
        """Whether the paradigm can weight classes, and does not do so yet."""
        if self.job is None or not hasattr(self.job.paradigm, "class_weights"):
            return False
        loss = self.job.paradigm.loss_for(self.job.dataset)
        return loss is not None and bool(loss.weighs) and not self.job.paradigm.balances_classes

    # -- the network ------------------------------------------------------------------------------------------------

    @functools.cached_property
    def has_normalisation(self) -> bool:
        return any(getattr(spec, "family", "") == "normalisation" for spec in self.specs.values())

    @functools.cached_property
    def dropouts(self) -> Mapping[str, float]:
        """Node → the share of its inputs that it sets to zero, of those that do so."""
        return {name: share for name, spec in self.specs.items() if (share := _dropout(spec)) > 0}

    @property
    def has_dropout(self) -> bool:
        return bool(self.dropouts)

    @functools.cached_property
    def small_statistics(self) -> Mapping[str, int]:
        """Node → from how many values it computes each mean over a batch, of those that have too few."""
        size = None if self.job is None else self.job.batch_size
        if self.job is None or not isinstance(size, int) or not any(s.spec.has_batch_statistics for s in self.steps):
            return {}
        facts, found = analyse(self.job.document).facts, {}
        for step in self.steps:
            if step.spec.has_batch_statistics and all(name in facts for name in step.inputs):
                values = step.spec.values_per_sample(*(facts[name].signal.shape for name in step.inputs))
                if values is not None and (size == 1 or size * values <= FEW_VALUES):
                    found[step.name] = size * values
        return found

    @functools.cached_property
    def narrowest(self) -> Bottleneck | None:
        """The first layer that passes the fewest numbers on, of those that every path leads through, if these are too
        few for the output."""
        if self.document is None:
            return None
        shapes, outputs = infer(self.document), [step.name for step in self.steps if step.spec.role == "output"]
        widths = {name: math.prod(shapes[name]) for name in cuts(self.document) if name in shapes}
        wanted = max((math.prod(shapes[name]) for name in outputs if name in shapes), default=0)
        name = min(widths, key=widths.__getitem__, default="")
        return Bottleneck(name, widths[name]) if name and widths[name] < min(wanted, NARROW) else None

    @functools.cached_property
    def reads_batches(self) -> bool:
        """Whether statistics over a batch mean anything: a batch has several samples, and no sequence is read."""
        single = self.job is not None and self.job.batch_size == 1
        recurrent = any(getattr(spec, "family", "") in ("recurrent", "attention") for spec in self.specs.values())
        return not single and not recurrent

    @functools.cached_property
    def has_skips(self) -> bool:
        """Whether a merge joins a value and something that was computed from it."""
        inputs = {step.name: step.inputs for step in self.steps}
        return any(_is_skip(step.inputs, inputs) for step in self.steps if step.spec.family == "merge")

    # -- names ------------------------------------------------------------------------------------------------------

    def on_canvas(self, node: str) -> CanvasNode:
        """A node by its place on the canvas: of "stage1.0.conv1" it is stage1, "stage1 (repeat 1 of 4, conv1)"."""
        name, *inside = node.split(".")
        if not inside or self.document is None:
            return CanvasNode(name if self.document is not None else node, node)
        parts = list(_parts(self.document, node))
        return CanvasNode(name, f"{name} ({', '.join(parts)})" if parts else name)


def _dropout(spec: Any) -> float:
    """The share of units that a layer drops in training."""
    own = getattr(spec, "p", 0.0) if getattr(spec, "family", "") == "regularisation" else 0.0
    return float(own or getattr(spec, "dropout", 0.0) or 0.0)


def _is_skip(merged: tuple[str, ...], inputs: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one of the merged values leads to another of them."""
    wanted = set(merged)
    for start in wanted:
        seen, waiting = set[str](), list(inputs.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name in wanted and name != start:
                return True
            if name not in seen:
                seen.add(name)
                waiting.extend(inputs.get(name, ()))
    return False


def _parts(document: Document, node: str) -> Iterator[str]:
    """For each block on the way to a node: which repeat it is, if there are several; at last the node itself."""
    names = node.split(".")
    graph: Document | Block = document
    for place in range(0, len(names) - 1, 2):
        found = graph.by_name.get(names[place])
        use = None if found is None else found.use
        if use is None or use.block not in document.blocks:
            return
        if place:
            yield names[place]
        if use.repeat > 1:
            yield f"repeat {int(names[place + 1]) + 1} of {use.repeat}"
        graph = document.blocks[use.block]
    yield names[-1]
