"""`make lessons`, or `python -m benchmarks.lessons [NAME ...]`: performs the steps of the lessons, and compares what
they claim with what is measured.

Each step that expects something is trained with its seeds, from the template as it is opened. A row shows the claim,
the mean of the seeds, the lowest and the highest, and whether the claim holds. The exit code is 1 if one does not.
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

import builder
import trainers
from builder.document import Document
from builder.document.lesson import Expectation, Lesson, LessonStep
from builder.edits import apply_all, from_json

LONGEST = 1800.0  # seconds until a training is given up


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


def trainings(names: Sequence[str]) -> Iterator[Training]:
    """Every training that the claims of these templates need."""
    for name in names:
        for index, step in enumerate(steps(builder.template(name))):
            for seed in range(max((claim.seeds for claim in step.expect), default=0)):
                yield Training(name, index, seed)


def measure(training: Training) -> dict[tuple[str, str], float]:
    """The last value of each metric of each split, by (split, metric), after one training. Empty: it failed."""
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
        values = run.metrics()
        last = values.groupby(["split", "metric"]).value.last()
        return {(str(split), str(metric)): float(value) for (split, metric), value in last.items()}


def holds(claim: Expectation, values: Sequence[float]) -> bool:
    """Whether a claim is true of what was measured."""
    if not values:
        return False
    if claim.is_ == "near":
        return abs(sum(values) / len(values) - claim.value) <= claim.margin
    if claim.is_ == "above":
        return min(values) > claim.value - claim.margin
    return max(values) < claim.value + claim.margin


def row(name: str, index: int, claim: Expectation, values: Sequence[float]) -> str:
    """One line of the table."""
    margin = f" ± {claim.margin:g}" if claim.margin else ""
    stated = f"{claim.split} {claim.metric} {claim.is_} {claim.value:g}{margin}"
    measured = "not measured"
    if values:
        measured = f"{sum(values) / len(values):.4g} ({min(values):.4g} to {max(values):.4g}, {len(values)} seeds)"
    verdict = "holds" if holds(claim, values) else "DOES NOT HOLD"
    return f"{name:24} {index + 1:>3}  {stated:44} {measured:44} {verdict}"


def report(name: str, measured: Mapping[Training, Mapping[tuple[str, str], float]]) -> int:
    """Print the rows of a template; returns how many of its claims do not hold."""
    wrong = 0
    for index, step in enumerate(steps(builder.template(name))):
        for claim in step.expect:
            key = (claim.split, claim.metric)
            found = [measured[Training(name, index, seed)] for seed in range(claim.seeds)]
            values = [values[key] for values in found if key in values]
            wrong += not holds(claim, values) or len(values) < claim.seeds
            print(row(name, index, claim, values), flush=True)
    return wrong


def main(names: Sequence[str], jobs: int) -> int:
    unknown = sorted(set(names) - set(builder.templates()))
    if unknown:
        print(f"There is no template {unknown[0]!r}; there are {', '.join(builder.templates())}.", file=sys.stderr)
        return 2
    names = names or list(builder.templates())
    todo = list(trainings(names))
    measured: dict[Training, dict[tuple[str, str], float]] = {}
    begun, wrong = time.monotonic(), 0
    print(f"{'template':24} step  {'stated':44} {'measured':44}")
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for number, (training, found) in enumerate(zip(todo, pool.map(measure, todo), strict=True), start=1):
            measured[training] = found
            left = (time.monotonic() - begun) / number * (len(todo) - number)
            print(f"{number} of {len(todo)} trainings, about {left:.0f} s left", file=sys.stderr, flush=True)
            if number == len(todo) or todo[number].template != training.template:
                wrong += report(training.template, measured)
    print(f"{wrong} claims do not hold." if wrong else "Every claim holds.")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description=__doc__)
    parser.add_argument("names", nargs="*", help="templates whose lessons are performed; none: all of them")
    parser.add_argument("--jobs", type=int, default=1, help="how many trainings run at the same time")
    arguments = parser.parse_args()
    sys.exit(main(arguments.names, arguments.jobs))
