"""`python -m tests.verdicts.table`: every row of the table of verdicts with three seeds; `make verdicts` runs it.

Names of rows, or parts of them, may follow: then only these are run. `--quick` runs the part of `make test`, `--long`
the rest, `--seeds 0,1` the seeds named. With `--results FILE` each run adds a line of JSON to that file, and a run that
has a line there is not repeated: so a table that was interrupted goes on, and `--report` prints what the file has.
Exits with 1 if a run says something else than it must.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trainers
from tests.verdicts.row import Row
from tests.verdicts.rows import rows
from trainers.data import DATASETS, DataSet
from trainers.events import Verdict
from trainers.job import Job
from trainers.runs.run import Run

SEEDS = (0, 1, 2)
MOST_PERCENT = 1000


def run(row: Row, seed: int) -> Run:
    """Train the network of a row to its end."""
    with known(row.data):
        started = trainers.start(Job.from_document(row.make(), seed=seed))
        started.wait()
    return started


@contextmanager
def known(dataset: type[DataSet] | None) -> Iterator[None]:
    """While a row trains, its own data set is one of the data sets."""
    if dataset is None:
        yield
        return
    DATASETS[dataset.name] = dataset
    try:
        yield
    finally:
        del DATASETS[dataset.name]


def mistakes(row: Row, found: list[Verdict], document_nodes: set[str]) -> list[str]:
    """What the verdicts on a run say that they must not, and what they do not say."""
    said = [verdict for verdict in found if verdict.severity != "info"]
    kinds = [verdict.kind for verdict in said]
    text = " ".join(f"{verdict.message} {verdict.advice}" for verdict in found)
    wrong = []
    first = kinds[0] if kinds else ""
    if (
        row.expected
        and first not in (row.expected, row.instead or row.expected)
        and not (row.notes and row.expected in {v.kind for v in found})
    ):
        wrong.append(f"{row.expected} must come first, not {first or 'nothing'}")
    allowed = {row.expected, row.instead or row.expected, *row.also} if row.expected else set(row.also)
    wrong += [
        f"{kind} is forbidden" for kind in kinds if kind not in allowed and (row.expected or kind not in row.also)
    ]
    wrong += [f"“{word}” is not said" for word in row.words if word not in text]
    wrong += [f"“{word}” is said" for word in row.never if word in text]
    if row.node is not None and said and said[0].node != row.node:
        wrong.append(f"it names {said[0].node}, not {row.node}")
    wrong += [f"{v.node} is not on the canvas" for v in found if v.node and v.node not in document_nodes]
    return wrong


def judged(row: Row, seed: int) -> tuple[list[str], list[Verdict]]:
    """The mistakes of one run, and its verdicts."""
    made = run(row, seed)
    if made.state == "failed" and "NaN or infinite" not in made.progress().message:
        return [f"the run failed: {made.progress().message}"], []
    found = made.verdicts()
    return mistakes(row, found, set(made.document.by_name)), found


def result(row: Row, seed: int) -> dict[str, Any]:
    """Train one row with one seed: what it says, and what is wrong with that, as plain values."""
    begun = time.perf_counter()
    wrong, found = judged(row, seed)
    said = [{"kind": v.kind, "severity": v.severity, "node": v.node, "message": v.message} for v in found]
    return {"row": row.name, "seed": seed, "seconds": time.perf_counter() - begun, "wrong": wrong, "said": said}


def printed(found: dict[str, Any]) -> Iterator[str]:
    """The lines that report one run."""
    said = dict.fromkeys(v["kind"] or "note" for v in found["said"] if v["severity"] != "info")
    verdict = "WRONG" if found["wrong"] else "ok   "
    yield f"{verdict} {found['seconds']:6.1f} s  seed {found['seed']}  {found['row']:38} {', '.join(said) or '–'}"
    yield from (f"         {text}" for text in found["wrong"])
    yield from (f"         said: {v['message']}" for v in found["said"] if found["wrong"])


def earlier(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    """The runs that a file of results has, the last one of each row and seed."""
    lines = path.read_text().splitlines() if path is not None and path.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(each["row"], each["seed"]): each for each in found}


def results(chosen: Iterable[tuple[Row, int]], path: Path | None) -> Iterator[dict[str, Any]]:
    """Train what the file has not yet, one after the other, and add it to the file."""
    for row, seed in chosen:
        found = result(row, seed)
        if path is not None:
            with path.open("a") as file:
                file.write(json.dumps(found) + "\n")
        yield found


def main(arguments: list[str]) -> int:
    """Run the chosen rows, print a line for each run, and return 1 if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.verdicts.table", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the names of rows; by default all rows")
    parser.add_argument("--quick", action="store_true", help="the rows of make test, with one seed")
    parser.add_argument("--long", action="store_true", help="the rows that are not part of make test")
    parser.add_argument("--seeds", help="0,1 for example; by default 0,1,2")
    parser.add_argument("--results", type=Path, help="a file to which results are added, and that is not repeated")
    parser.add_argument("--report", action="store_true", help="print what the file of results has, and train nothing")
    given = parser.parse_args(arguments)
    usual = SEEDS[:1] if given.quick else SEEDS
    seeds = tuple(int(seed) for seed in given.seeds.split(",")) if given.seeds else usual
    chosen = [row for row in rows() if not (given.quick and not row.quick) and not (given.long and row.quick)]
    chosen = [row for row in chosen if not given.names or any(name in row.name for name in given.names)]
    runs, before = [(row, seed) for seed in seeds for row in chosen], earlier(given.results)
    known = [before[row.name, seed] for row, seed in runs if (row.name, seed) in before]
    missing = [] if given.report else [(row, seed) for row, seed in runs if (row.name, seed) not in before]
    print(f"{len(chosen)} rows, seeds {', '.join(map(str, seeds))}: {len(runs)} runs, {len(known)} of them known")
    wrong = 0
    for found in itertools.chain(known, results(missing, given.results)):
        wrong += bool(found["wrong"])
        print(*printed(found), sep="\n", flush=True)
    count = len(known) + len(missing)
    print(f"{count - wrong} of {count} runs are as they must be.")
    return 1 if wrong else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["NETLOOM_HOME"] = folder
        code = main(sys.argv[1:])
    sys.exit(code)
