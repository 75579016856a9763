"""`python -m benchmarks.templates [NAME ...]`: trains all templates, or those named, and writes docs/templates.md."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import builder
import trainers
from builder.document import Document

PAGE = Path(__file__).resolve().parent.parent / "docs" / "templates.md"
LONGEST = 900.0  # seconds until a template is given up
PERCENT = frozenset({"accuracy", "iou", "explained_variance"})
HEAD = """# Templates

Each template is one file of `assets/templates`: a network, its data set, its training and a lesson. This table is made
by `make templates-table`, which trains every template once as it is, on two cores of a CPU that does nothing else. All
rows are from one machine: seconds of different machines are not mixed in it, and yours may take two or three times as
long. A result is that of the test split, which training has not seen, with the weights that were best on the validation
split. Lessons state what several seeds reach, so they may differ from this table in the last digit.
`python -m benchmarks.templates NAME ...` trains the named ones alone and keeps the other rows; use it on the machine
that made them.

| template | file | data set | parameters | epochs | seconds | test split |
|---|---|---|---:|---:|---:|---|
"""


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(builder.templates()))
    if unknown:
        print(f"There is no template {unknown[0]!r}; there are {', '.join(builder.templates())}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names or builder.templates():
        row = _row(name, builder.template(name))
        print(row, flush=True)
        failed += "failed" in row
        rows = {**_kept(), name: row}  # read anew: another run of this command may have added rows
        PAGE.write_text(HEAD + "".join(f"{rows[key]}\n" for key in sorted(rows)), encoding="utf-8")
    return 1 if failed else 0


def _kept() -> dict[str, str]:
    """The rows of the page as it is, by the template's name; those of templates that are no more are dropped."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.is_file() else []
    found = {match[1]: line for line in lines if (match := re.match(r"\| [^|]+ \| `(\w+)` \|", line))}
    return {name: line for name, line in found.items() if name in builder.templates()}


def _row(name: str, document: Document) -> str:
    job = trainers.Job.from_document(document, device="cpu")
    parameters = int(builder.summary(job.document).parameters.sum())
    begun = time.perf_counter()
    run = trainers.start(job)
    run.wait(LONGEST)
    seconds = time.perf_counter() - begun
    result = _result(job, run.scores()) if run.state == "finished" else f"failed: {run.progress().message}"
    cells = (
        document.name, f"`{name}`", job.dataset.title, f"{parameters:,}", job.settings.epochs, f"{seconds:.0f}", result,
    )  # fmt: skip
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _result(job: trainers.Job, scores: dict[str, float]) -> str:
    """The score to go by, in words that need no explanation, and the mean absolute error where there is one."""
    reported = [metric for metric in job.paradigm.metrics(job.dataset) if metric.name in scores]
    if not reported:
        return "no score"
    first, *others = reported
    text = f"{100 * scores[first.name]:.1f} %" if first.name in PERCENT else _number(scores[first.name])
    errors = [other for other in others if other.name == "mae"]
    return f"{first.label} {text}" + "".join(f", {error.label} {_number(scores[error.name])}" for error in errors)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.templates", description=__doc__)
    parser.add_argument("names", nargs="*", help="templates to train; none: all of them")
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETLOOM_HOME"] = home  # its runs are not kept among the user's own
        sys.exit(main(parser.parse_args().names))
