"""What a network is told to make small: torch's losses, what each expects of the last layer, and how targets go in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.data.base import Task
from trainers.entry import Entry, entries

if TYPE_CHECKING:
    from torch import Tensor, nn

Expects = Literal["logits", "probabilities", "values"]


class Loss(Entry):
    """One of torch.nn's losses. The fields are parameters of the torch class `torch_name`, with its defaults.

    `expects` says what the last layer gives: "logits" (any numbers, no softmax or sigmoid), "probabilities" (0 to 1),
    or "values" (the numbers to predict).
    """

    tasks: ClassVar[tuple[Task, ...]]
    expects: ClassVar[Expects]
    torch_name: ClassVar[str]

    def width(self, classes: int, target_size: int) -> int | None:
        """How many numbers the last layer should give for one sample; None when any number would do.

        `classes` is the number of classes (0 for regression), `target_size` the count of numbers to predict.
        """
        return target_size if self.expects == "values" else classes

    def accepts(self, width: int, classes: int, target_size: int) -> bool:
        """Whether the loss can work with a last layer of this width."""
        return width == self.width(classes, target_size)

    def criterion(self) -> nn.Module:
        """torch's module, exactly as `render` prints it."""
        from torch import nn

        made: nn.Module = getattr(nn, self.torch_name)(**self.model_dump(exclude_defaults=True))
        return made

    def build(self) -> Callable[[Tensor, Tensor], Tensor]:
        """A function of (output, target) that gives the mean loss; targets as the data set has them."""
        return self.criterion()

    def render(self) -> str:
        """The torch module as Python code: nn.CrossEntropyLoss(label_smoothing=0.1)."""
        given = ", ".join(f"{key}={value!r}" for key, value in self.model_dump(exclude_defaults=True).items())
        return f"nn.{self.torch_name}({given})"

    def target_code(self, width: int, output: str = "output", target: str = "target") -> str:
        """Python code that turns the data set's targets into what the torch module takes, for this last width."""
        return target


class _Binary(Loss):
    """Yes or no: one number for two classes, or one number per class, each for itself against the rest."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def width(self, classes: int, target_size: int) -> int | None:
        return 1 if classes == 2 else classes

    def accepts(self, width: int, classes: int, target_size: int) -> bool:
        return width == classes or (width == 1 and classes == 2)

    def build(self) -> Callable[[Tensor, Tensor], Tensor]:
        import torch

        criterion = self.criterion()
        is_plain = self.expects == "logits"

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if output.ndim == 1 or output.shape[1] == 1:
                wanted = target.to(torch.float32).view_as(output)
            else:
                wanted = torch.nn.functional.one_hot(target, output.shape[1]).to(torch.float32)
            if is_plain:
                return criterion(output, wanted)  # type: ignore[no-any-return]
            # torch refuses half precision here: the logarithm of a rounded probability would be far off
            with torch.autocast(output.device.type, enabled=False):
                return criterion(output.float(), wanted)  # type: ignore[no-any-return]

        return loss

    def target_code(self, width: int, output: str = "output", target: str = "target") -> str:
        if width == 1:
            return f"{target}.float().view_as({output})"
        return f"nn.functional.one_hot({target}, {width}).float()"


class _Distance(Loss):
    """How far the numbers are off."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    expects: ClassVar[Expects] = "values"

    def build(self) -> Callable[[Tensor, Tensor], Tensor]:
        criterion = self.criterion()

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if output.shape != target.shape:  # (N,) against (N, 1) would be broadcast to (N, N): wrong and silent
                target = target.view_as(output)
            return criterion(output, target)  # type: ignore[no-any-return]

        return loss

    def target_code(self, width: int, output: str = "output", target: str = "target") -> str:
        return f"{target}.view_as({output})"


class CrossEntropy(Loss):
    """Minus the logarithm of the probability that the true class was given: the usual loss for classes."""

    name: ClassVar[str] = "cross_entropy"
    label: ClassVar[str] = "cross-entropy"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "CrossEntropyLoss"

    label_smoothing: float = Field(0.0, ge=0, le=1, description="Share of the target spread over all classes.")


class BinaryCrossEntropy(_Binary):
    """Cross-entropy for two classes, on a probability: the network ends in a sigmoid."""

    name: ClassVar[str] = "binary_cross_entropy"
    label: ClassVar[str] = "binary cross-entropy"
    expects: ClassVar[Expects] = "probabilities"
    torch_name: ClassVar[str] = "BCELoss"


class BinaryCrossEntropyWithLogits(_Binary):
    """Cross-entropy for two classes with the sigmoid inside: more exact than a sigmoid of one's own."""

    name: ClassVar[str] = "binary_cross_entropy_with_logits"
    label: ClassVar[str] = "binary cross-entropy with logits"
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "BCEWithLogitsLoss"


class MeanSquaredError(_Distance):
    """The mean of the squared errors: large errors count most, so outliers pull hard."""

    name: ClassVar[str] = "mse"
    label: ClassVar[str] = "mean squared error"
    torch_name: ClassVar[str] = "MSELoss"


class MeanAbsoluteError(_Distance):
    """The mean of the absolute errors: outliers count no more than their distance."""

    name: ClassVar[str] = "l1"
    label: ClassVar[str] = "mean absolute error (L1)"
    torch_name: ClassVar[str] = "L1Loss"


class Huber(_Distance):
    """Squared for small errors, absolute for large ones: smooth at zero and calm about outliers."""

    name: ClassVar[str] = "huber"
    label: ClassVar[str] = "Huber"
    torch_name: ClassVar[str] = "HuberLoss"

    delta: float = Field(1.0, gt=0, le=1000, description="Error at which it turns from squared to absolute.")


class Hinge(Loss):
    """The true class should score higher than every other by a margin; beyond it nothing is asked (multi-margin)."""

    name: ClassVar[str] = "hinge"
    label: ClassVar[str] = "hinge (multi-margin)"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    expects: ClassVar[Expects] = "logits"
    torch_name: ClassVar[str] = "MultiMarginLoss"

    p: Literal[1, 2] = Field(1, description="Power of what is missing to the margin: 1 is linear, 2 squared.")
    margin: float = Field(1.0, gt=0, le=1000, description="How much higher the true class should score.")


LOSSES: dict[str, type[Loss]] = entries(globals(), Loss)


def default_loss(task: Task) -> Loss:
    """The usual loss for a task: cross-entropy for classes, mean squared error for numbers."""
    return next(loss() for loss in LOSSES.values() if task in loss.tasks)
