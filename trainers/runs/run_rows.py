"""The rows of one run in the store: made for a new run, or from what its folder says.

A folder has the job, the checkpoints and the best weights with their card, so a run whose rows are lost is shown, used,
exported and resumed again. Its curves are in the store alone. run.json says which document it trains, and its last
change of state: with it, a run that was left in the middle is interrupted, and a failed one says why it failed. It is
written when the state changes, not while the run trains.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import builder
from builder.problems import NetloomError
from trainers import migrate
from trainers.events import OVER, Progress
from trainers.runs import files
from trainers.runs.card import read_card
from trainers.runs.checkpoint_files import resume_step
from trainers.runs.ownership import Owner

PROGRESS = tuple(name for name in Progress.__dataclass_fields__ if name != "interrupted")  # as columns
STATE_FILE = "run.json"
READ_IN = "Read in again from its folder, without its curves: those were in a store that is lost."
MOST_READ_IN = 200  # runs that a new store reads in by itself; a page offers to read in the others
INSERT = (
    "INSERT OR REPLACE INTO runs (id, name, created, state, steps, epochs, epoch, step, seconds, samples_per_second,"
    " device, message, started, updated, origin, owner, beat)"
    " VALUES (?, ?, ?, 'queued', ?, ?, 0, 0, 0, 0, '', '', 0, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class RunState:
    """What run.json holds: the last change of state, and the id of the document that the run trains."""

    progress: Progress
    origin: str = ""


_STATE = TypeAdapter(RunState)


def write_state(folder: Path, state: RunState) -> bool:
    """Write run.json. False: the disk is full, or the folder is gone. It is a copy, so that is no reason to stop."""
    if folder.is_dir():
        with contextlib.suppress(OSError):
            files.write_text(folder / STATE_FILE, json.dumps(dataclasses.asdict(state)), at_once=True)
            return True
    return False


def read_state(folder: Path) -> RunState | None:
    """What run.json says. None: there is none, as in older versions, or it is damaged."""
    try:
        return _STATE.validate_json((folder / STATE_FILE).read_bytes())
    except (OSError, ValueError):
        return None


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
    """Add the run of a folder in its last state; one that was left in the middle is interrupted. Of folders of older
    versions, which do not say it: "finished" if the card has test metrics.

    NetloomError, OSError, ValueError: its job cannot be read.
    """
    run = folder.name
    text = (folder / "job.json").read_text(encoding="utf-8")
    document = migrate.document(builder.load(text))
    epochs = int(document.training.get("epochs") or 10)
    scores = migrate.card(read_card(folder) or {}).get("scores", {})
    scores = {name.removeprefix("test "): value for name, value in scores.items() if name.startswith("test ")}
    known = read_state(folder) or RunState(Progress("running", epochs=epochs))
    created = _created(folder)
    progress = _last(known.progress, resume_step(folder), bool(scores), created)
    insert(connection, run, document.name, text, epochs, created, origin=known.origin)
    write_progress(connection, run, progress)
    step = progress.step
    rows = [(run, step, epochs, "test", name, value) for name, value in scores.items()]
    columns = "run, step, epoch, split, metric, value"
    connection.executemany(f"INSERT OR REPLACE INTO metrics ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    if progress.state in OVER:
        connection.execute("UPDATE summaries SET best = ? WHERE run = ?", (best_values(connection, run), run))


def _last(known: Progress, step: int | None, has_scores: bool, created: float) -> Progress:
    """How far a run was when it was left. `known` is its last change of state, `step` that of its checkpoint."""
    started = known.started or created
    if known.state in OVER or has_scores:
        state = known.state if known.state in OVER else "finished"
        epoch, said = known.epoch or known.epochs, f"{known.message} " if known.state == state and known.message else ""
        return replace(
            known, state=state, epoch=epoch, step=known.step or step or 0, message=said + READ_IN, started=started
        )
    epoch = known.epoch
    if step and known.steps:
        epoch = min(known.epochs, step * known.epochs // known.steps + 1)
    return replace(known, epoch=epoch, step=step or 0, message=READ_IN, started=started, seconds_left=None)


def write_progress(connection: sqlite3.Connection, run: str, progress: Progress) -> None:
    """Store how far a run is."""
    assignments = ", ".join(f"{name} = ?" for name in PROGRESS)
    values = [getattr(progress, name) for name in PROGRESS]
    connection.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*values, run))


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
