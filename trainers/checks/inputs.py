"""Does what goes into the network fit the data set's samples?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.document import Node
from builder.edits import SetParams
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck
from trainers.checks.output_fixes import setting
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from trainers.job import Job

NUMBERS = {"int": "whole numbers", "float": "measurements"}


class InputCount(JobCheck):
    """Every part of a sample goes into an Input of its own, in the order of the nodes."""

    code = "T122"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for network in job.paradigm.networks:
            yield from self._network(job, network)

    def _network(self, job: Job, network: str) -> Iterator[Problem]:
        names = [node.name for node in _inputs(job, network)]
        signals = job.paradigm.signals(job.dataset, network)
        wanted = len(signals)
        if not names or len(names) == wanted or None in signals:
            return
        parts = ", ".join(f"{show(signal.shape)} of {NUMBERS[signal.dtype]}" for signal in signals if signal)
        has = f"a sample of {job.dataset.title} has {count(wanted, 'part')}: {parts}"
        if len(names) > wanted:
            yield self.problem(
                names[wanted],
                f"is one of {count(len(names), 'input')} ({', '.join(names)}), but {has}. Remove what is too many, or "
                "choose another data set.",
            )
        else:
            is_one = "is the only way in" if len(names) == 1 else f"is one of {count(len(names), 'input')}"
            yield self.problem(names[-1], f"{is_one}, but {has}. Add an Input for each part, in this order.")


class InputShape(JobCheck):
    """An Input's shape must be that of the data set's samples. Mended by taking the data set's."""

    code = "T121"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        pairs = [
            pair
            for network in job.paradigm.networks
            for pair in zip(_inputs(job, network), job.paradigm.signals(job.dataset, network), strict=False)
        ]
        for node, wanted in pairs:
            if wanted is None:
                continue
            given = analysis.facts[node.name].signal if node.name in analysis.facts else wanted
            if (given.shape, given.dtype) != (wanted.shape, wanted.dtype):
                yield self.problem(
                    node.name,
                    f"takes {NUMBERS[given.dtype]} of shape {show(given.shape)}, but a sample of {job.dataset.title} "
                    f"is {show(wanted.shape)} of {NUMBERS[wanted.dtype]}.",
                    [SetParams(node.name, {**node.params, "shape": list(wanted.shape), "dtype": wanted.dtype})],
                    f"Set shape to {show(wanted.shape)}",
                )


def _inputs(job: Job, network: str) -> list[Node]:
    return [node for node in job.document.nodes if node.role == "input" and node.network == network]


class Vocabulary(JobCheck):
    """A table of vectors for tokens needs one for every token of the data set. Mended by making it large enough."""

    code = "T123"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        tokens = job.paradigm.token_count(job.dataset)
        whole = {name for name, facts in analysis.facts.items() if facts.signal.dtype == "int"}
        for step in analysis.plan.steps if tokens else ():
            key = step.spec.vocabulary_parameter
            if key is None or not set(step.inputs) <= whole or step.name not in analysis.facts:
                continue
            known = getattr(step.spec, key)
            if known < tokens:
                yield self.problem(
                    step.name,
                    f"knows {plural(known, 'token', 'tokens')}, but the vocabulary of {job.dataset.title} has "
                    f"{tokens:,}: a token beyond its end would stop the run.",
                    [setting(analysis, step.name, {key: tokens})],
                    f"Set {key} to {tokens}",
                )
