"""What a network said, read as classes, labels, chances or values, whatever the last layer and the loss are."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.objectives.loss import Expects
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Answers:
    """What a network said of N samples, and the truth; what several metrics need is worked out once.

    `outputs` are the network's, or its answers already (`decided`): the number of the class, or the values in their own
    unit, as `targets` then are. `naive` is a forecast made without a network.
    """

    outputs: Tensor
    targets: Tensor
    target: Target
    expects: Expects = "values"
    decided: bool = False
    naive: Tensor | None = None

    @functools.cached_property
    def predicted(self) -> Tensor:
        """Classes, 0 or 1 for every label, or values, in the shape of the targets."""
        if self.target.task in ("regression", "forecasting"):
            return self.outputs.float().reshape(self.targets.shape)
        if self.decided:
            return self.outputs.long()
        return predicted_classes(self.outputs, self.expects, self.target)

    @functools.cached_property
    def chances(self) -> Tensor:
        """The probability of every class."""
        return probabilities(self.outputs, self.expects, self.target)

    @property
    def classes(self) -> int:
        return max(self.target.classes, 2)


def predicted_classes(outputs: Tensor, expects: Expects, target: Target) -> Tensor:
    """The number of the class that each output stands for; one number per sample or pixel is a yes or no."""
    border = 0.0 if expects == "logits" else 0.5
    if target.task == "multilabel":
        return (outputs > border).long()
    axis = target.class_axis
    if outputs.ndim == 1 or outputs.shape[axis] == 1:
        return (outputs.reshape(len(outputs), *target.shape) > border).long()
    return outputs.argmax(dim=axis)


def probabilities(outputs: Tensor, expects: Expects, target: Target) -> Tensor:
    """The probability of every class, in the place of the outputs, also where one number tells two classes apart."""
    import torch

    outputs, axis = outputs.float(), target.class_axis
    if target.task == "multilabel":
        return outputs.sigmoid() if expects == "logits" else outputs
    if outputs.ndim == 1 or outputs.shape[axis] == 1:
        yes = outputs.reshape(len(outputs), *target.shape)
        yes = yes.sigmoid() if expects == "logits" else yes
        return torch.stack([1 - yes, yes], dim=axis)
    if expects == "log_probabilities":
        return outputs.exp()
    return outputs.softmax(dim=axis) if expects == "logits" else outputs
