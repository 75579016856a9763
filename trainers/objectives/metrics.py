"""How good a network is, in numbers that people compare, by torchmetrics: accuracy and F1 for classes, R2 and errors
for numbers, skill for forecasts, overlap for masks. A metric is one class; its docstring's first line is for a learner.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar, get_args

from trainers.data.base import Task
from trainers.objectives.model_outputs import Answers

if TYPE_CHECKING:
    from torch import Tensor

# torchmetrics takes a second to import, so it is imported when the first score is wanted


class Metric:
    """Base of every score: `compute` gives a tensor with one number."""

    name: ClassVar[str]
    label: ClassVar[str]
    tasks: ClassVar[tuple[Task, ...]]
    higher_is_better: ClassVar[bool] = True
    least_samples: ClassVar[int] = 1
    costly: ClassVar[bool] = False  # left out of the epochs of a small run, which it would slow down

    def suits(self, answers: Answers) -> bool:
        """Whether it says anything here."""
        return len(answers.targets) >= self.least_samples

    def compute(self, answers: Answers) -> Tensor:
        """The score of these answers."""
        raise TypeError(f"{type(self).__name__} must say how it scores.")

    @property
    def summary(self) -> str:
        """What it measures, in a sentence."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0]


class Accuracy(Metric):
    """Share of samples whose class is found."""

    name, label, tasks = "accuracy", "accuracy", ("classification",)

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_accuracy as accuracy

        predicted, targets = answers.predicted, answers.targets
        score: Tensor = accuracy(predicted, targets, answers.classes, average="micro", validate_args=False)
        return score


class F1(Metric):
    """Mean over the classes of precision with recall: rare classes count as much as common ones."""

    name, label, tasks = "f1", "F1 (macro)", ("classification",)

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_f1_score as f1

        score: Tensor = f1(answers.predicted, answers.targets, answers.classes, average="macro", validate_args=False)
        return score


class TopFive(Metric):
    """Share of samples whose class is among the five most likely."""

    name, label, tasks, costly = "top5", "top-5 accuracy", ("classification",), True

    def suits(self, answers: Answers) -> bool:
        return super().suits(answers) and answers.classes > 5

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_accuracy as accuracy

        chances, targets = answers.chances, answers.targets
        score: Tensor = accuracy(chances, targets, answers.classes, average="micro", top_k=5, validate_args=False)
        return score


class LabelF1(Metric):
    """Mean over the labels of precision with recall: saying no to everything scores nothing."""

    name, label, tasks = "f1", "F1 (macro)", ("multilabel",)

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multilabel_f1_score as f1

        targets, classes = answers.targets.long(), answers.targets.shape[1]
        score: Tensor = f1(answers.predicted, targets, classes, average="macro", validate_args=False)
        return score


class LabelAccuracy(Metric):
    """Share of labels, over all samples, that are right."""

    name, label, tasks = "accuracy", "label accuracy", ("multilabel",)

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multilabel_accuracy as accuracy

        targets, classes = answers.targets.long(), answers.targets.shape[1]
        score: Tensor = accuracy(answers.predicted, targets, classes, average="micro", validate_args=False)
        return score


class AUROC(Metric):
    """How surely a sample of a class scores higher for it than one of another class: 0.5 is chance, 1 perfect."""

    name, label, tasks, costly = "auroc", "AUROC", ("classification", "multilabel"), True

    def suits(self, answers: Answers) -> bool:
        if answers.target.task == "multilabel":
            yes = answers.targets.sum(dim=0)
            return super().suits(answers) and bool(((yes > 0) & (yes < len(answers.targets))).all())
        present = answers.targets.bincount(minlength=answers.classes) if len(answers.targets) else answers.targets
        return super().suits(answers) and bool((present > 0).all())  # without a sample of a class it has no value

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_auroc, multilabel_auroc

        each = multilabel_auroc if answers.target.task == "multilabel" else multiclass_auroc
        score: Tensor = each(answers.chances, answers.targets.long(), answers.classes, validate_args=False)
        return score


class R2(Metric):
    """Share of the spread that is explained; always saying the mean has 0."""

    name, label, tasks, least_samples = "r2", "R2", ("regression",), 2

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import r2_score

        score: Tensor = r2_score(answers.predicted.flatten(1), answers.targets.float().flatten(1))
        return score


class Skill(Metric):
    """Share of the naive forecast's error that is saved: 0 is no better than it, 1 perfect, below 0 worse."""

    name, label, tasks = "skill", "skill", ("forecasting",)

    def suits(self, answers: Answers) -> bool:
        return super().suits(answers) and answers.naive is not None

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_absolute_error as mae

        assert answers.naive is not None
        targets = answers.targets.float()
        score: Tensor = 1 - mae(answers.predicted, targets) / mae(answers.naive, targets).clamp(min=1e-12)
        return score


class MAE(Metric):
    """How far off a value is on average."""

    name, label, tasks, higher_is_better = "mae", "mean absolute error", ("regression", "forecasting"), False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_absolute_error

        score: Tensor = mean_absolute_error(answers.predicted, answers.targets.float())
        return score


class RMSE(Metric):
    """As the mean absolute error, but large errors count more."""

    name, label, tasks, higher_is_better = "rmse", "root mean squared error", ("regression", "forecasting"), False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_squared_error

        score: Tensor = mean_squared_error(answers.predicted, answers.targets.float(), squared=False)
        return score


class MeanIoU(Metric):
    """Overlap of predicted and true area, as a share of both together; the mean over the classes."""

    name, label, tasks = "iou", "mean IoU", ("segmentation",)

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_jaccard_index as jaccard

        score: Tensor = jaccard(answers.predicted, answers.targets, answers.classes, validate_args=False)
        return score


class PixelAccuracy(Metric):
    """Share of pixels whose class is found; large grounds make it look good."""

    name, label, tasks = "pixel_accuracy", "pixel accuracy", ("segmentation",)

    def compute(self, answers: Answers) -> Tensor:
        return (answers.predicted == answers.targets).float().mean()


class Perplexity(Metric):
    """Among how many tokens the network hesitates: 1 is certain, the size of the vocabulary is guessing."""

    name, label, tasks, higher_is_better = "perplexity", "perplexity", ("language",), False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.text import perplexity

        score: Tensor = perplexity(answers.outputs.float(), answers.targets, ignore_index=-100)
        return score


class TokenAccuracy(Metric):
    """Share of tokens that are the likeliest one for the network."""

    name, label, tasks = "token_accuracy", "token accuracy", ("language",)

    def compute(self, answers: Answers) -> Tensor:
        counts = answers.targets != -100
        return (answers.predicted == answers.targets)[counts].float().mean()


METRICS: dict[Task, dict[str, Metric]] = {
    task: {metric.name: metric() for metric in Metric.__subclasses__() if task in metric.tasks}
    for task in get_args(Task)
}


def main_metric(task: Task) -> Metric:
    """The one to show first: accuracy for classes, R2 for numbers, the mean IoU for masks."""
    return next(iter(METRICS[task].values()))


def evaluate_metrics(answers: Answers, costly: bool = True) -> dict[str, float]:
    """Every metric of the task over a whole split, or without the costly ones; an empty split has none."""
    return {
        metric.name: float(metric.compute(answers))
        for metric in METRICS[answers.target.task].values()
        if (costly or not metric.costly) and metric.suits(answers)
    }
