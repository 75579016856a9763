"""Does what the network gives fit the data set and the loss?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.edits import Bypass, SetParams, SetTraining
from builder.infer import Analysis
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck, before, outputs
from trainers.losses import Loss
from trainers.paradigms.supervised import Supervised

if TYPE_CHECKING:
    from trainers.job import Job


def _loss(job: Job) -> Loss | None:
    paradigm = job.paradigm
    if not isinstance(paradigm, Supervised):
        return None
    try:
        return paradigm.chosen_loss(job.dataset.task)
    except ValueError:
        return None


class LossExists(JobCheck):
    """The loss must exist, with options that it has, and suit the task: classes or numbers."""

    code = "T110"
    category = "loss"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if not isinstance(job.paradigm, Supervised):
            return
        try:
            loss = job.paradigm.chosen_loss(job.dataset.task)
        except ValueError as error:
            yield self.problem(None, str(error))
            return
        if job.dataset.task not in loss.tasks:
            training = job.document.training
            paradigm = {key: value for key, value in dict(training.get("paradigm", {})).items() if key != "loss"}
            words = {"classification": "classes to tell apart", "regression": "numbers to predict"}
            wanted = job.paradigm.model_copy(update={"loss": None}).chosen_loss(job.dataset.task)
            yield self.problem(
                None,
                f"{loss.label.capitalize()} does not suit {job.dataset.title}, which has {words[job.dataset.task]}.",
                [SetTraining({**training, "paradigm": {**paradigm, "loss": wanted.name}})],
                f"Use {wanted.label}",
            )


class OutputCount(JobCheck):
    """Supervised training compares one output with the targets, and feeds one input."""

    code = "T120"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        names = [step.name for step in analysis.plan.steps if step.spec.role == "output"]
        if len(names) > 1:
            yield self.problem(
                names[1],
                f"is one of {count(len(names), 'output')} ({', '.join(names)}); the loss takes one. Remove the others, "
                f"or merge them.",
            )
        names = [step.name for step in analysis.plan.steps if step.spec.role == "input"]
        wanted = len(job.dataset.signals)
        if names and len(names) != wanted:
            yield self.problem(
                names[min(wanted, len(names) - 1)],
                f"is one of {count(len(names), 'input')} ({', '.join(names)}), but a sample of {job.dataset.title} has "
                f"{count(wanted, 'part')}: an Input for each. Remove the others, or choose another data set."
                if len(names) > wanted
                else f"is the only way in, but a sample of {job.dataset.title} has {count(wanted, 'part')}: add an "
                "Input for each."
                if len(names) == 1
                else f"is one of {count(len(names), 'input')}, but a sample of {job.dataset.title} has "
                f"{count(wanted, 'part')}: add an Input for each.",
            )


class InputShape(JobCheck):
    """An Input's shape must be that of the data set's samples. Mended by taking the data set's."""

    code = "T121"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        inputs = [node for node in job.document.nodes if node.name in analysis.steps and node.spec.role == "input"]
        for node, wanted in zip(inputs, job.dataset.signals, strict=False):
            given = analysis.facts[node.name].signal if node.name in analysis.facts else wanted
            if given != wanted:
                params = {**node.params, "shape": list(wanted.shape), "dtype": wanted.dtype}
                words = {"int": "whole numbers", "float": "measurements"}
                yield self.problem(
                    node.name,
                    f"takes {words[given.dtype]} of shape {show(given.shape)}, but a sample of {job.dataset.title} is "
                    f"{show(wanted.shape)} of {words[wanted.dtype]}.",
                    [SetParams(node.name, params)],
                    f"Set shape to {show(wanted.shape)}",
                )


class OutputWidth(JobCheck):
    """The last layer must give one number per class, or per number to predict. Mended by setting its width."""

    code = "T130"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = _loss(job)
        if loss is None or job.dataset.task not in loss.tasks:
            return
        classes, target_size = len(job.dataset.classes), job.dataset.target_size
        width = loss.width(classes, target_size)
        for node in outputs(analysis):
            shape = analysis.facts[node.name].signal.shape
            size = shape[0] if len(shape) == 1 else None
            if width is None or (size is not None and loss.accepts(size, classes, target_size)):
                continue
            thing = count(classes, "class").replace("classs", "classes") if classes else count(target_size, "number")
            fix, label, place = self._fix(analysis, node.name, width, shape)
            yield self.problem(
                place,
                f"gives {show(shape)}, but {job.dataset.title} has {thing}: {loss.label} wants {show((width,))} "
                f"for each sample.",
                fix,
                label,
            )

    @staticmethod
    def _fix(
        analysis: Analysis, output: str, width: int, shape: tuple[int, ...]
    ) -> tuple[list[SetParams] | None, str, str]:
        """Set the width of the last layer that has one, if only layers that keep the shape come after it."""
        for node, spec in before(analysis, output):
            if spec.width_parameter is not None:
                if len(shape) != 1:
                    return None, "", node.name
                edit = SetParams(node.name, {**node.params, spec.width_parameter: width})
                return [edit], f"Set {spec.width_parameter} to {width}", node.name
            if not spec.keeps_shape:
                break
        return None, "", output


class OutputActivation(JobCheck):
    """A loss with the softmax or sigmoid inside wants plain scores; one on probabilities wants them squashed."""

    code = "T131"
    category = "loss"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = _loss(job)
        if loss is None:
            return
        for output in outputs(analysis):
            last = next(((n, s) for n, s in before(analysis, output.name) if s.family != "regularisation"), None)
            if last is None:
                continue
            node, spec = last
            if loss.expects == "logits" and spec.emits != "values":
                yield self.problem(
                    node.name,
                    f"squashes the scores before {loss.label}, which does so itself: squashed twice, gradients become "
                    "small and training slow. The loss wants plain scores.",
                    [Bypass(node.name)],
                    f"Remove {node.name}",
                )
            elif loss.expects == "probabilities" and spec.emits not in ("probabilities", "unit"):
                training = job.document.training
                paradigm = {**dict(training.get("paradigm", {})), "loss": "binary_cross_entropy_with_logits"}
                yield self._unsquashed(loss, node.name, [SetTraining({**training, "paradigm": paradigm})])

    def _unsquashed(self, loss: Loss, node: str, fix: list[SetTraining]) -> Problem:
        message = f"gives plain scores, but {loss.label} wants probabilities. Use the loss with the sigmoid inside."
        return Problem(self.code, "error", node, message, tuple(fix), "Use the loss with logits", self.category)


class NoUnits(JobCheck):
    """A loss of a classifier over one class, or a data set without samples, has nothing to learn."""

    code = "T132"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if job.dataset.task == "classification" and len(job.dataset.classes) < 2:
            yield self.problem(None, f"{job.dataset.title} has one class only: there is nothing to tell apart.")
        elif math.prod(job.dataset.input_shape) < 1:
            yield self.problem(None, f"The samples of {job.dataset.title} are empty.")
