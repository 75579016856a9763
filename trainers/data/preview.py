"""A few samples of a data set to look at, as they are and as training gets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.augmentation import Augmentation
from trainers.data.base import Arrays, DataSet
from trainers.data.scaling import Standardisation, channel_axis, fit

MEASURED = 2000  # samples that mean and spread are taken from: for drawing, that is exact enough


@dataclass(frozen=True)
class Excerpt:
    """Some samples of a data set, one of every class first.

    `low` and `high`: the smallest and largest number of each input, for a scale of grey that all pictures share.
    `sounds`: what each sample sounds like, from -1 to 1, where the data set can be heard; else empty.
    """

    indices: NDArray[np.int64]
    inputs: tuple[NDArray[Any], ...]
    targets: NDArray[Any]
    figures: tuple[Standardisation | None, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    sounds: tuple[NDArray[np.float32], ...] = ()
    vocabulary: tuple[str, ...] = ()

    def augmented(self, augmentations: Sequence[Augmentation], draw: int) -> Excerpt:
        """The same samples as training may get them; every `draw` is another version."""
        import torch

        from trainers.data.augmenter import augment

        given = tuple(
            torch.from_numpy(array if figures is None else figures.apply(array))
            for array, figures in zip(self.inputs, self.figures, strict=True)
        )
        changed, targets = augment(augmentations, given, torch.from_numpy(self.targets), 0, 0, draw)
        inputs = tuple(
            tensor.numpy() if figures is None else figures.revert(tensor).numpy()
            for tensor, figures in zip(changed, self.figures, strict=True)
        )
        return Excerpt(
            self.indices, inputs, targets.numpy(), self.figures, self.low, self.high, self.sounds, self.vocabulary
        )


def take(dataset: DataSet, count: int) -> Excerpt:
    """Load a data set and keep `count` of its samples. DataError: it cannot be loaded."""
    arrays = dataset.load()
    chosen = _chosen(dataset, arrays, count)
    axis = channel_axis(dataset)
    some = np.linspace(0, len(arrays.targets) - 1, min(MEASURED, len(arrays.targets))).astype(np.int64)
    measured = [array[some] for array in arrays.inputs]
    return Excerpt(
        chosen,
        tuple(array[chosen] for array in arrays.inputs),  # copies: the whole data set is not kept
        arrays.targets[chosen],
        tuple(fit(array, axis) if array.dtype == np.float32 else None for array in measured),
        tuple(float(array.min()) for array in measured),
        tuple(float(array.max()) for array in measured),
        tuple(dataset.sounds(chosen)),
        dataset.vocabulary,
    )


def _chosen(dataset: DataSet, arrays: Arrays, count: int) -> NDArray[np.int64]:
    """Which samples: one of every class, then the next of every class; in time, spread over the whole of it."""
    total = len(arrays.targets)
    count = min(count, total)
    if dataset.order == "time" or dataset.task == "language":
        return np.linspace(0, total - 1, count).astype(np.int64)
    order = np.random.default_rng(0).permutation(total)
    if dataset.task != "classification":
        return order[:count]
    labels = arrays.targets[order]
    rank = np.zeros(total, np.int64)  # the how-manieth of its class each one is
    for label in np.unique(labels):
        rank[labels == label] = np.arange(int((labels == label).sum()))
    return order[np.lexsort((labels, rank))][:count]
