"""Supervised learning: the network sees inputs with their targets and learns to predict the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from trainers.entry import choose
from trainers.learner import NetworkLearner
from trainers.losses import LOSSES, Loss, default_loss
from trainers.paradigm import Paradigm

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.splits import Prepared
    from trainers.job import Job


class Supervised(Paradigm):
    """Learns from examples with known answers: classes to name or numbers to predict."""

    name: ClassVar[str] = "supervised"
    label: ClassVar[str] = "Supervised"
    panels: ClassVar[tuple[str, ...]] = ("samples", "confusion", "surface")

    loss: str | dict[str, Any] | None = Field(
        None, description="What training makes small; empty: cross-entropy for classes, squared error for numbers."
    )

    def chosen_loss(self, task: Any) -> Loss:
        """The loss entry. OptionError: there is no such loss, or it has a wrong option."""
        return default_loss(task) if self.loss is None else choose(LOSSES, self.loss, "loss")

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        return SupervisedLearner(self.chosen_loss(prepared.task), job, prepared, device, total_steps, steps_per_epoch)


class SupervisedLearner(NetworkLearner):
    """One network whose outputs are compared with the targets."""

    def __init__(self, loss: Loss, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        super().__init__(job, prepared, device, *steps)
        self.entry = loss
        self.criterion = loss.build()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.criterion(outputs, targets)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        from trainers.metrics import evaluate_metrics

        prepared = self.prepared
        classes, figures = len(prepared.classes), prepared.target_standardisation
        return evaluate_metrics(prepared.task, outputs, targets, self.entry.expects, classes, figures)
