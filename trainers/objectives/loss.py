"""What a loss is: the outputs it wants, how targets go in, and how it prints; and what losses of one kind share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from builder.shapes import Shape
from trainers.data.base import Task
from trainers.entry import Entry
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

Expects = Literal["logits", "probabilities", "log_probabilities", "values"]
WEIGHTS = "    class_weights = torch.tensor(weights, dtype=torch.float32, device=device)"  # in train.py
Criterion = Callable[["Tensor", "Tensor"], "Tensor"]


class Loss(Entry):
    """One of torch.nn's losses, or one of trainers/objectives/loss_modules.py. The fields are parameters of that class.

    `expects` says what the last layer gives: "logits" (any numbers, no softmax or sigmoid), "probabilities" (0 to 1),
    "log_probabilities" (their logarithms) or "values" (the numbers to predict).
    """

    tasks: ClassVar[tuple[Task, ...]]
    expects: ClassVar[Expects]
    torch_name: ClassVar[str] = ""  # the class in torch.nn; empty: `own_name`
    own_name: ClassVar[str] = ""  # the class in trainers/objectives/loss_modules.py
    weighs: ClassVar[str] = ""  # the parameter that takes a weight for each class; empty: it has none
    raw_targets: ClassVar[bool] = False  # numbers to predict stay in their own unit instead of being standardised

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        """The shapes of one sample's output that the loss can work with, the usual one first."""
        return (target.per_class(target.classes),)

    def criterion(self, weights: Tensor | None = None) -> nn.Module:
        """The module, exactly as `render` prints it."""
        given = {self.weighs: weights} if weights is not None and self.weighs else {}
        made: nn.Module = self._class()(**self.model_dump(exclude_defaults=True), **given)
        return made

    def _class(self) -> Any:
        from torch import nn

        from trainers.objectives import loss_modules

        return getattr(nn, self.torch_name) if self.torch_name else getattr(loss_modules, self.own_name)

    def build(self, weights: Tensor | None = None, target: Target | None = None) -> Criterion:
        """A function of (output, target) that gives the mean loss; targets as the data set has them. Given `target`, it
        may be for that kind alone, and quicker."""
        return self.criterion(weights)

    def values(self, outputs: Tensor) -> Tensor:
        """The numbers that outputs stand for, where the loss expects values."""
        return outputs

    def class_weights(self, counts: NDArray[Any], total: int, shape: Shape) -> NDArray[Any]:
        """Balanced weights: a class that is half as frequent as it would be in equal shares counts twice.

        `counts` of each class among the `total` training targets, `shape` of one sample's output.
        """
        return np.asarray(total / (len(counts) * counts.clip(min=1)))

    def render(self, weights: str = "") -> str:
        """The module as Python code: nn.CrossEntropyLoss(label_smoothing=0.1). `weights`: code for the weights."""
        given = [f"{key}={value!r}" for key, value in self.model_dump(exclude_defaults=True).items()]
        given += [f"{self.weighs}={weights}"] if weights and self.weighs else []
        return f"{f'nn.{self.torch_name}' if self.torch_name else self.own_name}({', '.join(given)})"

    def weighing(self, target: Target, shape: Shape) -> list[str]:
        """Lines of train.py that make `class_weights`, as `class_weights` above has them."""
        total, lines = self._counting(target)
        made = f"{total} / ({target.classes} * counts.clip(min=1))"
        return [*lines, f"    weights = {made}", WEIGHTS]

    @staticmethod
    def _counting(target: Target) -> tuple[str, list[str]]:
        """Code for the number of training targets, and lines that count each class among them."""
        if target.task == "multilabel":
            return "len(training)", ["    counts = targets[training].sum(axis=0)"]
        flat = "targets[training].ravel()" if target.shape else "targets[training]"
        return "counts.sum()", [f"    counts = np.bincount({flat}, minlength={target.classes})"]

    def source(self) -> str:
        """The source of the module's class, where it is not one of torch's."""
        return inspect.getsource(self._class()) if self.own_name else ""

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        """Python code of what the module is called with, for outputs of this shape: "output, target"."""
        return f"{output}, {wanted}"


class OfClasses(Loss):
    """Which of several classes, for a sample, at every pixel, or at every place of a text."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "segmentation", "language")
    expects: ClassVar[Expects] = "logits"
    weighs: ClassVar[str] = "weight"

    def build(self, weights: Tensor | None = None, target: Target | None = None) -> Criterion:
        criterion = self.criterion(weights)
        if target is not None and target.task != "language":
            return criterion

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if target.ndim == 2:  # a text: one long row of places, since torch wants classes on axis 1
                output, target = output.flatten(0, 1), target.flatten()
            return criterion(output, target)  # type: ignore[no-any-return]

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        return f"{output}.flatten(0, 1), {wanted}.flatten()" if target.task == "language" else f"{output}, {wanted}"


class OfLabels(Loss):
    """Yes or no: one number for two classes, or one number per class, each for itself against the rest."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "multilabel", "segmentation")

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        each = target.per_class(target.classes) if target.task != "multilabel" else (target.classes,)
        return (target.per_class(1), each) if target.classes == 2 and target.task != "multilabel" else (each,)

    def build(self, weights: Tensor | None = None, target: Target | None = None) -> Criterion:
        import torch

        criterion = self.criterion(weights)
        is_plain = self.expects == "logits"

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if target.is_floating_point():
                wanted = target
            elif output.ndim == 1 or output.shape[1] == 1:
                wanted = target.to(torch.float32).view_as(output)
            else:
                wanted = torch.nn.functional.one_hot(target, output.shape[1]).movedim(-1, 1).to(torch.float32)
            if is_plain:
                return criterion(output, wanted)  # type: ignore[no-any-return]
            # torch refuses half precision here: the logarithm of a rounded probability would be far off
            with torch.autocast(output.device.type, enabled=False):
                return criterion(output.float(), wanted)  # type: ignore[no-any-return]

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        if target.task == "multilabel":
            return f"{output}, {wanted}"
        if not shape or shape[0] == 1:
            return f"{output}, {wanted}.float().view_as({output})"
        places = ".movedim(-1, 1)" if target.task == "segmentation" else ""
        return f"{output}, nn.functional.one_hot({wanted}, {shape[0]}){places}.float()"


class OfNumbers(Loss):
    """How far the numbers are off."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression", "forecasting")
    expects: ClassVar[Expects] = "values"

    def shapes(self, target: Target) -> tuple[Shape, ...]:
        flat = (target.size,)
        return (target.shape,) if target.shape == flat else (target.shape, flat)

    def build(self, weights: Tensor | None = None, target: Target | None = None) -> Criterion:
        criterion = self.criterion()

        def loss(output: Tensor, target: Tensor) -> Tensor:
            if output.shape != target.shape:  # (N,) against (N, 1) would be broadcast to (N, N): wrong and silent
                target = target.view_as(output)
            return criterion(output, target)  # type: ignore[no-any-return]

        return loss

    def arguments(self, target: Target, shape: Shape, output: str = "output", wanted: str = "target") -> str:
        return f"{output}, {wanted}.view_as({output})"
