"""Segmentation: each pixel of an image belongs to one of several classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from builder.shapes import show
from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess
from trainers.script.answers import class_maps, share_columns
from trainers.tasks.base import Names
from trainers.tasks.kinds import ClassTask, threshold
from trainers.tasks.target import plural
from trainers.verdicts.evaluation import never_predicted, only_one_predicted

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.events import Verdict
    from trainers.objectives.losses import Loss
    from trainers.objectives.metrics import Metric
    from trainers.objectives.model_outputs import Answers
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target
    from trainers.verdicts.circumstances import Circumstances

IOU_MARGIN = 0.01


class Segmentation(ClassTask):
    """Which class each pixel belongs to. Targets, called masks: int64 (N, height, width)."""

    name: ClassVar[str] = "segmentation"
    label: ClassVar[str] = "Segmentation"
    losses: ClassVar[tuple[type[Loss], ...]] = (
        losses.CrossEntropy,
        losses.NegativeLogLikelihood,
        losses.Focal,
        losses.Dice,
        losses.BinaryCrossEntropyWithLogits,
        losses.BinaryCrossEntropy,
    )
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.MeanIoU, metrics.PixelAccuracy)
    follows_images: ClassVar[bool] = True
    compact: ClassVar[bool] = True
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = staticmethod(share_columns)
    answer_maps: ClassVar[Callable[..., NDArray[Any]] | None] = staticmethod(class_maps)
    sample_view: ClassVar[str] = "mask"
    prediction_views: ClassVar[tuple[str, ...]] = ("class_overlap", "confusion_matrix")
    script_metric: ClassVar[str] = "mean IoU"

    def describe(self, target: Target) -> str:
        return f"{plural(target.classes, 'class', 'classes')} for each of {show(target.shape)} pixels"

    def pixel_map(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return targets

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        """The most common class for every pixel."""
        classes = max(target.classes, 2)
        counts = training.reshape(-1)[training.reshape(-1) >= 0].bincount(minlength=classes)
        share = float((targets == counts.argmax().to(targets.device)).float().mean())
        present = int((targets[targets >= 0].bincount(minlength=classes) > 0).sum())
        value, words = share / max(present, 1), "predicting the most common class for every pixel"
        return (Guess("iou", "mean IoU", value, words, IOU_MARGIN),)

    def diagnostics(
        self, answers: Answers, classes: tuple[str, ...], circumstances: Circumstances
    ) -> tuple[Verdict, ...]:
        found = (*answers.class_frequencies(len(classes)), classes)
        return only_one_predicted(circumstances, *found) or never_predicted(circumstances, *found, where="pixels")

    def words(self, value: NDArray[Any], names: Names) -> str:
        return ""

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        """The share of the pixels of each class."""
        axes = tuple(range(1, values.ndim))
        return {f"share of {name}": (values == place).mean(axis=axes) for place, name in enumerate(names.classes)}

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        return f"{1 - found.error[index]:.1%} of the pixels are correct", "image · target · prediction"

    def summary(self, found: Predictions) -> str:
        return f"{len(found.targets):,} {found.split} samples: mean IoU {np.nanmean(found.overlaps):.3f}"

    def script_score(self, plan: Plan) -> list[str]:
        one = plan.shape[:1] == (1,)
        found = f"(output[:, 0] > {threshold(plan.loss.expects):g}).long()" if one else "output.argmax(dim=1)"
        return [
            f"        found, classes = {found}, range({plan.target.classes})",
            "        both = torch.stack([((found == c) & (targets == c)).sum() for c in classes])",
            "        either = torch.stack([((found == c) | (targets == c)).sum() for c in classes])",
            "        score = (both[either > 0] / either[either > 0]).mean()",
        ]
