"""What a network is told to make small: torch's losses and a few of our own, each one class; see trainers/objectives/loss.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.shapes import Shape
from trainers.data.base import Task
from trainers.entry import entries
from trainers.objectives.loss import WEIGHTS, Expects, Loss, OfClasses, OfLabels, OfNumbers
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["LOSSES", "Expects", "Loss", "default_loss"]


class CrossEntropy(OfClasses):
    """Minus the logarithm of the probability that the true class was given: the usual loss for classes."""

    name: ClassVar[str] = "cross_entropy"
    label: ClassVar[str] = "cross-entropy"
    torch_name: ClassVar[str] = "CrossEntropyLoss"

    label_smoothing: float = Field(0.0, ge=0, le=1, description="Share of the target spread over all classes.")


class NegativeLogLikelihood(OfClasses):
    """Cross-entropy on logarithms of probabilities: the network ends in a log-softmax."""

    name: ClassVar[str] = "nll"
    label: ClassVar[str] = "negative log-likelihood"
    expects: ClassVar[Expects] = "log_probabilities"
    torch_name: ClassVar[str] = "NLLLoss"


class Focal(OfClasses):
    """Cross-entropy in which what is right already counts little: for rare classes and small objects."""

    name: ClassVar[str] = "focal"
    label: ClassVar[str] = "focal"
    tasks: ClassVar[tuple[Task, ...]] = ("classification", "segmentation")
    own_name: ClassVar[str] = "FocalLoss"

    gamma: float = Field(2.0, ge=0, le=10, description="How much less counts what is right; 0 is cross-entropy.")


class Dice(OfClasses):
    """One minus the overlap of the predicted with the true areas, every class alike: for objects on a large ground."""

    name: ClassVar[str] = "dice"
    label: ClassVar[str] = "Dice"
    tasks: ClassVar[tuple[Task, ...]] = ("segmentation",)
    own_name: ClassVar[str] = "DiceLoss"
    weighs: ClassVar[str] = ""

    smooth: float = Field(1.0, gt=0, le=1000, description="Pixels added to both sides, for classes that are absent.")


class BinaryCrossEntropyWithLogits(OfLabels):
    """Yes or no for every label, the sigmoid inside: more exact than a sigmoid of one's own."""

    name: ClassVar[str] = "binary_cross_entropy_with_logits"
    label: ClassVar[str] = "binary cross-entropy with logits"
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "BCEWithLogitsLoss"
    weighs: ClassVar[str] = "pos_weight"

    def class_weights(self, counts: NDArray[Any], total: int, shape: Shape) -> NDArray[Any]:
        weights = (total - counts) / counts.clip(min=1)  # yes and no weigh the same together
        weights = weights[1:] if not shape or shape[0] == 1 else weights
        return weights.reshape(-1, *(1 for _ in shape[1:]))  # type: ignore[no-any-return]

    def weighing(self, target: Target, shape: Shape) -> list[str]:
        total, lines = self._counting(target)
        made = f"({total} - counts) / counts.clip(min=1)"
        if target.task != "multilabel" and (not shape or shape[0] == 1):
            made = f"({made})[1:]"
        made = f"({made}).reshape({', '.join(['-1', *('1' for _ in shape[1:])])})" if len(shape) > 1 else made
        return [*lines, f"    weights = {made}", WEIGHTS]


class BinaryCrossEntropy(OfLabels):
    """Yes or no for every label, on probabilities: the network ends in a sigmoid."""

    name: ClassVar[str] = "binary_cross_entropy"
    label: ClassVar[str] = "binary cross-entropy"
    expects: ClassVar[Expects] = "probabilities"
    torch_name: ClassVar[str] = "BCELoss"


class MultilabelSoftMargin(Loss):
    """Yes or no for every label, the mean over the labels of each sample: as binary cross-entropy with logits."""

    name: ClassVar[str] = "multilabel_soft_margin"
    label: ClassVar[str] = "multi-label soft margin"
    tasks: ClassVar[tuple[Task, ...]] = ("multilabel",)
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "MultiLabelSoftMarginLoss"
    weighs: ClassVar[str] = "weight"

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        return ((target.classes,),)


class MeanSquaredError(OfNumbers):
    """The mean of the squared errors: large errors count most, so outliers pull hard."""

    name: ClassVar[str] = "mse"
    label: ClassVar[str] = "mean squared error"
    torch_name: ClassVar[str] = "MSELoss"


class MeanAbsoluteError(OfNumbers):
    """The mean of the absolute errors: outliers count no more than their distance."""

    name: ClassVar[str] = "l1"
    label: ClassVar[str] = "mean absolute error (L1)"
    torch_name: ClassVar[str] = "L1Loss"


class Huber(OfNumbers):
    """Squared for small errors, absolute for large ones: smooth at zero and calm about outliers."""

    name: ClassVar[str] = "huber"
    label: ClassVar[str] = "Huber"
    torch_name: ClassVar[str] = "HuberLoss"

    delta: float = Field(1.0, gt=0, le=1000, description="Error at which it turns from squared to absolute.")


class Quantile(OfNumbers):
    """Errors above and below count differently, so that a chosen share of the truth lies below what is predicted."""

    name: ClassVar[str] = "quantile"
    label: ClassVar[str] = "quantile (pinball)"
    own_name: ClassVar[str] = "QuantileLoss"

    q: float = Field(0.5, gt=0, lt=1, description="The share of the truth that is to lie below; 0.5 is the median.")


class Poisson(OfNumbers):
    """For counts, whose spread grows with their size: the network gives the logarithm of the expected count."""

    name: ClassVar[str] = "poisson"
    label: ClassVar[str] = "Poisson"
    torch_name: ClassVar[str] = "PoissonNLLLoss"
    raw_targets: ClassVar[bool] = True

    log_input: bool = Field(True, description="The network gives the logarithm of the count; else the count itself.")

    def values(self, outputs: Tensor) -> Tensor:
        return outputs.exp() if self.log_input else outputs


class Hinge(Loss):
    """The true class should score higher than every other by a margin; beyond it nothing is asked (multi-margin)."""

    name: ClassVar[str] = "hinge"
    label: ClassVar[str] = "hinge (multi-margin)"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "MultiMarginLoss"
    weighs: ClassVar[str] = "weight"

    p: Literal[1, 2] = Field(1, description="Power of what is missing to the margin: 1 is linear, 2 squared.")
    margin: float = Field(1.0, gt=0, le=1000, description="How much higher the true class should score.")


LOSSES: dict[str, type[Loss]] = entries(globals(), Loss)


def default_loss(task: Task) -> Loss:
    """The usual loss for a task: cross-entropy for classes, mean squared error for numbers."""
    return next(loss() for loss in LOSSES.values() if task in loss.tasks)
