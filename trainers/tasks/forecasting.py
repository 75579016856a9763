"""Forecasting: the next steps of one or several series."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray

from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess
from trainers.script.answers import step_columns
from trainers.tasks.base import Names
from trainers.tasks.kinds import NumberTask
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.objectives.losses import Loss
    from trainers.objectives.metrics import Metric
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target


class Forecasting(NumberTask):
    """The next steps of the columns of a series. Targets: float32 (N, horizon, k)."""

    name: ClassVar[str] = "forecasting"
    label: ClassVar[str] = "Forecasting"
    continues: ClassVar[Literal["", "series", "text"]] = "series"
    losses: ClassVar[tuple[type[Loss], ...]] = losses.OF_NUMBERS
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.Skill, metrics.MAE, metrics.RMSE)
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = staticmethod(step_columns)
    sample_view: ClassVar[str] = "forecast"
    prediction_views: ClassVar[tuple[str, ...]] = ("forecast_errors",)
    script_metric: ClassVar[str] = "mean absolute error"
    script_unit: ClassVar[str] = ", in standard deviations of the targets"

    def describe(self, target: Target) -> str:
        steps, columns = target.shape[0], target.shape[-1]
        return f"{plural(steps, 'step', 'steps')} of {plural(columns, 'column', 'columns')} to forecast"

    def naive(self, dataset: DataSet, prepared: Prepared, split: Split) -> Tensor | None:
        """For each sample, its last `dataset.season` steps repeated, (N, horizon, k) in the data set's own unit.

        None where the columns to forecast are not among the inputs.
        """
        import torch

        if not len(split):
            return None
        columns = target_columns(dataset)
        window = split.inputs[0]
        if columns is None or window.ndim != 3:
            return None
        figures = prepared.standardisation[0]
        history = (window if figures is None else figures.revert(window))[:, -min(dataset.season, window.shape[1]) :]
        horizon = split.targets.shape[1]
        repeated = history[:, torch.arange(horizon, device=window.device) % history.shape[1]]
        return repeated[:, :, columns]

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        return (Guess("skill", "skill", 0.0, "the naive forecast, which repeats the last values", reachable=0.3),)

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        """A column for each step of each series, the steps of one series side by side."""
        named = names.numbers or tuple(f"value {place + 1}" for place in range(values.shape[-1]))
        return {
            f"{name}, step {step + 1}": values[:, step, place]
            for place, name in enumerate(named)
            for step in range(values.shape[1])
        }

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        return "", f"mean error {found.error[index]:.3g} standard deviations"

    def script_score(self, plan: Plan) -> list[str]:
        return [f"        score = ({self.script_values(plan)} - targets).abs().mean()"]


def target_columns(dataset: DataSet) -> list[int] | None:
    """The positions of the columns to forecast among the inputs; None where one is not among them."""
    features = dataset.feature_names
    if not set(dataset.target_names) <= set(features):
        count = dataset.target_shape[-1]
        return list(range(count)) if dataset.input_shape[-1] == count else None
    return [features.index(name) for name in dataset.target_names]
