"""What the outputs of a network stand for, beside the targets: classes, labels, probabilities or numbers."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.job import Job
    from trainers.objectives.losses import Expects, Loss
    from trainers.tasks.target import Target


@dataclass
class Answers:
    """The outputs of a network for N samples, and the targets; what several metrics need is computed once.

    `outputs` are the network's, or with `decided` what is predicted already, like the targets. `naive` are predictions
    made without a network. `loss`: what turns outputs into values, and gives the loss of each sample.
    """

    outputs: Tensor
    targets: Tensor
    target: Target
    expects: Expects = "values"
    decided: bool = False
    naive: Tensor | None = None
    loss: Loss | None = None

    @functools.cached_property
    def predicted(self) -> Tensor:
        """Classes, 0 or 1 for each label, or numbers, in the shape of the targets."""
        outputs = self.outputs
        if self.decided:
            return outputs if self.target.entry.class_kind == "none" else outputs.long()
        if self.loss is not None and self.expects == "values":
            outputs = self.loss.values(outputs.float())
        return self.target.entry.predicted(outputs, self.expects, self.target)

    @functools.cached_property
    def probabilities(self) -> Tensor | None:
        """The probability of each class; None where there are no classes."""
        return self.target.entry.probabilities(self.outputs, self.expects, self.target)

    @property
    def class_probabilities(self) -> Tensor:
        """The same for tasks that have classes. TypeError: this one has none."""
        if self.probabilities is None:
            raise TypeError(f"The task {self.target.task} has no classes.")
        return self.probabilities

    @functools.cached_property
    def target_probabilities(self) -> Tensor | None:
        """The probability of the true class at each place of the targets; None where there are no classes."""
        return self.target.entry.target_probabilities(self.outputs, self.expects, self.targets, self.target)

    @functools.cached_property
    def losses(self) -> Tensor | None:
        """The loss of each sample (N,); None where the answers have no loss."""
        return None if self.loss is None else self.loss.each(self.outputs, self.targets, self.target)

    @property
    def classes(self) -> int:
        """How many classes there are, two where one number says which of two it is."""
        return max(self.target.classes, 2)

    def class_frequencies(self, classes: int) -> tuple[Tensor, Tensor]:
        """How often each class is predicted, and how often it is the target."""
        both = (self.predicted, self.targets)
        predicted, true = (values.reshape(-1).bincount(minlength=classes).cpu() for values in both)
        return predicted, true


def answers_for(
    job: Job, model: nn.Module, inputs: tuple[Tensor, ...], targets: Tensor, size: int
) -> Iterator[Answers | None]:
    """What a trained network's outputs for some samples stand for, `size` samples at a time. None: they are no
    predictions of targets."""
    import torch

    paradigm, dataset = job.paradigm, job.dataset
    if tuple(paradigm.signals(dataset, paradigm.networks[0])) != tuple(dataset.signals):
        yield None  # its network takes something else than samples, such as noise
        return
    with torch.inference_mode():
        for start in range(0, len(targets), size):
            outputs = model(*(given[start : start + size] for given in inputs))
            is_single = isinstance(outputs, torch.Tensor)  # several Output nodes give a dictionary
            wanted = targets[start : start + size]
            yield paradigm.answers(dataset, outputs.float(), wanted) if is_single else None
