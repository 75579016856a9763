"""Targets that are drawn over the sample, on the Build page and on the Inspect page; see `Task.sample_view`."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.views import target_view
from trainers.data import DataSet


@target_view
def mask(dataset: DataSet, sample: NDArray[Any], target: NDArray[Any], low: float, high: float) -> str:
    """An image with the class of each pixel over it."""
    return sample_images.image(sample_images.png(sample, low, high, target))


@target_view
def forecast(dataset: DataSet, sample: NDArray[Any], target: NDArray[Any], low: float, high: float) -> str:
    """A series with the steps to forecast after it."""
    columns = [dataset.feature_names.index(name) for name in dataset.target_names if name in dataset.feature_names]
    return sample_images.curves(sample, target, columns)
