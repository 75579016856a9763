"""The rows of one run in the store: made for a new run, or from what its folder says.

A folder has the job, the checkpoints and the best weights with their card, so a run whose rows are lost is shown, used,
exported and resumed again. Its curves are in the store alone.
"""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import builder
from builder.problems import NetloomError
from trainers import migrate
from trainers.runs import files
from trainers.runs.card import read_card
from trainers.runs.checkpoint_files import resume_step
from trainers.runs.ownership import Owner

READ_IN = "Read in again from its folder, without its curves: those were in a store that is lost."
MOST_READ_IN = 200  # runs that a new store reads in by itself; a page offers to read in the others
INSERT = (
    "INSERT OR REPLACE INTO runs (id, name, created, state, steps, epochs, epoch, step, seconds, samples_per_second,"
    " device, message, started, updated, origin, owner, beat)"
    " VALUES (?, ?, ?, 'queued', ?, ?, 0, 0, 0, 0, '', '', 0, ?, ?, ?, ?)"
)


def insert(
    connection: sqlite3.Connection,
    run: str,
    name: str,
    job: str,
    epochs: int,
    created: float,
    steps: int = 0,
    origin: str = "",
    owner: Owner | None = None,
    facts: str | None = None,
) -> None:
    """Add a run in state "queued". Rows that a new store has made of its folder in the same moment are replaced."""
    now = time.time()
    values = (run, name, created, steps, epochs, now, origin, str(owner) if owner else None, now)
    connection.execute(INSERT, values)
    connection.execute("INSERT OR REPLACE INTO summaries VALUES (?, ?, NULL)", (run, facts))
    digest = files.digest(job.encode())
    connection.execute("INSERT OR REPLACE INTO jobs (run, job, sha256) VALUES (?, ?, ?)", (run, job, digest))


def read_in(connection: sqlite3.Connection, folder: Path) -> None:
    """Add the run of a folder: "finished" if its card has test metrics, else "paused".

    NetloomError, OSError, ValueError: its job cannot be read.
    """
    run = folder.name
    text = (folder / "job.json").read_text(encoding="utf-8")
    document = migrate.document(builder.load(text))
    epochs = int(document.training.get("epochs") or 10)
    scores = migrate.card(read_card(folder) or {}).get("scores", {})
    scores = {name.removeprefix("test "): value for name, value in scores.items() if name.startswith("test ")}
    step, created = resume_step(folder) or 0, _created(folder)
    insert(connection, run, document.name, text, epochs, created)
    state, epoch = ("finished", epochs) if scores else ("paused", 0)
    update = "UPDATE runs SET state = ?, epoch = ?, step = ?, message = ?, started = ? WHERE id = ?"
    connection.execute(update, (state, epoch, step, READ_IN, created, run))
    rows = [(run, step, epochs, "test", name, value) for name, value in scores.items()]
    columns = "run, step, epoch, split, metric, value"
    connection.executemany(f"INSERT OR REPLACE INTO metrics ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    if scores:
        connection.execute("UPDATE summaries SET best = ? WHERE run = ?", (best_values(connection, run), run))


def read_in_newest(connection: sqlite3.Connection, folder: Path) -> None:
    """Add the runs that have a folder in this one, the newest first, to a store that was just created."""
    found = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    for path in found[:MOST_READ_IN]:
        try:
            read_in(connection, path)
        except (NetloomError, OSError, ValueError):
            continue  # `netloom runs` says that it is not in the store, and a repair that it cannot be read


def _created(folder: Path) -> float:
    """When the run of a folder was created, from its id."""
    try:
        return time.mktime(time.strptime(folder.name[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        return folder.stat().st_mtime


def best_values(connection: sqlite3.Connection, run: str) -> str:
    """As JSON: of each metric on each split the lowest and the highest value, and under "scores" the last values on the
    test split. NaN, which is stored as NULL, is left out."""
    found: dict[str, dict[str, Any]] = {"scores": {}}
    bounds = "SELECT split, metric, MIN(value), MAX(value) FROM metrics WHERE run = ? AND value IS NOT NULL"
    for split, metric, low, high in connection.execute(f"{bounds} GROUP BY split, metric", (run,)):
        found.setdefault(split, {})[metric] = low, high
    for metric in found.get("test", {}):
        last = "SELECT value FROM metrics WHERE run = ? AND split = 'test' AND metric = ? AND value IS NOT NULL"
        row = connection.execute(f"{last} ORDER BY step DESC, rowid DESC LIMIT 1", (run, metric)).fetchone()
        found["scores"][metric] = float(row[0])
    return json.dumps(found)
