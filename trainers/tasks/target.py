"""The target of one sample before any array is loaded: its task, the number of classes, and its shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import trainers.tasks
from builder.shapes import Shape

if TYPE_CHECKING:
    from trainers.data import DataSet
    from trainers.tasks.base import Task


class Target(NamedTuple):
    """What the network predicts for one sample.

    `task` is the name of an entry of TASKS; `classes` is the number of classes (or tokens), 0 for numbers to predict;
    `shape` has no batch axis: () for a class, (k,) for numbers, (height, width) for a mask.
    """

    task: str
    classes: int
    shape: Shape

    @classmethod
    def of(cls, dataset: DataSet) -> Target:
        """The targets of a data set."""
        entry = trainers.tasks.TASKS[dataset.task]
        return cls(dataset.task, entry.class_count(dataset), tuple(dataset.target_shape))

    @property
    def entry(self) -> Task:
        """The task, which answers what general code asks of it."""
        return trainers.tasks.TASKS[self.task]

    def per_class(self, numbers: int) -> Shape:
        """The shape of one sample's output with so many numbers at every place of the target."""
        return self.entry.per_class(self, numbers)

    @property
    def class_axis(self) -> int:
        """Where a batch of outputs has its classes."""
        return self.entry.class_axis

    @property
    def size(self) -> int:
        """How many numbers a target has."""
        return math.prod(self.shape)

    def describe(self) -> str:
        """In words, for messages: "3 classes", "24 steps of 7 columns to forecast"."""
        return self.entry.describe(self)


def plural(number: int, one: str, many: str) -> str:
    """ "1 class", "10 classes"."""
    return f"{number:,} {one if number == 1 else many}"
