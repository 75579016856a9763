"""What tables and lists of runs show: read in one query, since the facts and scores of a run are stored.

Its facts (data set, main metric) are stored when it is created; its best values and its scores when it is over. Runs of
older versions have neither: theirs are worked out, and stored, when a table shows them for the first time.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainers.events import OVER, Progress
from trainers.paradigms.base import ReportedMetric
from trainers.runs.facts import data_of, facts_of_text, metric_of
from trainers.runs.run import Run
from trainers.runs.run_rows import PROGRESS
from trainers.runs.store import Store, StoreError

KEPT = 20_000  # summaries of runs that are over, in memory: two pages of the table
SECONDS = 0.5  # that one table spends on runs of older versions, if not told otherwise


@dataclass(frozen=True)
class RunSummary:
    """One run in a table. Values are None where nothing was measured."""

    id: str
    name: str
    progress: Progress
    data: str  # the name of its data set
    metric: ReportedMetric  # the main metric of its paradigm
    best_loss: float | None  # the lowest loss on the validation split
    best: float | None  # the best value of the main metric on its split
    scores: Mapping[str, float] = field(default_factory=dict)  # the metrics of the best weights on the test split
    complete: bool = True  # False: a run of an older version whose values are not worked out yet

    @property
    def score(self) -> float | None:
        """The main metric of the best weights on the test split."""
        return self.scores.get(self.metric.name)


def number_of_runs(search: str = "", store: Store | None = None) -> int:
    """How many runs there are whose names contain `search`."""
    return (store or Store()).count(search)


def summaries(
    limit: int = -1, offset: int = 0, search: str = "", seconds: float = SECONDS, store: Store | None = None
) -> list[RunSummary]:
    """Runs whose names contain `search`, the newest first; all from `offset` on if the limit is -1.

    At most `seconds` are spent on what runs of older versions have not stored; the others are not `complete`.
    """
    store = store or Store()
    return _summaries(store, store.table(limit, offset, search), seconds)


def summary(run: Run) -> RunSummary:
    """One run."""
    return _summaries(run.store, [run.store.table_row(run.id)], SECONDS)[0]


def _summaries(store: Store, rows: list[dict[str, Any]], seconds: float) -> list[RunSummary]:
    """The summaries of rows of the store. What an older version has not stored is worked out as far as time allows."""
    missing = []
    for row in rows:
        if row["state"] not in OVER:
            row["best"] = None  # of a run that was over and was resumed
        if not (row["facts"] and row["best"]):
            missing.append(row)
    if missing:
        _complete(store, missing, seconds)
    return [_summary(store, row) for row in rows]


def _complete(store: Store, rows: list[dict[str, Any]], seconds: float) -> None:
    """Add facts and best values to these rows, and store those of runs that are over."""
    found: dict[str, tuple[str, str]] = {}
    end = time.monotonic() + seconds
    rows.sort(key=lambda row: row["state"] in OVER)  # first the runs that train: theirs are never stored
    for row, best in zip(rows, store.best_values(*(row["id"] for row in rows)), strict=True):
        row["facts"], row["best"] = row["facts"] or _facts_of_old_run(store, row["id"]), row["best"] or best
        if row["state"] in OVER:
            if row["facts"]:
                found[row["id"]] = row["facts"], row["best"]
            if time.monotonic() > end:
                break
    if found:
        with contextlib.suppress(StoreError):  # a store that cannot be written now is read again the next time
            store.write_summaries(found)


def _summary(store: Store, row: dict[str, Any]) -> RunSummary:
    run = Run(row["id"], store, row)
    if row["state"] in OVER and not run.has_worker:
        return _ended(tuple(row), tuple(row.values()))
    return _made(row, run.progress(row))


@functools.lru_cache(maxsize=KEPT)
def _ended(columns: tuple[str, ...], values: tuple[Any, ...]) -> RunSummary:
    """The summary of a run that is over: the same for the same row, so a table of thousands makes it once."""
    row = dict(zip(columns, values, strict=True))
    return _made(row, Progress(**{name: row[name] for name in PROGRESS}))


def _made(row: Mapping[str, Any], progress: Progress) -> RunSummary:
    metric, best = metric_of(row["facts"]), json.loads(row["best"] or "{}")
    low, high = best.get(metric.split, {}).get(metric.name, (None, None))
    return RunSummary(
        id=row["id"],
        name=row["name"] or "",
        progress=progress,
        data=data_of(row["facts"]),
        metric=metric,
        best_loss=best.get("validation", {}).get("loss", (None,))[0],
        best=low if metric.higher_is_better is False else high,
        scores=best.get("scores", {}),
        complete=row["best"] is not None,
    )


def _facts_of_old_run(store: Store, run: str) -> str:
    """The facts of a run whose row has none; empty if its folder is damaged."""
    try:
        return facts_of_text(store.job(run))
    except (OSError, ValueError, StoreError):
        return ""
