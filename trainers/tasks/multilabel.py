"""Multi-label classification: any number of classes hold for a sample, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from builder.shapes import Shape, count
from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess, share_margin
from trainers.script.answers import label_columns
from trainers.tasks.base import Names, Task
from trainers.tasks.kinds import threshold
from trainers.verdicts.evaluation import never_predicted

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.events import Verdict
    from trainers.objectives.losses import Expects, Loss
    from trainers.objectives.metrics import Metric
    from trainers.objectives.model_outputs import Answers
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target
    from trainers.verdicts.circumstances import Circumstances


class Multilabel(Task):
    """Which labels hold for a sample. Targets: float32 (N, labels) of 0 and 1."""

    name: ClassVar[str] = "multilabel"
    label: ClassVar[str] = "Multi-label classification"
    losses: ClassVar[tuple[type[Loss], ...]] = (
        losses.BinaryCrossEntropyWithLogits,
        losses.BinaryCrossEntropy,
        losses.MultilabelSoftMargin,
    )
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.LabelF1, metrics.LabelAccuracy, metrics.LabelAUROC)
    expects: ClassVar[Expects] = "logits"
    class_kind: ClassVar[Literal["none", "exclusive", "independent"]] = "independent"
    least_classes: ClassVar[int] = 1
    of_columns: ClassVar[Literal["", "category", "number", "yes_no"]] = "yes_no"
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = staticmethod(label_columns)
    prediction_views: ClassVar[tuple[str, ...]] = ("label_scores",)
    has_wrong_samples: ClassVar[bool] = True
    script_metric: ClassVar[str] = "label accuracy"

    def per_class(self, target: Target, numbers: int) -> Shape:
        return (numbers,)

    def describe(self, target: Target) -> str:
        return f"{count(target.classes, 'label')}, any number of which may hold"

    def predicted(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor:
        return (outputs > threshold(expects)).long()

    def probabilities(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor | None:
        return outputs.float().sigmoid() if expects == "logits" else outputs.float()

    def target_probabilities(self, outputs: Tensor, expects: Expects, targets: Tensor, target: Target) -> Tensor | None:
        holds = self.probabilities(outputs, expects, target)
        assert holds is not None
        return holds.where(targets > 0, 1 - holds)

    def class_counts(self, targets: NDArray[Any], target: Target) -> tuple[NDArray[Any], int]:
        return targets.sum(axis=0), len(targets)

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        """Each label as it mostly is; for F1, which that does not raise where labels are rare, every label."""
        mostly = (training.float().mean(dim=0) > 0.5).to(targets.device)
        share = float((targets.bool() == mostly).float().mean())
        rate = targets.float().mean(dim=0)
        every = float((2 * rate / (1 + rate)).mean())
        return (
            Guess(
                "accuracy",
                "label accuracy",
                share,
                "predicting for each label what holds for most samples",
                share_margin(share, targets.numel()),
            ),
            Guess("f1", "F1 (macro)", every, "predicting every label", share_margin(every, len(targets))),
        )

    def diagnostics(
        self, answers: Answers, classes: tuple[str, ...], circumstances: Circumstances
    ) -> tuple[Verdict, ...]:
        predicted, true = answers.predicted.sum(dim=0).cpu(), answers.targets.sum(dim=0).cpu()
        return never_predicted(circumstances, predicted, true, classes, thing="label")

    def words(self, value: NDArray[Any], names: Names) -> str:
        return ", ".join(names.class_name(int(number)) for number in np.flatnonzero(value)) or "none"

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        return {"labels": [self.words(value, names) for value in values]}

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        predicted, true = (self.words(values[index], found.names) for values in (found.predicted, found.targets))
        return predicted, f"is {true}" if found.wrong[index] else "correct"

    def summary(self, found: Predictions) -> str:
        number = len(found.targets)
        correct = number - int(found.wrong.sum())
        return f"{correct:,} of {number:,} {found.split} samples are correct in each label: {correct / number:.1%}"

    def script_targets(self, plan: Plan) -> list[str]:
        return ["    targets = torch.from_numpy(targets).to(device).float()"]

    def script_counts(self, target: Target) -> tuple[str, list[str]]:
        return "len(training)", ["    counts = targets[training].sum(axis=0)"]

    def script_score(self, plan: Plan) -> list[str]:
        return [f"        score = ((output > {threshold(plan.loss.expects):g}) == targets.bool()).float().mean()"]
