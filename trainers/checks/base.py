"""The base class of the checks of a job, and functions that several of them use."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import trainers.paradigms
from builder.analysis.infer import Analysis, analyse
from builder.checks.base import Reporter, run
from builder.document import Node
from builder.document.graph import networks
from builder.problems import Problem
from builder.registry import discover
from builder.spec import LayerSpec
from trainers.data.no_data import NO_DATA
from trainers.objectives.registry import suits

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.objectives.losses import Loss


class JobCheck(Reporter):
    """Base of every check of a job: `find` yields its problems.

    The docstring of a check is printed in docs/checks.md: first a line that says what the check finds, then why that
    matters, then "Example:" and "Fix:".
    """

    paradigms: ClassVar[tuple[str, ...]] = ()  # the names of the paradigms that it is for; empty: all

    needs_data: ClassVar[bool] = True  # it looks at the data set, so it is left out where a job has none

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")


@functools.cache
def job_checks() -> tuple[JobCheck, ...]:
    """Every check of this folder and of the paradigms, sorted by number."""
    found = discover(sys.modules[__package__], JobCheck, lambda kind: kind.code)
    found |= discover(trainers.paradigms, JobCheck, lambda kind: kind.code, within_folders="checks")
    return tuple(found[code]() for code in sorted(found))


def problems_of(job: Job, machine: bool = True) -> list[Problem]:
    """The problems of a job whose settings are valid, errors first; `machine`: also what this machine lacks for it."""
    analysis = analyse(job.document)
    checks = [check for check in job_checks() if not check.paradigms or job.paradigm.name in check.paradigms]
    if not machine:
        checks = [check for check in checks if check.category != "machine"]
    if job.dataset is NO_DATA:
        checks = [check for check in checks if check.paradigms or not check.needs_data]
    return errors_first([*run(analysis), *(problem for check in checks for problem in check.find(job, analysis))])


def errors_first(problems: Iterable[Problem]) -> list[Problem]:
    """The errors before the warnings; otherwise in the given order."""
    return sorted(problems, key=lambda problem: problem.severity != "error")


def outputs(analysis: Analysis) -> Iterator[str]:
    """The names of the output nodes whose shape is known."""
    for step in analysis.plan.steps:
        if step.spec.role == "output" and step.name in analysis.facts:
            yield step.name


def before(analysis: Analysis, name: str) -> Iterator[tuple[str, Node, LayerSpec]]:
    """The chain of nodes before a node, from its end backwards, as long as each has one input.

    Yields for each its full name, such as "stage1.0.conv", the node in the document, and its layer.
    """
    step = analysis.steps[name]
    while len(step.inputs) == 1:
        step = analysis.steps[step.inputs[0]]
        yield step.name, step.node, step.spec


def fitting_loss(job: Job) -> Loss | None:
    """The loss of the job. None: it has none, or one that does not suit the task, which other checks report."""
    if not set(job.paradigm.networks) <= set(networks(job.document)):
        return None
    try:
        loss = job.paradigm.loss_for(job.dataset)
    except ValueError:
        return None
    return loss if loss is not None and suits(loss, job.dataset.task) else None


def training_samples(job: Job, limited: bool = True) -> int:
    """About how many samples the training split has; known before the data set is loaded.

    `limited`: no more than `train_samples` of the job.
    """
    samples: Any = job.dataset.samples
    given = job.dataset.given_parts
    official = given.get("test", job.dataset.test_samples)
    rest = samples - official - given.get("validation", 0)
    test = 0 if official else round(rest * job.batching.test)
    free = int(rest - test - (0 if given.get("validation") else round(rest * job.batching.validation)))
    limit = job.batching.train_samples if limited else None
    return free if limit is None else min(free, limit)
