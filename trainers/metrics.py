"""How good a network is, in numbers that people compare: accuracy and F1 for classes; MAE, RMSE and R2 for numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.data.base import Task
from trainers.losses import Expects

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.splits import Standardisation


@dataclass(frozen=True)
class Metric:
    """A score by torchmetrics: `compute(predicted, targets, classes)` gives a tensor with one number.

    `predicted` is the number of the class for classification, the values for regression.
    """

    name: str
    label: str
    task: Task
    higher_is_better: bool
    summary: str
    compute: Callable[[Tensor, Tensor, int], Tensor]
    least_samples: int = 1


# torchmetrics takes a second to import, so it is imported when the first score is wanted


def _accuracy(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    from torchmetrics.functional.classification import multiclass_accuracy

    result: Tensor = multiclass_accuracy(predicted, targets, classes, average="micro", validate_args=False)
    return result


def _f1(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    from torchmetrics.functional.classification import multiclass_f1_score

    result: Tensor = multiclass_f1_score(predicted, targets, classes, average="macro", validate_args=False)
    return result


def _mae(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    from torchmetrics.functional.regression import mean_absolute_error

    result: Tensor = mean_absolute_error(predicted, targets)
    return result


def _rmse(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    from torchmetrics.functional.regression import mean_squared_error

    result: Tensor = mean_squared_error(predicted, targets, squared=False)
    return result


def _r2(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    from torchmetrics.functional.regression import r2_score

    result: Tensor = r2_score(predicted, targets)
    return result


_ALL = (
    Metric("accuracy", "accuracy", "classification", True, "Share of samples whose class is found.", _accuracy),
    Metric("f1", "F1 (macro)", "classification", True, "Mean over the classes of precision with recall.", _f1),
    Metric("r2", "R2", "regression", True, "Share of the spread that is explained; the mean has 0.", _r2, 2),
    Metric("mae", "mean absolute error", "regression", False, "How far off a value is on average.", _mae),
    Metric("rmse", "root mean squared error", "regression", False, "As MAE, but large errors count more.", _rmse),
)
METRICS: dict[Task, dict[str, Metric]] = {
    task: {metric.name: metric for metric in _ALL if metric.task == task} for task in ("classification", "regression")
}


def main_metric(task: Task) -> Metric:
    """The one to show first: accuracy for classes, R2 for numbers."""
    return next(iter(METRICS[task].values()))


def predicted_classes(outputs: Tensor, expects: Expects) -> Tensor:
    """The number of the class that each output stands for; one number per sample is a yes or no."""
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return (outputs.reshape(-1) > (0.0 if expects == "logits" else 0.5)).long()
    return outputs.argmax(dim=1)


def probabilities(outputs: Tensor, expects: Expects) -> Tensor:
    """The probability of every class, (N, classes), from what the network gives, also where that is one number."""
    import torch

    outputs = outputs.float()
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        yes = outputs.reshape(-1)
        yes = yes.sigmoid() if expects == "logits" else yes
        return torch.stack([1 - yes, yes], dim=1)
    return outputs.softmax(dim=1) if expects == "logits" else outputs


def evaluate_metrics(
    task: Task,
    outputs: Tensor,
    targets: Tensor,
    loss_expects: Expects,
    classes: int,
    target_standardisation: Standardisation | None = None,
) -> dict[str, float]:
    """Every metric of the task over a whole split; an empty split has none.

    Given `target_standardisation`, errors are in the targets' original unit; R2 is the same in any.
    """
    outputs = outputs.detach()
    if task == "classification":
        predicted = predicted_classes(outputs, loss_expects)
        classes = max(classes, 2)
    else:
        targets = targets.float()
        predicted = outputs.float().reshape(targets.shape)
        if target_standardisation is not None:
            predicted, targets = (target_standardisation.revert(values) for values in (predicted, targets))
    return {
        metric.name: float(metric.compute(predicted, targets, classes))
        for metric in METRICS[task].values()
        if len(targets) >= metric.least_samples
    }
