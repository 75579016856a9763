"""Pairs of images: do both show the same digit? For networks with two inputs that share their weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from builder.spec import Signal
from trainers.data.base import DataSet, Kind, Loaded
from trainers.data.sets.images import Digits


class DigitPairs(DataSet):
    """Two handwritten digits of 8 x 8 pixels: the same digit or different ones? Half of the pairs are the same.

    The 1,797 digits are divided into 30 groups, and both of a pair come from one group. A split keeps groups together,
    so that no image of the test part is in a training pair.
    """

    name: ClassVar[str] = "digit_pairs"
    title: ClassVar[str] = "Pairs of digits"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = Digits.origin
    licence: ClassVar[str] = Digits.licence
    may_be_mirrored: ClassVar[bool] = False

    samples: int = Field(6000, ge=300, le=60_000, description="Number of pairs.")
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed gives other pairs of the same digits.")

    @property
    def signals(self) -> tuple[Signal, ...]:
        return (Signal((1, 8, 8)), Signal((1, 8, 8)))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.signals[0].shape

    @property
    def classes(self) -> tuple[str, ...]:
        return ("different", "same")

    @property
    def grouped(self) -> bool:
        return True

    @staticmethod
    def load_data(samples: int, data_seed: int) -> Loaded:
        """Two images of shape (1, 8, 8) with values from 0 to 1, and 1 where both show the same digit, else 0."""
        import numpy as np
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = (digits.images / 16).astype("float32").reshape(-1, 1, 8, 8)
        random = np.random.default_rng(data_seed)
        groups = np.array_split(random.permutation(len(images)), 30)
        sizes = [len(part) for part in np.array_split(np.arange(samples), 30)]
        pairs, targets = [], []
        for group, size in zip(groups, sizes, strict=True):
            same = digits.target[group][:, None] == digits.target[group][None, :]
            one, other = np.triu_indices(len(group), 1)
            for target, count in ((1, size // 2), (0, size - size // 2)):
                fitting = np.flatnonzero(same[one, other] == target)
                chosen = random.choice(fitting, count, replace=count > len(fitting))
                pairs.append(np.stack([group[one[chosen]], group[other[chosen]]], axis=1))
                targets.append(np.full(count, target))
        left, right = np.concatenate(pairs).T
        return (images[left], images[right]), np.concatenate(targets)

    @staticmethod
    def load_groups(samples: int) -> NDArray[np.int64]:
        """Which of the 30 groups each pair comes from."""
        import numpy as np

        sizes = [len(part) for part in np.array_split(np.arange(samples), 30)]
        return np.repeat(np.arange(30), sizes)
