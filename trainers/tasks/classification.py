"""Classification: each sample belongs to one of several classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from builder.shapes import Shape
from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess, share_margin
from trainers.script.answers import class_columns
from trainers.tasks.base import Names
from trainers.tasks.kinds import ClassTask, threshold
from trainers.tasks.target import plural
from trainers.verdicts.evaluation import never_predicted

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.events import Verdict
    from trainers.objectives.losses import Loss
    from trainers.objectives.metrics import Metric
    from trainers.objectives.model_outputs import Answers
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target
    from trainers.verdicts.circumstances import Circumstances


class Classification(ClassTask):
    """Which of several classes a sample belongs to. Targets: int64 (N,)."""

    name: ClassVar[str] = "classification"
    label: ClassVar[str] = "Classification"
    losses: ClassVar[tuple[type[Loss], ...]] = (
        losses.CrossEntropy,
        losses.NegativeLogLikelihood,
        losses.Focal,
        losses.BinaryCrossEntropyWithLogits,
        losses.BinaryCrossEntropy,
        losses.Hinge,
    )
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.Accuracy, metrics.F1, metrics.TopFive, metrics.AUROC)
    of_columns: ClassVar[Literal["", "category", "number", "yes_no"]] = "category"
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = staticmethod(class_columns)
    splits_by_class: ClassVar[bool] = True
    prediction_views: ClassVar[tuple[str, ...]] = ("decision_surface", "confusion_matrix")
    has_wrong_samples: ClassVar[bool] = True
    script_metric: ClassVar[str] = "accuracy"

    def target_shape(self, dataset: DataSet) -> Shape:
        return ()

    def describe(self, target: Target) -> str:
        return plural(target.classes, "class", "classes")

    def strata(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        return targets.astype(np.int64)

    def examples(self, targets: NDArray[Any], count: int) -> NDArray[np.int64]:
        """One sample of each class, then the next one of each class."""
        order = super().examples(targets, len(targets))
        labels = targets[order]
        rank = np.zeros(len(order), np.int64)  # the position of each sample among those of its class
        for label in np.unique(labels):
            rank[labels == label] = np.arange(int((labels == label).sum()))
        return np.asarray(order[np.lexsort((labels, rank))][:count])

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        """The most common class for every sample; for F1, which that does not raise, classes at random."""
        classes, count = max(target.classes, 2), len(targets)
        share = float((targets == training.bincount(minlength=classes).argmax().to(targets.device)).float().mean())
        return (
            Guess("accuracy", "accuracy", share, "always predicting the most common class", share_margin(share, count)),
            Guess("f1", "F1 (macro)", 1 / classes, "predicting classes at random", share_margin(1 / classes, count)),
        )

    def diagnostics(
        self, answers: Answers, classes: tuple[str, ...], circumstances: Circumstances
    ) -> tuple[Verdict, ...]:
        return never_predicted(circumstances, *answers.class_frequencies(len(classes)), classes)

    def confidence(self, found: Predictions) -> NDArray[np.float32] | None:
        if found.probabilities is None:
            return None
        return np.asarray(found.probabilities[np.arange(len(found.predicted)), found.predicted])

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        return {"class": [self.words(value, names) for value in values]}

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        predicted, true = (self.words(values[index], found.names) for values in (found.predicted, found.targets))
        confidence = "" if found.confidence is None else f"{found.confidence[index]:.0%}"
        return predicted, f"is {true} · {confidence}" if found.wrong[index] else confidence

    def summary(self, found: Predictions) -> str:
        count = len(found.targets)
        correct = count - int(found.wrong.sum())
        return f"{correct:,} of {count:,} {found.split} samples are correct: {correct / count:.1%}"

    def script_score(self, plan: Plan) -> list[str]:
        found = "output.argmax(dim=1)"
        if plan.shape in ((), (1,)):
            found = f"(output.view(-1) > {threshold(plan.loss.expects):g}).long()"
        return [f"        score = ({found} == targets).float().mean()"]
