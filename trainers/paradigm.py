"""What a way of training is: it makes a learner, whose `step` is all that the loop knows of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from trainers.entry import Entry

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.infer import Analysis
    from builder.problems import Problem
    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

Batch = tuple[tuple["Tensor", ...], "Tensor"]


class Learner(Protocol):
    """Networks with their optimizers, at work on one device. The loop calls it and knows nothing else."""

    modules: Mapping[str, nn.Module]  # the network or networks by name: what probes watch and checkpoints keep
    eager: bool  # run without torch.compile for a while, so that hooks are called
    notes: tuple[str, ...]  # what is worth knowing of how it learns, in words, told beside the run

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        """Learn from one batch. Returns the loss as a tensor on the device; nothing here waits for the device."""

    def evaluate(self, split: Split) -> dict[str, float]:
        """Loss and metrics over a part of the data, in evaluation mode."""

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

    panels: ClassVar[tuple[str, ...]] = ()  # the views of predictions that pages draw for it
    networks: ClassVar[tuple[str, ...]] = ("main",)  # the networks it trains

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
