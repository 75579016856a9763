"""Scales the numbers of samples, by statistics of the training part alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataSet

if TYPE_CHECKING:
    import torch

Values = TypeVar("Values", "NDArray[Any]", "torch.Tensor")
# zero mean and unit variance; from 0 to 1; from -1 to 1; as they are
Scaling = Literal["standard", "unit", "signed", "none"]


@dataclass(frozen=True)
class Standardisation:
    """Subtracts a mean and divides by a standard deviation, both of the training part only.

    The test part must not be used before the end, not even for its mean. Both are kept with the model, because new
    samples have to be scaled in the same way. `mean` and `std` broadcast over one sample. `fill` stands for values that
    are missing (NaN); None: none is.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    fill: NDArray[np.float32] | None = None

    def apply(self, x: Values) -> Values:
        """Standardised values of an array or tensor whose first axis is the batch."""
        mean, std = self._like(x)
        if self.fill is not None:
            x = self.filled(x)
        return (x - mean) / std  # type: ignore[no-any-return]

    def filled(self, x: Values) -> Values:
        """The values with something in the place of those that are missing."""
        if isinstance(x, np.ndarray):
            return np.where(np.isnan(x), 0.0 if self.fill is None else self.fill, x)
        import torch

        fill = torch.as_tensor(self.fill, device=x.device, dtype=x.dtype)
        return torch.where(x.isnan(), fill, x)

    def revert(self, x: Values) -> Values:
        """The values in their original unit again."""
        mean, std = self._like(x)
        return x * std + mean  # type: ignore[no-any-return]

    def as_dict(self) -> dict[str, Any]:
        """Mean and standard deviation as lists, for JSON, and what stands for missing values."""
        figures = {"mean": self.mean.tolist(), "std": self.std.tolist()}
        return figures if self.fill is None else {**figures, "fill": self.fill.tolist()}

    @classmethod
    def from_dict(cls, figures: dict[str, Any]) -> Standardisation:
        fill = np.asarray(figures["fill"], np.float32) if figures.get("fill") is not None else None
        return cls(np.asarray(figures["mean"], np.float32), np.asarray(figures["std"], np.float32), fill)

    def _like(self, x: Any) -> tuple[Any, Any]:
        if isinstance(x, np.ndarray):
            return self.mean, self.std
        import torch

        return torch.as_tensor(self.mean, device=x.device), torch.as_tensor(self.std, device=x.device)


def channel_axis(dataset: DataSet) -> int | None:
    """The axis with statistics for each position: colours, or columns of a series; None: each number has its own."""
    return {"image": 1, "sound": 1, "series": -1}.get(dataset.kind)


def scale(values: NDArray[Any], scaling: Scaling, channels: int | None = None) -> Standardisation:
    """What scales training samples to zero mean and unit variance, or their whole range to 0 to 1 or -1 to 1.

    A network that ends in a sigmoid or a tanh can give images of the last two kinds. The range is that of all values
    together, so pixels keep their relation to each other. Tables have a range for each column.
    """
    if scaling == "standard":
        return fit(values, channels)
    axes = (0,) if channels is None else tuple(range(values.ndim))
    low, high = values.min(axis=axes, keepdims=True)[0], values.max(axis=axes, keepdims=True)[0]
    width = np.where(high > low, high - low, 1)
    if scaling == "signed":
        return Standardisation(((low + high) / 2).astype(np.float32), (width / 2).astype(np.float32))
    return Standardisation(low.astype(np.float32), width.astype(np.float32))


def fit(values: NDArray[Any], channels: int | None = None) -> Standardisation:
    """The mean and standard deviation over the first axis: of each number, or of each channel (axis `channels`).

    Images have one mean and one standard deviation for each channel. For each pixel, those that are black in all
    training images would have a standard deviation of 0, and a single grey dot there would count more than the whole
    rest. The standard deviation of what is constant counts as 1.
    """
    kept = None if channels is None else channels % values.ndim
    axes = (0,) if kept is None else tuple(axis for axis in range(values.ndim) if axis != kept)
    mean = values.mean(axis=axes, keepdims=True, dtype=np.float64)[0]
    std = values.std(axis=axes, keepdims=True, dtype=np.float64)[0]
    std[std < 1e-7 * np.maximum(1, np.abs(mean))] = 1
    return Standardisation(mean.astype(np.float32), std.astype(np.float32))


def fit_blocks(blocks: Callable[[], Iterable[NDArray[Any]]], channels: int | None = None) -> Standardisation:
    """The same as `fit` of all blocks together, which `blocks()` gives one after another, each time it is called."""
    first = next(iter(blocks()))
    kept = None if channels is None else channels % first.ndim
    axes = (0,) if kept is None else tuple(axis for axis in range(first.ndim) if axis != kept)
    count = sum(len(block) for block in blocks()) * math.prod(first.shape[axis] for axis in axes[1:])
    mean = sum(block.sum(axis=axes, keepdims=True, dtype=np.float64)[0] for block in blocks()) / count
    squares = sum(np.square(block - mean).sum(axis=axes, keepdims=True)[0] for block in blocks())
    std = np.sqrt(squares / count)
    std[std < 1e-7 * np.maximum(1, np.abs(mean))] = 1
    return Standardisation(mean.astype(np.float32), std.astype(np.float32))


def joined(columns: Sequence[Standardisation]) -> Standardisation:
    """What scales all columns of a table, from what scales each."""
    fills = [column.fill for column in columns if column.fill is not None]
    return Standardisation(
        np.concatenate([column.mean for column in columns]),
        np.concatenate([column.std for column in columns]),
        np.concatenate(fills) if fills else None,
    )


def fill_values(values: NDArray[Any], rules: tuple[str, ...]) -> NDArray[np.float32]:
    """What stands for a missing value of each feature, from the training samples (N, features) alone.

    A feature of which no training sample knows the value is 0.
    """
    found = np.zeros(values.shape[1], np.float32)
    for place, rule in enumerate(rules):
        known = values[:, place][np.isfinite(values[:, place])]
        if len(known) and rule == "median":
            found[place] = np.median(known)
        elif len(known) and rule in ("mean", "most_common"):
            found[place] = known.mean() if rule == "mean" else round(float(known.mean()))
    return found
