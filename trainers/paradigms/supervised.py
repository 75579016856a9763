"""Supervised learning: the network learns to predict the targets of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

import builder
from builder.analysis.infer import infer
from builder.shapes import Shape
from trainers.engine.learner import NetworkLearner
from trainers.entry import OptionError, choose
from trainers.objectives.guess import Guess
from trainers.objectives.losses import Criterion, Loss
from trainers.objectives.model_outputs import Answers
from trainers.objectives.registry import all_losses, default_loss, evaluate_metrics
from trainers.paradigms.base import Paradigm
from trainers.tasks import TASKS
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

DETAILED = 10**10  # operations of an epoch's forward passes; from there on costly metrics take little of the time
WEIGHTED = (
    "A column says how much each sample counts in the loss, also in that of the validation part; it is divided by its "
    "mean over the training part. Metrics count all samples alike."
)
NAMED = 8  # classes whose weights a note lists one by one


class Supervised(Paradigm):
    """Learns from samples with known targets: classes, numbers to predict, masks."""

    name: ClassVar[str] = "supervised"
    label: ClassVar[str] = "Supervised"
    synonyms: ClassVar[tuple[str, ...]] = (
        "supervised_learning",
        "classification",
        "regression",
        "classifier",
        "regressor",
    )
    chooses_loss: ClassVar[bool] = True
    attributes: ClassVar[tuple[str, ...]] = ("weight",)
    panels: ClassVar[tuple[str, ...]] = ("metrics", "samples", "predictions", "attention")

    loss: str | dict[str, Any] | None = Field(
        None, description="The loss that is minimised; empty: cross-entropy for classes, squared error for numbers."
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: errors on rare classes count more, so that each class has the same weight."
    )

    @classmethod
    def learnable_tasks(cls) -> frozenset[str]:
        """Those that a subclass lists, or every task whose targets are compared with the output for a sample."""
        return cls.tasks or frozenset(name for name, task in TASKS.items() if task.supervised)

    @property
    def balances_classes(self) -> bool:
        return self.class_weights == "balanced"

    def loss_for(self, dataset: DataSet) -> Loss:
        found: Loss = default_loss(dataset.task) if self.loss is None else choose(all_losses(), self.loss, "loss")
        if dataset.weighted and not found.torch_name:
            raise OptionError(
                f"The {found.label} loss cannot weigh samples, and a column of the data says how much each of them "
                "counts. Choose another loss, or ignore that column."
            )
        return found

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
        if paradigm.balances_classes and self.objective.weighs:
            weights = self._balanced(output_shape(job))
        self.criterion = self.objective.build(weights, self.target)
        self.of_each: Criterion | None = None
        if job.dataset.weighted:
            self.of_each = self.objective.build(weights, self.target, "none")
            self.notes = (*self.notes, WEIGHTED)
        self.costly = operations(job) * len(prepared.training) >= DETAILED
        self._naive: dict[int, Tensor | None] = {}
        self._guesses: dict[int, tuple[Guess, ...]] = {}

    def _balanced(self, shape: Shape) -> Tensor:
        """A weight for each class by its share of the training targets; a note lists them."""
        import torch

        counts, total = self.target.entry.class_counts(self.prepared.training.targets.numpy(), self.target)
        weights = self.objective.class_weights(counts, total, shape)
        self.notes = (*self.notes, weight_note(self.prepared.classes, weights.ravel()))
        return torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        if weights is None or self.of_each is None:
            return self.criterion(outputs, targets)
        each = self.of_each(outputs, targets).reshape(len(weights), -1).mean(dim=1)
        return (each * weights).mean()

    def reduce_outputs(self, outputs: Tensor) -> Tensor:
        """What is predicted, where the outputs of a whole split would be too large to keep."""
        task = self.target.entry
        if not task.compact:
            return outputs
        predicted = task.predicted(outputs, self.objective.expects, self.target)
        return predicted.byte() if 0 < self.target.classes <= 256 else predicted

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        outputs, naive = outputs.detach(), None
        if self.objective.expects == "values":
            outputs = self.objective.values(outputs.float()).reshape(targets.shape)
            unit = self.prepared.target_standardisation
            if unit is not None:
                outputs, targets = unit.revert(outputs), unit.revert(targets)
            naive = self._baseline(split) if split is not None else None
        task = self.target.entry
        answers = Answers(outputs, targets, self.target, self.objective.expects, task.compact, naive)
        if split is not None:
            self.diagnostics = task.diagnostics(answers, self.prepared.classes, self.circumstances)
            self.guesses = self._guesses_for(split)
        return evaluate_metrics(answers, costly or self.costly)

    def _guesses_for(self, split: Split) -> tuple[Guess, ...]:
        """What predictions that ignore the inputs would reach on a split, computed once."""
        if id(split) not in self._guesses:
            found = self.target.entry.guesses(self.prepared.training.targets, split.targets, self.target)
            self._guesses = {id(split): found}
        return self._guesses[id(split)]

    def _baseline(self, split: Split) -> Tensor | None:
        """The task's predictions without a network for a split, computed once."""
        if id(split) not in self._naive:
            self._naive = {id(split): self.target.entry.naive(self.job.dataset, self.prepared, split)}
        return self._naive[id(split)]


def output_shape(job: Job) -> Shape:
    """The shape of one sample's output of the job's network; () where it has none or is not known."""
    name = next((node.name for node in job.document.nodes if node.spec.role == "output"), "")
    return infer(job.document).get(name, ())


def operations(job: Job) -> int:
    """Operations of a forward pass with one sample."""
    return int(builder.summary(job.document)["flops"].sum())


def weight_note(classes: tuple[str, ...], weights: Any) -> str:
    """The weights of the classes in words."""
    names = classes if len(classes) == len(weights) else classes[-1:]
    named = [(float(weight), name[:20]) for weight, name in zip(weights, names, strict=False)]
    if len(named) <= NAMED:
        return f"Class weights: {', '.join(f'{name} {weight:.2g}' for weight, name in named)}."
    (least, common), (most, rare) = min(named), max(named)
    return f"Class weights: from {least:.2g} for {common} to {most:.2g} for {rare}."
