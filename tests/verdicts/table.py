"""`python -m tests.verdicts.table`: every row of the table of verdicts with three seeds; `make verdicts` runs it.

Names of rows, or parts of them, may follow: then only these are run. `--quick` runs the part of `make test` with one
seed. Exits with 1 if a row says something else than it must.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import trainers
from tests.verdicts.rows import Row, rows
from trainers.events import Verdict
from trainers.job import Job
from trainers.runs.run import Run

SEEDS = (0, 1, 2)
MOST_PERCENT = 1000


def run(row: Row, seed: int) -> Run:
    """Train the network of a row to its end."""
    started = trainers.start(Job.from_document(row.make(), seed=seed))
    started.wait()
    return started


def mistakes(row: Row, found: list[Verdict], document_nodes: set[str]) -> list[str]:
    """What the verdicts on a run say that they must not, and what they do not say."""
    said = [verdict for verdict in found if verdict.severity != "info"]
    kinds = [verdict.kind for verdict in said]
    text = " ".join(f"{verdict.message} {verdict.advice}" for verdict in found)
    wrong = []
    first = kinds[0] if kinds else ""
    if row.expected and first != row.expected and not (row.notes and row.expected in {v.kind for v in found}):
        wrong.append(f"{row.expected} must come first, not {first or 'nothing'}")
    allowed = {row.expected, *row.also} if row.expected else set(row.also)
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


def main(arguments: list[str]) -> int:
    """Run the chosen rows, print a line for each, and return 1 if one is wrong."""
    quick = "--quick" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    chosen = [row for row in rows() if (row.quick or not quick) and (not names or any(n in row.name for n in names))]
    seeds, failed = SEEDS[:1] if quick else SEEDS, 0
    print(f"{len(chosen)} rows, {len(seeds)} seeds each")
    for number, row in enumerate(chosen, 1):
        begun, wrong, said = time.perf_counter(), list[str](), ""
        for seed in seeds:
            found, verdicts = judged(row, seed)
            wrong += [f"seed {seed}: {text}" for text in found]
            said = ", ".join(dict.fromkeys(v.kind for v in verdicts if v.severity != "info")) or said
        failed += bool(wrong)
        took = time.perf_counter() - begun
        print(
            f"{number:3}/{len(chosen)}  {'WRONG' if wrong else 'ok   '} {took:6.1f} s  {row.name:38} {said or '–'}",
            flush=True,
        )
        for text in wrong:
            print(f"             {text}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} rows are as they must be.")
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["NETLOOM_HOME"] = folder
        code = main(sys.argv[1:])
    sys.exit(code)
