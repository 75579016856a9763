"""The metrics of a run for charts: all of a usual run, of a long one a selection, evenly over its steps.

A run of a hundred thousand epochs has a million metrics. Reading them all takes several seconds; for this selection
SQLite goes from one chosen step to the next in its index (run, split, metric, step), and touches nothing between them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

ALL = 20_000  # metrics of a run up to which none is left out
POINTS = 1000  # of each metric of each split, about, in a longer run

COLUMNS = "m.rowid AS row_id, m.step, m.epoch, m.split, m.metric, m.value"
OF_A_KIND = "run = :run AND split = :split AND metric = :metric"
# Two queries, since SQLite reads every row for a minimum and a maximum in one.
ENDS = ", ".join(f"(SELECT {end}(step) FROM metrics WHERE {OF_A_KIND})" for end in ("MIN", "MAX"))
NEXT = f"SELECT step FROM metrics WHERE {OF_A_KIND} AND step >= {{least}} ORDER BY step LIMIT 1"
SERIES = f"""
WITH RECURSIVE chosen(step) AS (
    SELECT :first
    UNION ALL
    SELECT ({NEXT.format(least="chosen.step + :gap")}) FROM chosen WHERE chosen.step IS NOT NULL)
SELECT {COLUMNS} FROM chosen JOIN metrics AS m
    ON m.run = :run AND m.split = :split AND m.metric = :metric AND m.step = chosen.step
"""
LAST = f"""SELECT {COLUMNS} FROM metrics AS m WHERE m.run = :run AND m.split = :split AND m.metric = :metric
    AND m.step = :last"""
IS_LONG = "SELECT 1 FROM metrics WHERE run = ? LIMIT 1 OFFSET ?"
NEXT_METRIC = "SELECT split, metric FROM metrics WHERE run = ? AND split = ? AND metric > ? ORDER BY metric LIMIT 1"
NEXT_SPLIT = "SELECT split, metric FROM metrics WHERE run = ? AND split > ? ORDER BY split, metric LIMIT 1"


def read(connection: sqlite3.Connection, run: str) -> list[Any]:
    """The metrics of a run in the order in which they were written, all or a selection; the newest one is the last.

    The first and the last value of each metric are always among them. Each metric is written in the order of its steps.
    """
    if not connection.execute(IS_LONG, (run, ALL)).fetchone():
        query = f"SELECT {COLUMNS} FROM metrics AS m WHERE m.run = ? ORDER BY m.rowid"
        return connection.execute(query, (run,)).fetchall()
    found: dict[int, Any] = {}
    for split, metric in kinds(connection, run):
        values = {"run": run, "split": split, "metric": metric}
        first, last = connection.execute(f"SELECT {ENDS}", values).fetchone()
        values |= {"first": first, "last": last, "gap": max(1, (last - first) // POINTS)}
        for row in (*connection.execute(SERIES, values), *connection.execute(LAST, values)):
            found[row[0]] = row
    return [found[row_id] for row_id in sorted(found)]


def kinds(connection: sqlite3.Connection, run: str) -> Iterator[tuple[str, str]]:
    """The splits and metrics of a run, found by going from one to the next in the index."""
    split, metric = "", ""
    while True:
        kind = connection.execute(NEXT_METRIC, (run, split, metric)).fetchone()
        kind = kind or connection.execute(NEXT_SPLIT, (run, split)).fetchone()
        if kind is None:
            return
        split, metric = kind[0], kind[1]
        yield split, metric
