"""`make lessons`, or `python -m benchmarks.lessons [NAME ...]`: performs the steps of the lessons, and compares what
they claim with what is measured.

Each step that expects something of a training is trained with its seeds, from the template as it is opened; facts of
the network are computed from the document. A row shows the claim, the mean of the seeds, the lowest and the highest,
and whether the claim holds. The exit code is 1 if one does not. `--seeds 0` compares the facts alone, in seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import builder
import trainers
from builder.document import Document
from builder.document.lesson import Claim, Expectation, FactExpectation, Lesson, LessonStep
from builder.edits import apply_all, from_json

LONGEST = 1800.0  # seconds until a training is given up
PROBES = ("activations", "gradients", "weights")
Key = tuple[str, ...]  # (split, metric) or (kind of probe, node, statistic)


@dataclass(frozen=True)
class Training:
    """One training of a step, with one seed."""

    template: str
    step: int
    seed: int


def steps(document: Document) -> tuple[LessonStep, ...]:
    """The steps of a document's lesson."""
    return document.lesson.steps if isinstance(document.lesson, Lesson) else ()


def performed(document: Document, step: LessonStep) -> Document:
    """The document after the edits of a step. EditError: one of them cannot be applied."""
    return apply_all(document, [from_json(edit) for edit in step.edits])


def claims(step: LessonStep) -> tuple[Claim, ...]:
    """What a step claims of its trainings."""
    return tuple(claim for claim in step.expect if isinstance(claim, Claim))


def facts(step: LessonStep) -> tuple[FactExpectation, ...]:
    """What a step claims of the network itself."""
    return tuple(claim for claim in step.expect if isinstance(claim, FactExpectation))


def trainings(names: Sequence[str], most: int = 20) -> Iterator[Training]:
    """Every training that the claims of these templates need, with at most this number of seeds."""
    for name in names:
        for index, step in enumerate(steps(builder.template(name))):
            for seed in range(min(most, max((claim.seeds for claim in claims(step)), default=0))):
                yield Training(name, index, seed)


def measure(training: Training) -> dict[Key, float]:
    """The last value of each metric of each split, and of each statistic that a probe records, after one training.
    Empty: it failed."""
    document = builder.template(training.template)
    step = steps(document)[training.step]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["NETLOOM_HOME"] = home  # its runs are not kept among the user's own
        seed = int(document.training.get("seed", 0)) + training.seed
        job = trainers.Job.from_document(performed(document, step), **{"device": "cpu", **step.job, "seed": seed})
        run = trainers.start(job)
        if run.wait(LONGEST) != "finished":
            print(f"{training}: {run.progress().message}", file=sys.stderr)
            return {}
        last = dict(run.metrics().groupby(["split", "metric"]).value.last())
        for kind in PROBES:
            values = run.probes(kind).groupby(["node", "statistic"]).value.last()
            last |= {(kind, *key): value for key, value in values.items()}
        return {tuple(map(str, key)): float(value) for key, value in last.items()}


def found(claim: Claim, measured: Mapping[Key, float]) -> float | None:
    """What was measured of a claim in one training. None: nothing."""
    if isinstance(claim, Expectation):
        return measured.get((claim.split, claim.metric))
    value = measured.get((claim.probe, claim.node, claim.statistic))
    if claim.relative_to is None or value is None:
        return value
    other = measured.get((claim.probe, claim.relative_to, claim.statistic))
    return value / other if other else None


def computed(claim: FactExpectation, document: Document) -> Any:
    """What a document says of a fact: a number, or a shape as a tuple of numbers. None: it has no such fact or node."""
    table = builder.summary(trainers.bind(document))
    if claim.fact not in table.columns:
        return None
    values = table[claim.fact][table.node == claim.node if claim.node else slice(None)].tolist()
    if claim.node or not values:
        return values[0] if values else None
    return sum(values) if all(isinstance(value, int) for value in values) else None


def holds(claim: Claim, values: Sequence[float]) -> bool:
    """Whether a claim is true of what was measured."""
    if not values:
        return False
    if claim.is_ == "near":
        return abs(sum(values) / len(values) - claim.value) <= claim.margin
    if claim.is_ == "above":
        return min(values) > claim.value - claim.margin
    return max(values) < claim.value + claim.margin


def words(claim: Claim | FactExpectation) -> str:
    """A claim as the table states it."""
    if isinstance(claim, FactExpectation):
        return f"{claim.fact}{f' of {claim.node}' if claim.node else ''} is {claim.value}"
    margin = f" ± {claim.margin:g}" if claim.margin else ""
    if isinstance(claim, Expectation):
        subject = f"{claim.split} {claim.metric}"
    else:
        ratio = f" / {claim.relative_to}" if claim.relative_to else ""
        subject = f"{claim.probe} {claim.statistic} of {claim.node}{ratio}"
    return f"{subject} {claim.is_} {claim.value:g}{margin}"


def row(name: str, index: int, claim: Claim, values: Sequence[float]) -> str:
    """One line of the table."""
    measured = "not measured"
    if values:
        measured = f"{sum(values) / len(values):.4g} ({min(values):.4g} to {max(values):.4g}, {len(values)} seeds)"
    return _line(name, index, words(claim), measured, holds(claim, values))


def _line(name: str, index: int, stated: str, measured: str, true: bool) -> str:
    return f"{name:24} {index + 1:>3}  {stated:44} {measured:44} {'holds' if true else 'DOES NOT HOLD'}"


def report_facts(name: str) -> int:
    """Print the facts that a template's lesson states; returns how many are wrong."""
    wrong = 0
    document = builder.template(name)
    for index, step in enumerate(steps(document)):
        for claim in facts(step):
            value = computed(claim, performed(document, step))
            wrong += value != claim.value
            print(_line(name, index, words(claim), f"{value}, computed", value == claim.value), flush=True)
    return wrong


def report(name: str, measured: Mapping[Training, Mapping[Key, float]], most: int) -> int:
    """Print what a template's lesson claims of its trainings; returns how many claims do not hold."""
    wrong = 0
    for index, step in enumerate(steps(builder.template(name))):
        for claim in claims(step):
            seeds = min(most, claim.seeds)
            of_seeds = [found(claim, measured[Training(name, index, seed)]) for seed in range(seeds)]
            values = [value for value in of_seeds if value is not None]
            wrong += not holds(claim, values) or len(values) < seeds
            print(row(name, index, claim, values), flush=True)
    return wrong


def main(names: Sequence[str], jobs: int, most: int) -> int:
    unknown = sorted(set(names) - set(builder.templates()))
    if unknown:
        print(f"There is no template {unknown[0]!r}; there are {', '.join(builder.templates())}.", file=sys.stderr)
        return 2
    names = names or list(builder.templates())
    todo = list(trainings(names, most))
    measured: dict[Training, dict[Key, float]] = {}
    begun = time.monotonic()
    print(f"{'template':24} step  {'stated':44} {'measured':44}")
    wrong = sum(report_facts(name) for name in names)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for number, (training, values) in enumerate(zip(todo, pool.map(measure, todo), strict=True), start=1):
            measured[training] = values
            left = (time.monotonic() - begun) / number * (len(todo) - number)
            print(f"{number} of {len(todo)} trainings, about {left:.0f} s left", file=sys.stderr, flush=True)
            if number == len(todo) or todo[number].template != training.template:
                wrong += report(training.template, measured, most)
    print(f"{wrong} claims do not hold." if wrong else "Every claim holds.")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description=__doc__)
    parser.add_argument("names", nargs="*", help="templates whose lessons are performed; none: all of them")
    parser.add_argument("--jobs", type=int, default=1, help="how many trainings run at the same time")
    parser.add_argument("--seeds", type=int, default=20, help="at most; 0: facts of the networks alone")
    arguments = parser.parse_args()
    sys.exit(main(arguments.names, arguments.jobs, arguments.seeds))
