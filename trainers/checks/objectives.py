"""Do the way of training and its loss suit the data set?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis
from builder.edits import Bypass, Edit, SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck, before, fitting_loss, outputs
from trainers.objectives.losses import LOSSES, Loss, default_loss
from trainers.paradigms import PARADIGMS

if TYPE_CHECKING:
    from trainers.job import Job


def with_paradigm(job: Job, **values: Any) -> SetTraining:
    """The edit that gives the way of training these options; None takes one out."""
    training = job.document.training
    given = training.get("paradigm", {})
    options = {**(given if isinstance(given, dict) else {"name": given}), **values}
    return SetTraining({**training, "paradigm": {key: value for key, value in options.items() if value is not None}})


class ParadigmSuits(JobCheck):
    """A way of training learns certain tasks. Mended by taking one that learns what the data set asks for."""

    code = "T105"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        tasks, task = job.paradigm.tasks, job.dataset.task
        if not tasks or task in tasks:
            return
        fitting = [kind for kind in PARADIGMS.values() if task in kind.tasks]
        other = max(fitting, key=lambda kind: len(kind.tasks), default=None)  # the most general
        wanted = job.paradigm.target(job.dataset).describe()
        yield self.problem(
            None,
            f"The way of training “{job.paradigm.label}” does not suit {job.dataset.title}, which has {wanted}."
            + (f" “{other.label}” does." if other else ""),
            [SetTraining({**job.document.training, "paradigm": {"name": other.name}})] if other else None,
            f"Train by {other.label.lower()}" if other else "",
        )


class LossExists(JobCheck):
    """The loss must exist, with options that it has, and suit the task: classes, labels, numbers or masks."""

    code = "T110"
    category = "loss"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        try:
            loss = job.paradigm.loss_for(job.dataset)
        except ValueError as error:
            yield self.problem(None, str(error))
            return
        task = job.dataset.task
        if loss is None or task in loss.tasks or (job.paradigm.tasks and task not in job.paradigm.tasks):
            return
        usual = default_loss(task)
        yield self.problem(
            None,
            f"{loss.label[:1].upper()}{loss.label[1:]} does not suit {job.dataset.title}, which has "
            f"{job.paradigm.target(job.dataset).describe()}.",
            [with_paradigm(job, loss=usual.name)],
            f"Use {usual.label}",
        )


class ClassWeights(JobCheck):
    """Not every loss can weigh classes. Mended by the usual loss of the task where that can, else by no weights."""

    code = "T111"
    category = "loss"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        if loss is None or getattr(job.paradigm, "class_weights", "none") == "none" or loss.weighs:
            return
        usual = default_loss(job.dataset.task)
        if usual.weighs:
            edit, label = with_paradigm(job, loss=usual.name), f"Use {usual.label}"
        else:
            edit, label = with_paradigm(job, class_weights=None), "Train without class weights"
        yield self.problem(
            None, f"Balanced class weights are asked for, but {loss.label} cannot weigh classes.", [edit], label
        )


class OutputActivation(JobCheck):
    """A loss with the softmax or sigmoid inside wants plain scores; one on probabilities wants them squashed."""

    code = "T131"
    category = "loss"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        for output in outputs(analysis) if loss is not None else ():
            last = next((found for found in before(analysis, output) if found[2].family != "regularisation"), None)
            if loss is None or last is None:
                continue
            name, _, spec = last
            if loss.expects == "logits" and spec.emits != "values":
                yield self.problem(
                    name,
                    f"squashes the scores before {loss.label}, which does so itself: squashed twice, gradients become "
                    "small and training slow. The loss wants plain scores.",
                    [Bypass(name)] if "." not in name else None,
                    f"Remove {name}",
                )
            elif loss.expects == "probabilities" and spec.emits not in ("probabilities", "unit"):
                yield self._unsquashed(job, loss, name, "probabilities")
            elif loss.expects == "log_probabilities" and spec.emits != "log_probabilities":
                yield self._unsquashed(job, loss, name, "logarithms of probabilities")

    def _unsquashed(self, job: Job, loss: Loss, node: str, wanted: str) -> Problem:
        """An error with its own fix: the loss that takes what the network gives now."""
        logits = (kind for kind in LOSSES.values() if kind.expects == "logits" and set(loss.tasks) <= set(kind.tasks))
        other = next(logits, None)
        edits: tuple[Edit, ...] = (with_paradigm(job, loss=other.name),) if other else ()
        message = f"gives plain scores, but {loss.label} wants {wanted}. Use the loss that squashes them itself."
        label = f"Use {other.label}" if other else ""
        return Problem(self.code, "error", node, message, edits or None, label, self.category)
