"""Checks of the Input nodes against the samples of the data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.document import Node
from builder.edits import SetParams
from builder.problems import Problem
from builder.shapes import count, show
from builder.spec import Signal
from trainers.checks.base import JobCheck
from trainers.checks.output_fixes import set_params
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from trainers.job import Job

NUMBERS = {"int": "integers", "float": "floats"}


def _described(signal: Signal) -> str:
    return f"{NUMBERS[signal.dtype]} of shape {show(signal.shape)}"


class InputCount(JobCheck):
    """The network has more or fewer Inputs than a sample of the data set has parts.

    Each part of a sample goes into its own Input, in the order of the nodes.

    Example: two Inputs and the data set digits, whose samples are one image.
    Fix: add an Input for each part, remove the others, or choose another data set.
    """

    code = "T122"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for network in job.paradigm.networks:
            yield from self._find_in(job, network)

    def _find_in(self, job: Job, network: str) -> Iterator[Problem]:
        names = [node.name for node in _inputs(job, network)]
        signals = job.paradigm.signals(job.dataset, network)
        wanted = len(signals)
        if not names or len(names) == wanted or None in signals:
            return
        parts = ", ".join(_described(signal) for signal in signals if signal)
        has = f"a sample of {job.dataset.title} has {count(wanted, 'part')}: {parts}"
        if len(names) > wanted:
            yield self.problem(
                names[wanted],
                f"is one of {count(len(names), 'input')} ({', '.join(names)}), but {has}. Remove the others, or choose "
                "another data set.",
            )
        else:
            number = "is the only Input" if len(names) == 1 else f"is one of {count(len(names), 'input')}"
            yield self.problem(names[-1], f"{number}, but {has}. Add an Input for each part, in this order.")


class InputShape(JobCheck):
    """The shape or the data type of an Input differs from that of the data set's samples.

    The layers after it would get tensors of another shape than they were built for.

    Example: an Input of shape 2, as for points, and the data set iris, whose samples have 4 values.
    Fix: set the shape and data type of the Input to those of the samples.
    """

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
                    f"expects {_described(given)}, but a sample of {job.dataset.title} is {_described(wanted)}.",
                    [SetParams(node.name, {**node.params, "shape": list(wanted.shape), "dtype": wanted.dtype})],
                    f"Set shape to {show(wanted.shape)}",
                )


def _inputs(job: Job, network: str) -> list[Node]:
    return [node for node in job.document.nodes if node.role == "input" and node.network == network]


class VocabularySize(JobCheck):
    """An embedding has fewer rows than the data set has tokens.

    Each token is the index of a row. An index after the last row stops the run with an error.

    Example: Embedding with `num_embeddings` 100, and texts with a vocabulary of 500 tokens.
    Fix: set `num_embeddings` to the size of the vocabulary.
    """

    code = "T123"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        counts = _token_counts(job, analysis)
        for step in analysis.plan.steps:
            key = step.spec.vocabulary_parameter
            if key is None or not set(step.inputs) <= counts.keys() or step.name not in analysis.facts:
                continue
            rows, tokens = getattr(step.spec, key), max(counts[name] for name in step.inputs)
            if rows < tokens:
                yield self.problem(
                    step.name,
                    f"has vectors for {plural(rows, 'token', 'tokens')}, but the vocabulary of {job.dataset.title} has "
                    f"{tokens:,}. A token without a vector would stop the run.",
                    [set_params(analysis, step.name, {key: tokens})],
                    f"Set {key} to {tokens}",
                )


def _token_counts(job: Job, analysis: Analysis) -> dict[str, int]:
    """For each node whose output are integers: how many different tokens there are in the Inputs before it."""
    counts: dict[str, int] = {}
    for network in job.paradigm.networks:
        names = [node.name for node in _inputs(job, network)]
        counts |= dict(zip(names, job.paradigm.token_counts(job.dataset), strict=False))
    for step in analysis.plan.steps:
        facts = analysis.facts.get(step.name)
        if facts is None or facts.signal.dtype != "int":
            counts.pop(step.name, None)
        else:
            counts.setdefault(step.name, max((counts.get(name, 0) for name in step.inputs), default=0))
    return counts
