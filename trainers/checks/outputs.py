"""Does what the network gives fit the data set and the loss?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.edits import RemoveNodes
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck, fitting_loss, outputs
from trainers.checks.output_fixes import mend, place

if TYPE_CHECKING:
    from trainers.job import Job


class OutputCount(JobCheck):
    """A loss compares one output with the targets. Mended by removing those that do not fit it."""

    code = "T120"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        names = [step.name for step in analysis.plan.steps if step.spec.role == "output"]
        if loss is None or len(names) < 2:
            return
        wanted = loss.shapes(job.paradigm.target(job.dataset))
        known = [name for name in outputs(analysis) if analysis.facts[name].signal.shape in wanted]
        kept = known[0] if known else names[0]
        others = tuple(name for name in names if name != kept)
        yield self.problem(
            others[0],
            f"is one of {count(len(names), 'output')} ({', '.join(names)}); the loss takes one. Remove the others, "
            f"or merge them.",
            [RemoveNodes(others)],
            f"Keep {kept} alone",
        )


class OutputShape(JobCheck):
    """The last layer must give what the loss compares with the targets: a number for each class, a mask, a forecast.
    Mended by the width of the last layer, or by taking the last step of a sequence."""

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
            mending = mend(analysis, name, wanted)
            yield self.problem(
                mending.node if mending else place(analysis, name),
                f"gives {show(shape)}, but {job.dataset.title} has {target.describe()}: {loss.label} wants "
                f"{show(wanted[0])} for each sample.",
                mending.edits if mending else None,
                mending.label if mending else "",
            )


class NoUnits(JobCheck):
    """A loss of a classifier over one class, or a data set without samples, has nothing to learn."""

    code = "T132"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        few = {"classification": 2, "segmentation": 2, "multilabel": 1}.get(job.dataset.task, 0)
        if len(job.dataset.classes) < few:
            yield self.problem(
                None,
                f"{job.dataset.title} has {len(job.dataset.classes) or 'no'} class: there is nothing to tell apart.",
            )
        elif math.prod(job.dataset.input_shape) < 1:
            yield self.problem(None, f"The samples of {job.dataset.title} are empty.")
