"""What a check of a job is, and what several of them ask."""

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

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.objectives.loss import Loss


class JobCheck(Reporter):
    """Base of every check of a job: `find` yields a problem for each thing that does not fit."""

    paradigms: ClassVar[tuple[str, ...]] = ()  # the ways of training it is for, by name; none: for all

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind."""
        raise TypeError(f"{type(self).__name__} must say what it looks for.")


@functools.cache
def job_checks() -> tuple[JobCheck, ...]:
    """Every check of this folder and of the paradigms, by its number."""
    found = discover(sys.modules[__package__], JobCheck, lambda kind: kind.code)
    found |= discover(trainers.paradigms, JobCheck, lambda kind: kind.code, within_folders="checks")
    return tuple(found[code]() for code in sorted(found))


def problems_of(job: Job) -> list[Problem]:
    """The problems of a job that could be read, errors first."""
    analysis = analyse(job.document)
    asked = [check for check in job_checks() if not check.paradigms or job.paradigm.name in check.paradigms]
    return errors_first([*run(analysis), *(problem for check in asked for problem in check.find(job, analysis))])


def errors_first(problems: Iterable[Problem]) -> list[Problem]:
    """The problems with the errors before the warnings, else in their order."""
    return sorted(problems, key=lambda problem: problem.severity != "error")


def outputs(analysis: Analysis) -> Iterator[str]:
    """The names of the output nodes whose shape is known."""
    for step in analysis.plan.steps:
        if step.spec.role == "output" and step.name in analysis.facts:
            yield step.name


def before(analysis: Analysis, name: str) -> Iterator[tuple[str, Node, LayerSpec]]:
    """The chain that leads straight to a node, from its end backwards, as long as each has one input: for each node
    its name with the way to it, the node as it is drawn, and its layer."""
    step = analysis.steps[name]
    while len(step.inputs) == 1:
        step = analysis.steps[step.inputs[0]]
        yield step.name, step.node, step.spec


def fitting_loss(job: Job) -> Loss | None:
    """The loss of the job, if it has one and it suits the task; other checks tell what is wrong where it does not."""
    if not set(job.paradigm.networks) <= set(networks(job.document)):
        return None
    try:
        loss = job.paradigm.loss_for(job.dataset)
    except ValueError:
        return None
    return loss if loss is not None and job.dataset.task in loss.tasks else None


def training_samples(job: Job, limited: bool = True) -> int:
    """About how many samples the training part has; known before the data set is loaded. `limited`: after those that
    the job leaves out."""
    samples: Any = job.dataset.samples
    official = job.dataset.test_samples
    rest = samples - official
    test = 0 if official else round(rest * job.batching.test)
    free = int(rest - test - round(rest * job.batching.validation))
    limit = job.batching.train_samples if limited else None
    return free if limit is None else min(free, limit)
