"""What a network is to answer for one sample: the task, the classes, and the shape of the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from builder.shapes import Shape, count, show
from trainers.data.base import Task

if TYPE_CHECKING:
    from trainers.data import DataSet


class Target(NamedTuple):
    """The target of one sample, before any array is loaded.

    `classes` is how many classes (or tokens) there are, 0 for measurements; `shape` has no batch axis: () for a class,
    (C,) for labels, (k,) for numbers, (horizon, k) for a forecast, (height, width) for a mask, (length,) for a text.
    """

    task: Task
    classes: int
    shape: Shape

    @classmethod
    def of(cls, dataset: DataSet) -> Target:
        """What the samples of a data set ask for."""
        classes = dataset.vocabulary_count if dataset.task == "language" else len(dataset.classes)
        return cls(dataset.task, classes, tuple(dataset.target_shape))

    def per_class(self, numbers: int) -> Shape:
        """The shape of an output with so many numbers at every place: torch's losses want them on axis 1 of the batch,
        text has them last, as transformers and recurrent layers give them."""
        return (*self.shape, numbers) if self.task == "language" else (numbers, *self.shape)

    @property
    def class_axis(self) -> int:
        """Where a batch of outputs has its classes."""
        return -1 if self.task == "language" else 1

    @property
    def size(self) -> int:
        """How many numbers a target of measurements has."""
        return math.prod(self.shape)

    def describe(self) -> str:
        """In words, for messages: "3 classes", "a mask of 64×64 with 4 classes"."""
        classes = plural(self.classes, "class", "classes")
        match self.task:
            case "classification":
                return classes
            case "multilabel":
                return f"{count(self.classes, 'label')}, any of which may hold"
            case "segmentation":
                return f"{classes} for each of {show(self.shape)} pixels"
            case "language":
                return f"{plural(self.classes, 'token', 'tokens')} at each of {plural(self.size, 'place', 'places')}"
            case "forecasting":
                steps, columns = self.shape[0], self.shape[-1]
                return f"{plural(steps, 'step', 'steps')} of {plural(columns, 'column', 'columns')} to forecast"
        return f"{plural(self.size, 'number', 'numbers')} to predict"


def plural(number: int, one: str, many: str) -> str:
    """ "1 class", "10 classes"."""
    return f"{number:,} {one if number == 1 else many}"
