"""Metrics: how good a network is, computed by torchmetrics. A metric is one class; its docstring's first line is for a
learner. The tasks in trainers/tasks say which metrics they have."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.objectives.model_outputs import Answers

# torchmetrics takes a second to import, so it is imported when the first metric is computed


class Metric:
    """Base of every metric: `compute` gives a tensor with one number."""

    name: ClassVar[str]
    label: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ()  # the tasks that have it besides those that list it in `Task.metrics`
    higher_is_better: ClassVar[bool] = True
    least_samples: ClassVar[int] = 1
    costly: ClassVar[bool] = False  # left out after the epochs of a small run, which it would slow down

    def suits(self, answers: Answers) -> bool:
        """Whether it has a value here."""
        return len(answers.targets) >= self.least_samples

    def compute(self, answers: Answers) -> Tensor:
        """The metric of these answers."""
        raise TypeError(f"{type(self).__name__} does not say how it is computed.")

    @property
    def summary(self) -> str:
        """What it measures, in a sentence."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0]


class Accuracy(Metric):
    """Share of samples whose class is predicted correctly."""

    name, label = "accuracy", "accuracy"

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_accuracy as accuracy

        predicted, targets = answers.predicted, answers.targets
        value: Tensor = accuracy(predicted, targets, answers.classes, average="micro", validate_args=False)
        return value


class F1(Metric):
    """Harmonic mean of precision and recall, averaged over the classes: rare classes count as much as common ones."""

    name, label = "f1", "F1 (macro)"

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_f1_score as f1

        value: Tensor = f1(answers.predicted, answers.targets, answers.classes, average="macro", validate_args=False)
        return value


class TopFive(Metric):
    """Share of samples whose class is among the five most probable."""

    name, label, costly = "top5", "top-5 accuracy", True

    def suits(self, answers: Answers) -> bool:
        return super().suits(answers) and answers.classes > 5

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_accuracy as accuracy

        given, targets = answers.class_probabilities, answers.targets
        value: Tensor = accuracy(given, targets, answers.classes, average="micro", top_k=5, validate_args=False)
        return value


class AUROC(Metric):
    """Area under the ROC curve, averaged over the classes: 0.5 is guessing, 1 is perfect."""

    name, label, costly = "auroc", "AUROC", True

    def suits(self, answers: Answers) -> bool:
        present = answers.targets.bincount(minlength=answers.classes) if len(answers.targets) else answers.targets
        return super().suits(answers) and bool((present > 0).all())  # without a sample of a class it has no value

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_auroc as auroc

        value: Tensor = auroc(answers.class_probabilities, answers.targets.long(), answers.classes, validate_args=False)
        return value


class LabelF1(Metric):
    """Harmonic mean of precision and recall, averaged over the labels: predicting no label at all gives 0."""

    name, label = "f1", "F1 (macro)"

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multilabel_f1_score as f1

        targets, labels = answers.targets.long(), answers.targets.shape[1]
        value: Tensor = f1(answers.predicted, targets, labels, average="macro", validate_args=False)
        return value


class LabelAccuracy(Metric):
    """Share of labels, over all samples, that are predicted correctly."""

    name, label = "accuracy", "label accuracy"

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multilabel_accuracy as accuracy

        targets, labels = answers.targets.long(), answers.targets.shape[1]
        value: Tensor = accuracy(answers.predicted, targets, labels, average="micro", validate_args=False)
        return value


class LabelAUROC(Metric):
    """Area under the ROC curve, averaged over the labels: 0.5 is guessing, 1 is perfect."""

    name, label, costly = "auroc", "AUROC", True

    def suits(self, answers: Answers) -> bool:
        yes = answers.targets.sum(dim=0)
        return super().suits(answers) and bool(((yes > 0) & (yes < len(answers.targets))).all())

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multilabel_auroc as auroc

        value: Tensor = auroc(answers.class_probabilities, answers.targets.long(), answers.classes, validate_args=False)
        return value


class R2(Metric):
    """Share of the variance of the targets that is explained; always predicting the mean gives 0."""

    name, label, least_samples = "r2", "R2", 2

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import r2_score

        value: Tensor = r2_score(answers.predicted.flatten(1), answers.targets.float().flatten(1))
        return value


class Skill(Metric):
    """One minus the error as a share of the naive forecast's: 0 is no better than it, 1 perfect, below 0 worse."""

    name, label = "skill", "skill"

    def suits(self, answers: Answers) -> bool:
        return super().suits(answers) and answers.naive is not None

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_absolute_error as mae

        assert answers.naive is not None
        targets = answers.targets.float()
        value: Tensor = 1 - mae(answers.predicted, targets) / mae(answers.naive, targets).clamp(min=1e-12)
        return value


class MAE(Metric):
    """The mean absolute error: the average distance of a predicted number from the target."""

    name, label, higher_is_better = "mae", "mean absolute error", False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_absolute_error

        value: Tensor = mean_absolute_error(answers.predicted, answers.targets.float())
        return value


class RMSE(Metric):
    """The root of the mean squared error: as the mean absolute error, but large errors count more."""

    name, label, higher_is_better = "rmse", "root mean squared error", False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.regression import mean_squared_error

        value: Tensor = mean_squared_error(answers.predicted, answers.targets.float(), squared=False)
        return value


class MeanIoU(Metric):
    """Intersection of predicted and true area over their union, the mean over the classes."""

    name, label = "iou", "mean IoU"

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.classification import multiclass_jaccard_index as jaccard

        value: Tensor = jaccard(answers.predicted, answers.targets, answers.classes, validate_args=False)
        return value


class PixelAccuracy(Metric):
    """Share of pixels whose class is predicted correctly; a large background makes it look good."""

    name, label = "pixel_accuracy", "pixel accuracy"

    def compute(self, answers: Answers) -> Tensor:
        return (answers.predicted == answers.targets).float().mean()


class Perplexity(Metric):
    """The number of equally probable tokens that gives the same loss: 1 is certain, the vocabulary's size guessing."""

    name, label, higher_is_better = "perplexity", "perplexity", False

    def compute(self, answers: Answers) -> Tensor:
        from torchmetrics.functional.text import perplexity

        value: Tensor = perplexity(answers.outputs.float(), answers.targets, ignore_index=-100)
        return value


class TokenAccuracy(Metric):
    """Share of tokens that were the most probable one for the network."""

    name, label = "token_accuracy", "token accuracy"

    def compute(self, answers: Answers) -> Tensor:
        counts = answers.targets != -100
        return (answers.predicted == answers.targets)[counts].float().mean()
