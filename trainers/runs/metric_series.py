"""The metrics of a run for charts: of a long run so many of each as a chart can show, chosen by SQLite.

A run of a hundred thousand epochs has a million metrics. Reading them all takes several seconds; for this selection
SQLite goes from one chosen step to the next in its index, without touching what lies between.
"""

from __future__ import annotations

import sqlite3
from typing import Any

ALL = 20_000  # metrics of a run up to which none is left out
POINTS = 1000  # of each metric of each split, about, in a longer run

COLUMNS = "m.rowid AS row_id, m.step, m.epoch, m.split, m.metric, m.value"
NEXT = """SELECT step FROM metrics WHERE run = :run AND step >= {least} AND split = :split AND metric = :metric
    ORDER BY step LIMIT 1"""
SERIES = f"""
WITH RECURSIVE chosen(step) AS (
    SELECT ({NEXT.format(least=":first")})
    UNION ALL
    SELECT ({NEXT.format(least="chosen.step + :gap")}) FROM chosen WHERE chosen.step IS NOT NULL)
SELECT {COLUMNS} FROM chosen JOIN metrics AS m
    ON m.run = :run AND m.step = chosen.step AND m.split = :split AND m.metric = :metric
"""
LAST = f"""SELECT {COLUMNS} FROM metrics AS m WHERE m.run = :run AND m.split = :split AND m.metric = :metric
    ORDER BY m.step DESC LIMIT 1"""


def read(connection: sqlite3.Connection, run: str) -> list[Any]:
    """The metrics of a run in the order in which they were written, all or a selection; the newest one is the last.

    The first and the last value of each metric are always among them.
    """
    summary = "SELECT COUNT(*), MAX(rowid), MIN(step), MAX(step) FROM metrics WHERE run = ?"
    count, newest, first, last = connection.execute(summary, (run,)).fetchone()
    if count <= ALL:
        query = f"SELECT {COLUMNS} FROM metrics AS m WHERE m.run = ? ORDER BY m.rowid"
        return connection.execute(query, (run,)).fetchall()
    kinds = connection.execute("SELECT DISTINCT split, metric FROM metrics WHERE run = ?", (run,)).fetchall()
    gap = max(1, (last - first) // POINTS)
    found: dict[int, Any] = {}
    for split, metric in kinds:
        values = {"run": run, "split": split, "metric": metric, "first": first, "gap": gap}
        for row in (*connection.execute(SERIES, values), *connection.execute(LAST, values)):
            found[row[0]] = row
    found[newest] = connection.execute(f"SELECT {COLUMNS} FROM metrics AS m WHERE m.rowid = ?", (newest,)).fetchone()
    return [found[row_id] for row_id in sorted(found)]
