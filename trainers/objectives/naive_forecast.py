"""A forecast without a network, to be better than: the last day again, or the last value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split


def naive_forecast(dataset: DataSet, prepared: Prepared, split: Split) -> Tensor | None:
    """For each sample, its last `dataset.season` steps again and again, (N, horizon, k) in the data set's own unit.

    None where the data set has no forecasts, or its targets are not among the columns that go in.
    """
    import torch

    if dataset.task != "forecasting" or not len(split):
        return None
    columns = target_columns(dataset)
    window = split.inputs[0]
    if columns is None or window.ndim != 3:
        return None
    figures = prepared.standardisation[0]
    history = (window if figures is None else figures.revert(window))[:, -min(dataset.season, window.shape[1]) :]
    horizon = split.targets.shape[1]
    again = history[:, torch.arange(horizon, device=window.device) % history.shape[1]]
    return again[:, :, columns]


def target_columns(dataset: DataSet) -> list[int] | None:
    """Where the columns to forecast stand among those that go in; None where one is not among them."""
    features = dataset.feature_names
    if not set(dataset.target_names) <= set(features):
        count = dataset.target_shape[-1]
        return list(range(count)) if dataset.input_shape[-1] == count else None
    return [features.index(name) for name in dataset.target_names]
