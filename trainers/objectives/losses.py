"""The losses: what training minimises. Each is one class, with the outputs that it expects and how it is printed.

Most are classes of torch.nn; others are a function `compute(output, target, …options)` of loss_functions.py. The tasks
in trainers/tasks say which losses suit them; registry.py has all by name."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from builder.shapes import Shape
from trainers.entry import Entry
from trainers.objectives import value_ranges
from trainers.objectives.loss_functions import dice_loss, focal_loss, quantile_loss
from trainers.script.sources import print_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from trainers.tasks.target import Target

Expects = Literal["logits", "probabilities", "log_probabilities", "values"]
Criterion = Callable[["Tensor", "Tensor"], "Tensor"]
Reduction = Literal["mean", "none"]
WEIGHTS = "    class_weights = torch.tensor(weights, dtype=torch.float32, device=device)"  # in train.py


class Loss(Entry):
    """What training minimises. The fields are the options of torch's class, or the arguments of `compute`.

    `expects` says what the last layer gives: "logits" (any numbers, no softmax or sigmoid), "probabilities" (0 to 1),
    "log_probabilities" (their logarithms) or "values" (the numbers to predict).
    """

    expects: ClassVar[Expects]
    torch_name: ClassVar[str] = ""  # the class in torch.nn; empty: `compute` is the loss
    compute: ClassVar[Callable[..., Tensor]]  # (output, target, …options, the weights) → the mean loss
    weighs: ClassVar[str] = ""  # the option that takes a weight for each class; empty: it has none
    favours_rare: ClassVar[bool] = False  # rare classes count more than by their number of samples or pixels
    raw_targets: ClassVar[bool] = False  # numbers to predict keep their own unit instead of being standardised
    tasks: ClassVar[tuple[str, ...]] = ()  # the tasks that it suits besides those that list it in `Task.losses`

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        """The shapes of one sample's output that the loss can work with, the usual one first."""
        return (target.per_class(target.classes),)

    def unreachable(self, low: float, high: float, target: Target) -> str:
        """What outputs between `low` and `high` cannot say of the targets, as the end of a sentence; empty: nothing."""
        return ""

    def criterion(self, weights: Tensor | None = None, reduction: Reduction = "mean") -> Criterion:
        """The loss as a function of (output, target), exactly as `render` prints it."""
        given = {self.weighs: weights} if weights is not None and self.weighs else {}
        if not self.torch_name:
            return functools.partial(type(self).compute, **self.model_dump(), **given)
        from torch import nn

        whole: dict[str, Any] = {} if reduction == "mean" else {"reduction": reduction}
        made: Criterion = getattr(nn, self.torch_name)(**self.model_dump(exclude_defaults=True), **given, **whole)
        return made

    def build(
        self, weights: Tensor | None = None, target: Target | None = None, reduction: Reduction = "mean"
    ) -> Criterion:
        """A function of (output, target) that gives the mean loss; targets as the data set has them. Given `target`, it
        may be for that kind alone, and faster. `reduction` "none", of torch's losses: the loss of each number, whose
        first axis is that of the samples."""
        return self.criterion(weights, reduction)

    def each(self, outputs: Tensor, targets: Tensor, target: Target) -> Tensor:
        """The loss of each sample (N,): its mean is the loss of all where a loss is a mean over samples."""
        import torch

        criterion = self.build(target=target)
        rows = outputs.unsqueeze(1), targets.unsqueeze(1)  # batches of one sample
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "There is a performance drop")  # of a loss without a batching rule
                return torch.vmap(criterion)(*rows)
        except RuntimeError:  # an operation of this loss is not vectorised over samples
            return torch.stack([criterion(output, wanted) for output, wanted in zip(*rows, strict=True)])

    def values(self, outputs: Tensor) -> Tensor:
        """The numbers that outputs stand for, where the loss expects values."""
        return outputs

    def class_weights(self, counts: NDArray[Any], total: int, shape: Shape) -> NDArray[Any]:
        """Balanced weights: a class with half as many targets as with equal shares counts twice.

        `counts` of each class among the `total` training targets, `shape` of one sample's output.
        """
        return np.asarray(total / (len(counts) * counts.clip(min=1)))

    # -- in train.py --------------------------------------------------------------------------------------------------

    def render(self, weights: str = "", reduction: Reduction = "mean") -> str:
        """The loss as Python code: nn.CrossEntropyLoss(label_smoothing=0.1). `weights`: code for those of classes."""
        own = not self.torch_name
        given = [f"{key}={value!r}" for key, value in self.model_dump(exclude_defaults=not own).items()]
        given += [f"{self.weighs}={weights}"] if weights and self.weighs else []
        given += [f'reduction="{reduction}"'] if reduction != "mean" else []
        if own:
            return f"functools.partial({', '.join([type(self).compute.__name__, *given])})"
        return f"nn.{self.torch_name}({', '.join(given)})"

    def source(self) -> str:
        """The source of `compute`, with its imports, where the loss is not one of torch's."""
        defaults = {self.weighs: "None"} if self.weighs else {}
        return "" if self.torch_name else print_functions((type(self).compute, defaults))

    def script_weights(self, target: Target, shape: Shape) -> list[str]:
        """Lines of train.py that make `class_weights`, as the method above does."""
        total, lines = target.entry.script_counts(target)
        made = f"{total} / ({target.classes} * counts.clip(min=1))"
        return [*lines, f"    weights = {made}", WEIGHTS]

    def script_values(self, output: str) -> str:
        """Code for the numbers that outputs stand for."""
        return output

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        """Python code of what the loss is called with, for outputs of this shape: "output, target"."""
        return f"{output}, {wanted}"


class _OfClasses(Loss):
    """One of several classes, for a sample, at each pixel, or at each position of a text."""

    expects: ClassVar[Expects] = "logits"
    weighs: ClassVar[str] = "weight"

    def unreachable(self, low: float, high: float, target: Target) -> str:
        if self.expects != "logits":
            return ""
        return value_ranges.unsure_of_classes(low, high, target.classes) or value_ranges.one_sided(
            low, high, self.label
        )

    def build(
        self, weights: Tensor | None = None, target: Target | None = None, reduction: Reduction = "mean"
    ) -> Criterion:
        criterion = self.criterion(weights, reduction)
        if target is not None and target.class_axis == 1:
            return criterion
        last = target is not None

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if last or target.ndim == 2:  # a text: one long row of positions, since torch wants classes on axis 1
                output, target = output.flatten(0, -2), target.flatten()
            return criterion(output, target)

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        if target.class_axis == 1:
            return f"{output}, {wanted}"
        return f"{output}.flatten(0, {len(target.shape)}), {wanted}.flatten()"


class _OfLabels(Loss):
    """Yes or no: one number for two classes, or one number for each class, each by itself against the others."""

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        each = target.per_class(target.classes)
        is_one_enough = target.classes == 2 and target.entry.class_kind == "exclusive"
        return (target.per_class(1), each) if is_one_enough else (each,)

    def unreachable(self, low: float, high: float, target: Target) -> str:
        return value_ranges.unsure_of_yes(
            *((value_ranges.sigmoid(low), value_ranges.sigmoid(high)) if self.expects == "logits" else (low, high))
        )

    def build(
        self, weights: Tensor | None = None, target: Target | None = None, reduction: Reduction = "mean"
    ) -> Criterion:
        import torch

        criterion = self.criterion(weights, reduction)
        is_plain = self.expects == "logits"

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if target.is_floating_point():
                wanted = target
            elif output.ndim == 1 or output.shape[1] == 1:
                wanted = target.to(torch.float32).view_as(output)
            else:
                wanted = torch.nn.functional.one_hot(target, output.shape[1]).movedim(-1, 1).to(torch.float32)
            if is_plain:
                return criterion(output, wanted)
            # torch refuses half precision here: the logarithm of a rounded probability would be far off
            with torch.autocast(output.device.type, enabled=False):
                return criterion(output.float(), wanted)

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        if target.entry.class_kind == "independent":
            return f"{output}, {wanted}"
        if not shape or shape[0] == 1:
            return f"{output}, {wanted}.float().view_as({output})"
        places = ".movedim(-1, 1)" if target.shape else ""
        return f"{output}, nn.functional.one_hot({wanted}, {shape[0]}){places}.float()"


class _OfNumbers(Loss):
    """The distance of predicted numbers from the targets."""

    expects: ClassVar[Expects] = "values"

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        flat = (target.size,)
        return (target.shape,) if target.shape == flat else (target.shape, flat)

    def unreachable(self, low: float, high: float, target: Target) -> str:
        if not target.entry.standardised or self.raw_targets:
            return ""
        where = value_ranges.out_of_reach("standard", low, high)
        return f"but the targets are standardised and lie {where}: some can never be predicted" if where else ""

    def build(
        self, weights: Tensor | None = None, target: Target | None = None, reduction: Reduction = "mean"
    ) -> Criterion:
        criterion = self.criterion(None, reduction)

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if output.shape != target.shape:  # (N,) against (N, 1) would be broadcast to (N, N): wrong and silent
                target = target.view_as(output)
            return criterion(output, target)

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        return f"{output}, {wanted}.view_as({output})"


OfClasses = _OfClasses  # the underscores keep them out of the losses that are found
OfLabels = _OfLabels
OfNumbers = _OfNumbers


class CrossEntropy(OfClasses):
    """Minus the logarithm of the probability that the true class was given: the usual loss for classes."""

    name: ClassVar[str] = "cross_entropy"
    label: ClassVar[str] = "cross-entropy"
    synonyms: ClassVar[tuple[str, ...]] = (
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "softmax_cross_entropy",
        "log_loss",
    )
    torch_name: ClassVar[str] = "CrossEntropyLoss"

    label_smoothing: float = Field(0.0, ge=0, le=1, description="Share of the target spread over all classes.")


class NegativeLogLikelihood(OfClasses):
    """Cross-entropy on logarithms of probabilities: the network ends in a log-softmax."""

    name: ClassVar[str] = "nll"
    label: ClassVar[str] = "negative log-likelihood"
    synonyms: ClassVar[tuple[str, ...]] = ("nll_loss",)
    expects: ClassVar[Expects] = "log_probabilities"
    torch_name: ClassVar[str] = "NLLLoss"


class Focal(OfClasses):
    """Cross-entropy with less weight on what is correct already: for rare classes and small objects."""

    name: ClassVar[str] = "focal"
    label: ClassVar[str] = "focal"
    favours_rare: ClassVar[bool] = True
    synonyms: ClassVar[tuple[str, ...]] = ("categorical_focal_crossentropy", "focal_loss")
    compute: ClassVar[Callable[..., Tensor]] = focal_loss

    gamma: float = Field(2.0, ge=0, le=10, description="How much less what is correct counts; 0 is cross-entropy.")


class Dice(OfClasses):
    """One minus the overlap of predicted and true areas, each class alike: for objects on a large background."""

    name: ClassVar[str] = "dice"
    label: ClassVar[str] = "Dice"
    favours_rare: ClassVar[bool] = True
    synonyms: ClassVar[tuple[str, ...]] = ("dice_loss",)
    compute: ClassVar[Callable[..., Tensor]] = dice_loss
    weighs: ClassVar[str] = ""

    smooth: float = Field(1.0, gt=0, le=1000, description="Pixels added to both sides, for classes that are absent.")


class BinaryCrossEntropyWithLogits(OfLabels):
    """Yes or no for each label, with the sigmoid inside: more exact than a sigmoid as the last layer."""

    name: ClassVar[str] = "binary_cross_entropy_with_logits"
    label: ClassVar[str] = "binary cross-entropy with logits"
    synonyms: ClassVar[tuple[str, ...]] = ("bce_with_logits", "sigmoid_cross_entropy")
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "BCEWithLogitsLoss"
    weighs: ClassVar[str] = "pos_weight"

    def class_weights(self, counts: NDArray[Any], total: int, shape: Shape) -> NDArray[Any]:
        weights = (total - counts) / counts.clip(min=1)  # yes and no have the same weight together
        weights = weights[1:] if not shape or shape[0] == 1 else weights
        return weights.reshape(-1, *(1 for _ in shape[1:]))  # type: ignore[no-any-return]

    def script_weights(self, target: Target, shape: Shape) -> list[str]:
        total, lines = target.entry.script_counts(target)
        made = f"({total} - counts) / counts.clip(min=1)"
        if target.entry.class_kind == "exclusive" and (not shape or shape[0] == 1):
            made = f"({made})[1:]"
        made = f"({made}).reshape({', '.join(['-1', *('1' for _ in shape[1:])])})" if len(shape) > 1 else made
        return [*lines, f"    weights = {made}", WEIGHTS]


class BinaryCrossEntropy(OfLabels):
    """Yes or no for each label, on probabilities: the network ends in a sigmoid."""

    name: ClassVar[str] = "binary_cross_entropy"
    label: ClassVar[str] = "binary cross-entropy"
    synonyms: ClassVar[tuple[str, ...]] = ("binary_crossentropy", "bce", "bce_loss")
    expects: ClassVar[Expects] = "probabilities"
    torch_name: ClassVar[str] = "BCELoss"


class MultilabelSoftMargin(Loss):
    """Yes or no for each label, the mean over the labels of each sample: as binary cross-entropy with logits."""

    name: ClassVar[str] = "multilabel_soft_margin"
    label: ClassVar[str] = "multi-label soft margin"
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "MultiLabelSoftMarginLoss"
    weighs: ClassVar[str] = "weight"

    def unreachable(self, low: float, high: float, target: Target) -> str:
        return value_ranges.unsure_of_yes(value_ranges.sigmoid(low), value_ranges.sigmoid(high))


class MeanSquaredError(OfNumbers):
    """The mean of the squared errors: large errors count most, so outliers matter much."""

    name: ClassVar[str] = "mse"
    label: ClassVar[str] = "mean squared error"
    synonyms: ClassVar[tuple[str, ...]] = ("mean_squared_error", "mse_loss", "l2", "squared_error")
    torch_name: ClassVar[str] = "MSELoss"


class MeanAbsoluteError(OfNumbers):
    """The mean of the absolute errors: outliers count no more than their distance."""

    name: ClassVar[str] = "l1"
    label: ClassVar[str] = "mean absolute error (L1)"
    synonyms: ClassVar[tuple[str, ...]] = ("mean_absolute_error", "mae", "l1_loss", "absolute_error")
    torch_name: ClassVar[str] = "L1Loss"


class Huber(OfNumbers):
    """Squared for small errors, absolute for large ones: smooth at zero and robust against outliers."""

    name: ClassVar[str] = "huber"
    label: ClassVar[str] = "Huber"
    synonyms: ClassVar[tuple[str, ...]] = ("huber_loss", "smooth_l1", "SmoothL1Loss")
    torch_name: ClassVar[str] = "HuberLoss"

    delta: float = Field(1.0, gt=0, le=1000, description="Error at which it turns from squared to absolute.")


class Quantile(OfNumbers):
    """Errors above and below count differently, so that a chosen share of the targets lies below the prediction."""

    name: ClassVar[str] = "quantile"
    label: ClassVar[str] = "quantile (pinball)"
    synonyms: ClassVar[tuple[str, ...]] = ("pinball", "pinball_loss")
    compute: ClassVar[Callable[..., Tensor]] = quantile_loss

    q: float = Field(0.5, gt=0, lt=1, description="The share of the targets that is to lie below; 0.5 is the median.")


class Poisson(OfNumbers):
    """For counts, whose variance grows with their size: the network gives the logarithm of the expected count."""

    name: ClassVar[str] = "poisson"
    label: ClassVar[str] = "Poisson"
    synonyms: ClassVar[tuple[str, ...]] = ("poisson_nll",)
    torch_name: ClassVar[str] = "PoissonNLLLoss"
    raw_targets: ClassVar[bool] = True

    log_input: bool = Field(True, description="The network gives the logarithm of the count; else the count itself.")

    def values(self, outputs: Tensor) -> Tensor:
        return outputs.exp() if self.log_input else outputs

    def unreachable(self, low: float, high: float, target: Target) -> str:
        negative = "but the loss compares counts, which are never negative" if low < 0 else ""
        return value_ranges.limited_counts(low, high) if self.log_input else negative

    def script_values(self, output: str) -> str:
        return f"{output}.exp()" if self.log_input else output


class Hinge(Loss):
    """The true class should score higher than each other one by a margin (multi-margin)."""

    name: ClassVar[str] = "hinge"
    label: ClassVar[str] = "hinge (multi-margin)"
    synonyms: ClassVar[tuple[str, ...]] = ("categorical_hinge", "hinge_loss", "multi_margin")
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "MultiMarginLoss"
    weighs: ClassVar[str] = "weight"

    p: Literal[1, 2] = Field(1, description="Power of what is missing to the margin: 1 is linear, 2 squared.")
    margin: float = Field(1.0, gt=0, le=1000, description="How much higher the true class should score.")

    def unreachable(self, low: float, high: float, target: Target) -> str:
        too_close = f"so that no class can score higher than another by the margin of {self.margin:g}"
        return too_close if high - low < self.margin else value_ranges.one_sided(low, high, self.label)


OF_NUMBERS: tuple[type[Loss], ...] = (MeanSquaredError, MeanAbsoluteError, Huber, Quantile, Poisson)
