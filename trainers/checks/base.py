"""What a check of a job is, and what several of them ask."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.checks.base import Reporter
from builder.document import Node
from builder.infer import Analysis
from builder.problems import Problem
from builder.registry import discover
from builder.spec import LayerSpec

if TYPE_CHECKING:
    from trainers.job import Job


class JobCheck(Reporter):
    """Base of every check of a job: `find` yields a problem for each thing that does not fit."""

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind."""
        raise TypeError(f"{type(self).__name__} must say what it looks for.")


@functools.cache
def job_checks() -> tuple[JobCheck, ...]:
    """Every check in this folder, by its number."""
    import trainers.checks as package

    found = discover(package, JobCheck, lambda kind: kind.code)
    return tuple(found[code]() for code in sorted(found))


def outputs(analysis: Analysis) -> Iterator[Node]:
    """The output nodes whose shape is known."""
    for name in analysis.facts:
        step = analysis.steps.get(name)  # the facts of a block and of its ports have no step
        if step is not None and step.spec.role == "output":
            yield step.node


def before(analysis: Analysis, name: str) -> Iterator[tuple[Node, LayerSpec]]:
    """The chain of nodes that leads straight to a node, from its end backwards, as long as each has one input."""
    step = analysis.steps[name]
    while len(step.inputs) == 1:
        step = analysis.steps[step.inputs[0]]
        yield step.node, step.spec


def training_samples(job: Job) -> int:
    """About how many samples the training part has; known before the data set is loaded."""
    samples: Any = job.dataset.samples
    official = job.dataset.official_test
    rest = samples - official
    test = 0 if official else round(rest * job.batching.test)
    return int(rest - test - round(rest * job.batching.validation))
