"""Checks of the paradigm and its loss against the data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis
from builder.analysis.ranges import deciding_node
from builder.edits import Bypass, Edit, SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck, fitting_loss, outputs
from trainers.objectives.losses import Loss
from trainers.objectives.registry import default_loss, losses_for, suits
from trainers.paradigms import PARADIGMS

if TYPE_CHECKING:
    from trainers.job import Job


def with_paradigm(job: Job, **values: Any) -> SetTraining:
    """The edit that sets options of the paradigm; None removes one."""
    training = job.document.training
    given = training.get("paradigm", {})
    options = {**(given if isinstance(given, dict) else {"name": given}), **values}
    return SetTraining({**training, "paradigm": {key: value for key, value in options.items() if value is not None}})


class UnsuitableParadigm(JobCheck):
    """The paradigm cannot learn the task of the data set.

    A task says what is predicted for a sample, such as a class, numbers or a mask. A paradigm learns some of them.

    Example: the paradigm "language" on digits, a data set of images with classes.
    Fix: choose a paradigm that learns the task, such as "supervised".
    """

    code = "T105"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        tasks, task = job.paradigm.learnable_tasks(), job.dataset.task
        if not tasks or task in tasks:
            return
        suitable = [kind for kind in PARADIGMS.values() if task in kind.learnable_tasks()]
        other = max(suitable, key=lambda kind: len(kind.learnable_tasks()), default=None)  # the most general
        yield self.problem(
            None,
            f"The paradigm “{job.paradigm.label}” does not suit {job.dataset.title}, which has "
            f"{job.paradigm.target(job.dataset).describe()}." + (f" Use “{other.label}”." if other else ""),
            [SetTraining({**job.document.training, "paradigm": {"name": other.name}})] if other else None,
            f"Use “{other.label}”" if other else "",
        )


class UnsuitableLoss(JobCheck):
    """The loss does not exist, has a wrong option, or does not suit the task of the data set.

    A loss needs targets of a certain kind: cross-entropy needs classes, mean squared error needs numbers.

    Example: `loss` "mse" on digits, whose targets are classes.
    Fix: use the usual loss of the task: cross-entropy for classes, mean squared error for numbers.
    """

    code = "T110"
    category = "loss"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        try:
            loss = job.paradigm.loss_for(job.dataset)
        except ValueError as error:
            yield self.problem(None, str(error))
            return
        task, tasks = job.dataset.task, job.paradigm.learnable_tasks()
        if loss is None or suits(loss, task) or (tasks and task not in tasks):
            return  # a paradigm that does not learn the task is another problem
        usual = default_loss(task)
        yield self.problem(
            None,
            f"The loss {loss.label} does not suit {job.dataset.title}, which has "
            f"{job.paradigm.target(job.dataset).describe()}.",
            [with_paradigm(job, loss=usual.name)],
            f"Use {usual.label}",
        )


class NoClassWeights(JobCheck):
    """Balanced class weights are set, and the loss has no class weights.

    Class weights multiply the loss of each class, so that rare classes count more. Only some losses have them.

    Example: `class_weights` "balanced" with `loss` "dice".
    Fix: use cross-entropy, or train without class weights.
    """

    code = "T111"
    category = "loss"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        if loss is None or not job.paradigm.balances_classes or loss.weighs:
            return
        usual = default_loss(job.dataset.task)
        if usual.weighs:
            edit, label = with_paradigm(job, loss=usual.name), f"Use {usual.label}"
        else:
            edit, label = with_paradigm(job, class_weights=None), "Train without class weights"
        message = f"Balanced class weights are set, but the loss {loss.label} has no class weights."
        yield self.problem(None, message, [edit], label)


class UnusedSampleWeights(JobCheck):
    """The samples of the data set have weights, and the paradigm does not use them.

    A weight says how much a sample counts in the loss. It multiplies the loss between an output and its target, so a
    paradigm that compares nothing with targets, such as an autoencoder, counts all samples alike.

    Example: the paradigm "autoencoder" on a table that has a column with the role `weight`.
    Fix: choose a paradigm that uses weights, such as "supervised", or give the column of weights the role `ignored`.
    """

    code = "T112"
    category = "paradigm"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if not job.dataset.weighted or job.paradigm.uses_weights:
            return
        yield self.problem(
            None,
            f"{job.dataset.title} has a weight for each sample, and “{job.paradigm.label}” does not use it: all "
            "samples count alike. On the Data page, give its column of weights the role “ignored” if that is meant.",
        )


class OutputActivation(JobCheck):
    """The last activation does not match the loss.

    A loss such as cross-entropy expects logits and applies the softmax or sigmoid itself. Applied twice, gradients
    become small and training is slow (a warning). A loss that expects probabilities or their logarithms raises an error
    or gives wrong values for logits (an error).

    Example: a Softmax before the Output, with `loss` "cross_entropy".
    Fix: remove the activation, or use the loss that expects logits.
    """

    code = "T131"
    category = "loss"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        for output in outputs(analysis) if loss is not None else ():
            step = analysis.steps[deciding_node(analysis, output)]
            if loss is None or step.spec.role != "layer":
                continue
            name, spec = step.name, step.spec
            if loss.expects == "logits" and spec.emits != "values":
                yield self.problem(
                    name,
                    f"is an activation before the loss {loss.label}, which applies softmax or sigmoid itself: applied "
                    "twice, gradients become small and training is slow. The loss expects logits.",
                    [Bypass(name)] if "." not in name else None,
                    f"Remove {name}",
                )
            elif loss.expects == "probabilities" and spec.emits not in ("probabilities", "unit"):
                yield self._logits(job, loss, name, "probabilities")
            elif loss.expects == "log_probabilities" and spec.emits != "log_probabilities":
                yield self._logits(job, loss, name, "logarithms of probabilities")

    def _logits(self, job: Job, loss: Loss, node: str, wanted: str) -> Problem:
        """An error with its own fix: the loss for the same outputs that expects logits."""
        target = job.paradigm.target(job.dataset)
        others = (kind() for kind in losses_for(job.dataset.task).values() if kind.expects == "logits")
        other = next((each for each in others if each.shapes(target)[:1] == loss.shapes(target)[:1]), None)
        edits: tuple[Edit, ...] = (with_paradigm(job, loss=other.name),) if other else ()
        message = f"gives logits, but the loss {loss.label} expects {wanted}. Use a loss that expects logits."
        label = f"Use {other.label}" if other else ""
        return Problem(self.code, "error", node, message, edits or None, label, self.category)
