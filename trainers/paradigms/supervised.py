"""Supervised learning: the network sees inputs with their targets and learns to predict the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.shapes import Shape
from trainers.data.base import Task
from trainers.engine.learner import NetworkLearner
from trainers.entry import choose
from trainers.objectives.losses import LOSSES, Loss, default_loss
from trainers.objectives.naive_forecast import naive_forecast
from trainers.paradigms.base import Paradigm
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

DETAILED = 10**10  # operations of an epoch's forward passes from which on every metric is worth its time
NAMED = 8  # classes whose weights are told one by one


class Supervised(Paradigm):
    """Learns from examples with known answers: classes to name, numbers to predict, pixels to label."""

    name: ClassVar[str] = "supervised"
    label: ClassVar[str] = "Supervised"
    chooses_loss: ClassVar[bool] = True
    panels: ClassVar[tuple[str, ...]] = ("metrics", "samples", "predictions", "attention")
    tasks: ClassVar[frozenset[Task]] = frozenset(
        {"classification", "multilabel", "regression", "forecasting", "segmentation"}
    )

    loss: str | dict[str, Any] | None = Field(
        None, description="What training makes small; empty: cross-entropy for classes, squared error for numbers."
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: mistakes on rare classes count more, so that every class has the same say."
    )

    def loss_for(self, dataset: DataSet) -> Loss:
        return default_loss(dataset.task) if self.loss is None else choose(LOSSES, self.loss, "loss")

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        return SupervisedLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class SupervisedLearner(NetworkLearner):
    """One network whose output is compared with the targets."""

    def __init__(self, paradigm: Supervised, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        super().__init__(job, prepared, device, *steps)
        self.target = Target.of(job.dataset)
        self.objective = paradigm.loss_for(job.dataset)
        weights = None
        if paradigm.class_weights == "balanced" and self.objective.weighs:
            weights = self._balanced(output_shape(job))
        self.criterion = self.objective.build(weights, self.target)
        self.costly = operations(job) * len(prepared.training) >= DETAILED
        self._naive: dict[int, Tensor | None] = {}

    def _balanced(self, shape: Shape) -> Tensor:
        """A weight for each class by its share of the training targets, told in a note."""
        import torch

        counts, total = class_counts(self.prepared.training.targets.numpy(), self.target)
        weights = self.objective.class_weights(counts, total, shape)
        self.notes = (*self.notes, weight_note(self.prepared.classes, weights.ravel()))
        return torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.criterion(outputs, targets)

    def digest(self, outputs: Tensor) -> Tensor:
        """Of masks only the class of each pixel is kept."""
        if self.target.task != "segmentation":
            return outputs
        from trainers.objectives.model_outputs import predicted_classes

        found = predicted_classes(outputs, self.objective.expects, self.target)
        return found.byte() if self.target.classes <= 256 else found

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        from trainers.objectives.metrics import evaluate_metrics
        from trainers.objectives.model_outputs import Answers
        from trainers.verdicts.evaluation import remarks

        outputs, naive = outputs.detach(), None
        if self.objective.expects == "values":
            outputs = self.objective.values(outputs.float()).reshape(targets.shape)
            unit = self.prepared.target_standardisation
            if unit is not None:
                outputs, targets = unit.revert(outputs), unit.revert(targets)
            naive = self._baseline(split) if split is not None else None
        decided = self.target.task == "segmentation"
        answers = Answers(outputs, targets, self.target, self.objective.expects, decided, naive)
        if split is not None:
            self.diagnostics = remarks(answers, self.prepared.classes)
        return evaluate_metrics(answers, costly or self.costly)

    def _baseline(self, split: Split) -> Tensor | None:
        """The naive forecast for a part of the data, made once."""
        if id(split) not in self._naive:
            self._naive = {id(split): naive_forecast(self.job.dataset, self.prepared, split)}
        return self._naive[id(split)]


def output_shape(job: Job) -> Shape:
    """The shape of one sample's output of the job's network; () where it has none or is not known."""
    from builder.analysis.infer import infer

    name = next((node.name for node in job.document.nodes if node.spec.role == "output"), "")
    return infer(job.document).get(name, ())


def operations(job: Job) -> int:
    """Operations of a forward pass with one sample."""
    import builder

    return int(builder.summary(job.document)["flops"].sum())


def class_counts(targets: Any, target: Target) -> tuple[Any, int]:
    """How often each class is a target, and how many targets there are."""
    import numpy as np

    if target.task == "multilabel":
        return targets.sum(axis=0), len(targets)
    return np.bincount(targets.ravel(), minlength=target.classes), targets.size


def weight_note(classes: tuple[str, ...], weights: Any) -> str:
    """The weights of the classes in words."""
    names = classes if len(classes) == len(weights) else classes[-1:]
    told = [(float(weight), name[:20]) for weight, name in zip(weights, names, strict=False)]
    if len(told) <= NAMED:
        return f"Class weights: {', '.join(f'{name} {weight:.2g}' for weight, name in told)}."
    (least, common), (most, rare) = min(told), max(told)
    return f"Class weights: from {least:.2g} for {common} to {most:.2g} for {rare}."
