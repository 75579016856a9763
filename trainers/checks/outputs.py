"""Checks of the Output nodes against the data set and the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.edits import RemoveNodes
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck, fitting_loss, outputs
from trainers.checks.output_fixes import find_fix, width_node
from trainers.tasks import TASKS

if TYPE_CHECKING:
    from trainers.job import Job


class OutputCount(JobCheck):
    """The network has several Outputs, but the loss compares one with the targets.

    The loss would not know which of them is the prediction.

    Example: a classifier with a second Output after a hidden layer.
    Fix: remove the other Outputs, or merge them into one.
    """

    code = "T120"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        names = [step.name for step in analysis.plan.steps if step.spec.role == "output"]
        if loss is None or len(names) < 2:
            return
        wanted = loss.shapes(job.paradigm.target(job.dataset))
        suitable = [name for name in outputs(analysis) if analysis.facts[name].signal.shape in wanted]
        kept = suitable[0] if suitable else names[0]
        others = tuple(name for name in names if name != kept)
        yield self.problem(
            others[0],
            f"is one of {count(len(names), 'output')} ({', '.join(names)}), but the loss needs one. Remove the others, "
            "or merge them.",
            [RemoveNodes(others)],
            f"Keep only {kept}",
        )


class OutputShape(JobCheck):
    """The shape of the output is not the one that the loss needs.

    The loss compares the output with the targets: it needs a value for each class, a mask, or the steps of a forecast.

    Example: a last Linear layer with `out_features` 3, and the data set digits with 10 classes.
    Fix: set the width of the last layer to the number of classes; after a recurrent layer, use its last step only.
    """

    code = "T130"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        if loss is None:
            return
        target = job.paradigm.target(job.dataset)
        wanted = loss.shapes(target)
        for name in outputs(analysis):
            shape = analysis.facts[name].signal.shape
            if shape in wanted or any(0 in size for size in wanted):
                continue
            fix = find_fix(analysis, name, wanted)
            yield self.problem(
                fix.node if fix else width_node(analysis, name),
                f"gives {show(shape)}, but the loss {loss.label} expects {show(wanted[0])} for each sample: "
                f"{job.dataset.title} has {target.describe()}.",
                fix.edits if fix else None,
                fix.label if fix else "",
            )


class TooFewClasses(JobCheck):
    """The data set has only one class, or empty samples.

    With one class every prediction is right, so there is nothing to learn.

    Example: digits with `keep_classes` set to one class.
    Fix: keep at least two classes.
    """

    code = "T132"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        classes = len(job.dataset.classes)
        if classes < TASKS[job.dataset.task].least_classes:
            number = f"{classes} class" if classes else "no classes"
            yield self.problem(None, f"{job.dataset.title} has {number}, so there is nothing to classify.")
        elif math.prod(job.dataset.input_shape) < 1:
            yield self.problem(None, f"The samples of {job.dataset.title} are empty.")
