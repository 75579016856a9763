"""A few samples of a data set to show, as they are and as training gets them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.augmentation import Augmentation, augment
from trainers.data.base import DataSet
from trainers.data.scaling import Standardisation, channel_axis, fit
from trainers.sampling import evenly_spaced
from trainers.tasks import TASKS

MEASURED = 2000  # samples that mean and standard deviation are computed from: exact enough for drawing


@dataclass(frozen=True)
class Excerpt:
    """Some samples of a data set, as its task chooses them.

    `low` and `high`: the smallest and largest number of each input, for a grey scale that all images share.
    `sounds`: each sample as sound, from -1 to 1, where the data set has sounds; else empty.
    `vocabularies`: the tokens of each input that is text; empty for the others.
    """

    indices: NDArray[np.int64]
    inputs: tuple[NDArray[Any], ...]
    targets: NDArray[Any]
    figures: tuple[Standardisation | None, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    sounds: tuple[NDArray[np.float32], ...] = ()
    vocabularies: tuple[tuple[str, ...], ...] = ()
    task: str = ""

    def augmented(self, augmentations: Sequence[Augmentation], draw: int) -> Excerpt:
        """The same samples as training may get them; each `draw` is another version."""
        import torch

        given = tuple(
            torch.from_numpy(array if figures is None else figures.apply(array))
            for array, figures in zip(self.inputs, self.figures, strict=True)
        )
        changed, targets = augment(augmentations, given, torch.from_numpy(self.targets), 0, 0, draw, self.task)
        inputs = tuple(
            tensor.numpy() if figures is None else figures.revert(tensor).numpy()
            for tensor, figures in zip(changed, self.figures, strict=True)
        )
        return dataclasses.replace(self, inputs=inputs, targets=targets.numpy())


def take(dataset: DataSet, count: int) -> Excerpt:
    """Load a data set and keep `count` of its samples. DataError: it cannot be loaded."""
    arrays = dataset.load()

    def some(array: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
        """A copy of some samples; of images of bytes, the numbers from 0 to 1 that they stand for."""
        return array[places] if array.dtype != np.uint8 else array[places].astype(np.float32) / 255

    total = len(arrays.targets)
    in_time = dataset.order == "time"
    chosen = evenly_spaced(total, count) if in_time else TASKS[dataset.task].examples(arrays.targets, count)
    axis = channel_axis(dataset)
    measured = [some(array, evenly_spaced(total, MEASURED)) for array in arrays.inputs]
    return Excerpt(
        chosen,
        tuple(some(array, chosen) for array in arrays.inputs),  # copies: the whole data set is not kept
        arrays.targets[chosen],
        tuple(fit(array, axis) if array.dtype == np.float32 else None for array in measured),
        tuple(float(array.min()) for array in measured),
        tuple(float(array.max()) for array in measured),
        tuple(dataset.sounds(chosen)),
        dataset.vocabularies,
        dataset.task,
    )
