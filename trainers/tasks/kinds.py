"""What tasks of one kind have in common: one of several classes at each place of a target, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trainers.script.sources import axes
from trainers.tasks.base import Names, Task

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.objectives.losses import Expects
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target


def threshold(expects: Expects) -> float:
    """The output above which a yes is predicted: a probability of one half."""
    return 0.0 if expects == "logits" else 0.5


class _ClassTask(Task):
    """One of several classes at each place of a target: for a sample, for each pixel, for each token.

    Targets are whole numbers of any shape; negative ones are ignored. An output has a number for each class on
    `class_axis`, or a single number that says which of two classes it is.
    """

    expects: ClassVar[Expects] = "logits"
    dtype: ClassVar[Literal["int64", "float32"]] = "int64"
    class_kind: ClassVar[Literal["none", "exclusive", "independent"]] = "exclusive"
    least_classes: ClassVar[int] = 2

    def predicted(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor:
        if _is_single(outputs, self.class_axis):
            return (outputs.reshape(len(outputs), *target.shape) > threshold(expects)).long()
        return outputs.argmax(dim=self.class_axis)

    def probabilities(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor | None:
        """Two of them, too, where a single number says which of two classes it is."""
        import torch

        outputs, axis = outputs.float(), self.class_axis
        if _is_single(outputs, axis):
            yes = outputs.reshape(len(outputs), *target.shape)
            yes = yes.sigmoid() if expects == "logits" else yes
            return torch.stack([1 - yes, yes], dim=axis)
        if expects == "log_probabilities":
            return outputs.exp()
        return outputs.softmax(dim=axis) if expects == "logits" else outputs

    def target_probabilities(self, outputs: Tensor, expects: Expects, targets: Tensor, target: Target) -> Tensor | None:
        every, axis = self.probabilities(outputs, expects, target), self.class_axis
        assert every is not None
        found = every.gather(axis, targets.clamp(min=0).unsqueeze(axis)).squeeze(axis)
        return found.masked_fill(targets < 0, float("nan"))

    def class_counts(self, targets: NDArray[Any], target: Target) -> tuple[NDArray[Any], int]:
        return np.bincount(targets.ravel(), minlength=target.classes), int(targets.size)

    def words(self, value: NDArray[Any], names: Names) -> str:
        return names.class_name(int(value)) if np.ndim(value) == 0 else ""

    def script_counts(self, target: Target) -> tuple[str, list[str]]:
        flat = "targets[training].ravel()" if target.shape else "targets[training]"
        return "counts.sum()", [f"    counts = np.bincount({flat}, minlength={target.classes})"]


def _is_single(outputs: Tensor, axis: int) -> bool:
    """Whether an output is one number at each place, which says which of two classes it is."""
    return outputs.ndim == 1 or outputs.shape[axis] == 1


class _NumberTask(Task):
    """Numbers to predict: targets are float32 of any shape, standardised in training."""

    expects: ClassVar[Expects] = "values"
    standardised: ClassVar[bool] = True

    def class_count(self, dataset: DataSet) -> int:
        return 0

    def predicted(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor:
        return outputs.float().reshape(len(outputs), *target.shape)

    def errors(self, found: Predictions) -> NDArray[Any]:
        """The absolute error of each number, in standard deviations of its column in the targets."""
        columns = tuple(range(found.targets.ndim - 1))
        off = np.abs(found.predicted - found.targets)
        return np.asarray(off / np.maximum(found.targets.std(axis=columns), 1e-12))

    def error(self, found: Predictions) -> NDArray[Any]:
        off = self.errors(found)
        return np.asarray(off.mean(axis=tuple(range(1, off.ndim))))

    def script_targets(self, plan: Plan) -> list[str]:
        if plan.loss.raw_targets:
            made = 'targets.astype("float32")'
        else:
            made = f"standardised(targets, training, {axes(-1, len(plan.target.shape))})"
        return [f"    targets = torch.from_numpy({made}).to(device)"]

    def script_values(self, plan: Plan) -> str:
        """Code for the predicted numbers, in the shape of `targets`."""
        return f"{plan.loss.script_values('output')}.view_as(targets)"


ClassTask = _ClassTask  # the underscores keep them out of the tasks that are found
NumberTask = _NumberTask
