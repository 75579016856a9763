"""Regression: numbers to predict for each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess
from trainers.script.answers import number_columns
from trainers.tasks.base import Names
from trainers.tasks.kinds import NumberTask
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.objectives.losses import Loss
    from trainers.objectives.metrics import Metric
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target

R2_MARGIN = 0.02  # of the mean of the training split: the mean of another split differs a little
STRATA = 10  # groups of equal size, from small to large targets, whose proportions a split keeps


class Regression(NumberTask):
    """One number or several for a sample. Targets: float32 (N, k)."""

    name: ClassVar[str] = "regression"
    label: ClassVar[str] = "Regression"
    losses: ClassVar[tuple[type[Loss], ...]] = losses.OF_NUMBERS
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.R2, metrics.MAE, metrics.RMSE)
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = staticmethod(number_columns)
    of_columns: ClassVar[Literal["", "category", "number", "yes_no"]] = "number"
    prediction_views: ClassVar[tuple[str, ...]] = ("predicted_against_true",)
    script_metric: ClassVar[str] = "R2"

    def describe(self, target: Target) -> str:
        return f"{plural(target.size, 'number', 'numbers')} to predict"

    def as_targets(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(super().as_targets(values).reshape(len(values), -1))

    def strata(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Ten groups of equal size, from small to large targets."""
        rank = np.argsort(np.argsort(targets[:, 0], kind="stable"), kind="stable")
        return (rank * STRATA // len(targets)).astype(np.int64)

    def error(self, found: Predictions) -> NDArray[Any]:
        """The largest error of a sample's numbers."""
        return np.asarray(self.errors(found).max(axis=1))

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        return (Guess("r2", "R2", 0.0, "always predicting the mean", R2_MARGIN, reachable=0.6),)

    def words(self, value: NDArray[Any], names: Names) -> str:
        named = names.numbers if len(names.numbers) == len(value) else [""] * len(value)
        return ", ".join(f"{name} {number:.4g}".strip() for name, number in zip(named, value, strict=True))

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        named = names.numbers or tuple(f"value {place + 1}" for place in range(values.shape[1]))
        return {name: values[:, place] for place, name in enumerate(named)}

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        predicted, true = (self.words(values[index], Names()) for values in (found.predicted, found.targets))
        return predicted, f"true {true}"

    def script_targets(self, plan: Plan) -> list[str]:
        return ["    targets = targets.reshape(len(targets), -1)", *super().script_targets(plan)]

    def script_score(self, plan: Plan) -> list[str]:
        return [
            f"        left = (({self.script_values(plan)} - targets) ** 2).sum(dim=0)",
            "        total = ((targets - targets.mean(dim=0)) ** 2).sum(dim=0)",
            "        score = (1 - left / total).mean()",
        ]
