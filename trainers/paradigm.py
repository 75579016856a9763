"""What a way of training is: it makes a learner, whose `step` is all that the loop knows of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from trainers.data.base import Task
from trainers.entry import Entry
from trainers.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.infer import Analysis
    from builder.problems import Problem
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event, Verdict
    from trainers.job import Job
    from trainers.loss import Loss

Batch = tuple[tuple["Tensor", ...], "Tensor"]


class Learner(Protocol):
    """Networks with their optimizers, at work on one device. The loop calls it and knows nothing else."""

    modules: Mapping[str, nn.Module]  # the network or networks by name: what probes watch and checkpoints keep
    eager: bool  # run without torch.compile for a while, so that hooks are called
    remarks: tuple[Verdict, ...]  # what its last evaluation showed; told when it holds for some epochs
    notes: tuple[str, ...]  # what is worth knowing of how it learns, in words, told beside the run

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        """Learn from one batch. Returns the loss as a tensor on the device; nothing here waits for the device."""

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Loss and metrics over a part of the data, in evaluation mode; at the end of a run with the costly ones."""

    def views(self, step: int) -> Iterable[Event]:
        """What else there is to show of the network, such as a sample text. Asked between two steps, a few times a
        second: it keeps its own cost down, and draws no random numbers of torch's own generator."""

    def epoch_end(self, validation_loss: float | None) -> None:
        """An epoch is over: schedules that move by epochs move now."""

    def figures(self) -> dict[str, float]:
        """What to note of the training part at the end of an epoch: its metrics, learning rate, gradient norm."""

    def state_dict(self) -> dict[str, Any]:
        """Everything but the networks' weights that a resumed run needs: a tree of tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""


class Paradigm(Entry):
    """A way of training. Its fields are its options; a subclass in `paradigms/` is one file, read in one sitting."""

    panels: ClassVar[tuple[str, ...]] = ()  # the views of predictions that pages draw for it, see pages/parts/panels.py
    networks: ClassVar[tuple[str, ...]] = ("main",)  # the networks it trains
    tasks: ClassVar[frozenset[Task]] = frozenset()  # what it can learn; empty: anything, it needs no targets

    def loss_for(self, dataset: DataSet) -> Loss | None:
        """The loss that compares the network's output with the targets: checks, predictions and train.py go by it.

        None: this way of training has no such loss, and `check` says all there is to say about the document.
        OptionError: the document asks for one that does not exist.
        """
        return None

    @property
    def scripted(self) -> bool:
        """Whether train.py can be written: a step compares the output for a batch with its targets, and no more."""
        return True

    def target(self, dataset: DataSet) -> Target:
        """What the network is to answer for one sample."""
        return Target.of(dataset)

    def signals(self, dataset: DataSet) -> tuple[Signal, ...]:
        """What goes into each Input of the network, in the order of the nodes."""
        return dataset.signals

    def token_count(self, dataset: DataSet) -> int:
        """How many different tokens go into the network, for a data set of text."""
        return dataset.vocabulary_count

    def hiding(self, dataset: DataSet) -> str:
        """Source of a function `hide(inputs, generator=None)` that gives what the network sees of a batch, and the
        targets, where it is not trained on samples and targets as they are; train.py prints it. Empty: it is."""
        return ""

    def facts(self) -> dict[str, Any]:
        """What a user of the trained model must know of how it was trained, for its card."""
        return {}

    def check(self, document: Document, analysis: Analysis, dataset: DataSet) -> Iterator[Problem]:
        """What keeps this document from being trained in this way on this data set."""
        yield from ()

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Learner:
        """Networks, loss and optimizers for one run. Called after the random state was seeded."""
        raise TypeError(f"{type(self).__name__} does not say how it learns.")


@functools.cache
def paradigms() -> dict[str, type[Paradigm]]:
    """Every way of training by name, found by looking through `paradigms/`."""
    import trainers.paradigms as package
    from builder.registry import discover

    return discover(package, Paradigm, lambda entry: entry.name)
