"""Runs on disk: one SQLite file for what pages read, and a folder per run for its job and its weights.

SQLite runs in WAL mode, so pages in any process read while a training thread writes. Connections are short-lived or
belong to one thread; nothing is locked for longer than one small transaction.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builder.problems import NetloomError
from trainers import migrate
from trainers.events import Event, Histograms, Metric, Probe, Progress, Snapshot, Text, Verdict, Verdicts
from trainers.home import home
from trainers.runs.array_json import packed

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT, created REAL, state TEXT, epoch INT, epochs INT, step INT, steps INT, seconds REAL,
    seconds_left REAL, samples_per_second REAL, device TEXT, message TEXT, started REAL, updated REAL, process TEXT,
    request TEXT, verdicts TEXT, histograms TEXT, origin TEXT);
CREATE TABLE IF NOT EXISTS metrics (run TEXT, step INT, epoch INT, split TEXT, metric TEXT, value REAL);
CREATE INDEX IF NOT EXISTS metrics_by_run ON metrics (run, step);
CREATE TABLE IF NOT EXISTS probes (run TEXT, kind TEXT, step INT, payload TEXT);
CREATE INDEX IF NOT EXISTS probes_by_run ON probes (run, kind, step);
"""
ADDED = {"origin": "TEXT"}  # columns that a store made by an older version has not
VERSION = 1  # of the names in the tables; 0: those of version 0.1.0
_complete: set[Path] = set()  # the stores that this process knows to have every column
PROGRESS = tuple(Progress.__dataclass_fields__)
TEXTS = "texts"  # the kind under which sample texts stand among the probes
SNAPSHOT = "snapshot:"  # before the view, the kind under which scenes do
RUN_ID = re.compile(r"[0-9a-z-]{6,64}")


class StoreError(NetloomError):
    """The store cannot be written or read: the text says why (disk full, no such run) and what to do."""


class Store:
    """All runs of one $NETLOOM_HOME."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.path = self.folder / "runs.sqlite"
        self._writer: sqlite3.Connection | None = None

    def _connect(self) -> sqlite3.Connection:
        fresh = not self.path.exists()
        connection = sqlite3.connect(self.path, timeout=10, check_same_thread=False)
        if fresh:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(SCHEMA)
            connection.execute(f"PRAGMA user_version={VERSION}")
        elif self.path not in _complete:
            known = {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
            for name in ADDED.keys() - known if known else ():
                connection.execute(f"ALTER TABLE runs ADD COLUMN {name} {ADDED[name]}")
            if known:
                _rename_stored(connection)
        _complete.add(self.path)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back if anything fails. StoreError: in words."""
        try:
            connection = self._connect()
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(_reason(error, self.folder)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection that stays open: closing one makes SQLite copy its log into the file, which
        takes longer than all else that a training thread does between two steps."""
        try:
            self._writer = self._writer or self._connect()
            with self._writer:
                yield self._writer
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(_reason(error, self.folder)) from error

    def close(self) -> None:
        """Close the connection that `write` keeps open; the next write opens another."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def create(self, name: str, job: str, steps: int, epochs: int, origin: str = "") -> str:
        """A new run in state "queued"; returns its id. `origin`: the id of the document that it trains, if any."""
        run = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
        try:
            self.run_folder(run).mkdir(parents=True)
            write_text(self.run_folder(run) / "job.json", job)
        except OSError as error:
            raise StoreError(_reason(error, self.folder)) from error
        with self.connection() as connection:
            connection.execute(
                "INSERT INTO runs (id, name, created, state, steps, epochs, epoch, step, seconds, samples_per_second,"
                " device, message, started, updated, process, origin)"
                " VALUES (?, ?, ?, 'queued', ?, ?, 0, 0, 0, 0, '', '', 0, ?, ?, ?)",
                (run, name, time.time(), steps, epochs, time.time(), process_token(), origin),
            )
        return run

    def run_folder(self, run: str) -> Path:
        """The folder of a run. StoreError: the id is not one that a run can have, so no path is made of it."""
        if not RUN_ID.fullmatch(run):
            raise StoreError(f"{run[:70]!r} is not the id of a run.")
        return self.folder / "runs" / run

    def write(self, run: str, events: Iterable[Event]) -> str | None:
        """Write events in one transaction. Returns what another process asked for ("pause", "stop"), once."""
        with self._writing() as connection:
            metrics: list[tuple[Any, ...]] = []
            for event in events:
                match event:
                    case Metric(step, epoch, split, metric, value):
                        metrics.append((run, step, epoch, split, metric, value))
                    case Probe(step, kind, values):
                        row = (run, kind, step, json.dumps(values))
                        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?)", row)
                    case Text(step, pieces):
                        text = (run, TEXTS, step, json.dumps(pieces))
                        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?)", text)
                    case Snapshot(step, view, arrays):
                        scene = json.dumps({name: packed(array) for name, array in arrays.items()})
                        connection.execute(
                            "INSERT INTO probes VALUES (?, ?, ?, ?)", (run, SNAPSHOT + view, step, scene)
                        )
                    case Histograms() | Verdicts():
                        self._write_latest(connection, run, event)
                    case Progress():
                        self._write_progress(connection, run, event)
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", metrics)
            row = connection.execute("SELECT request FROM runs WHERE id = ?", (run,)).fetchone()
            if row and row[0]:
                connection.execute("UPDATE runs SET request = NULL WHERE id = ?", (run,))
        return row[0] if row else None

    @staticmethod
    def _write_latest(connection: sqlite3.Connection, run: str, event: Histograms | Verdicts) -> None:
        if isinstance(event, Histograms):
            connection.execute("UPDATE runs SET histograms = ? WHERE id = ?", (json.dumps(event.values), run))
        else:
            rows = [[getattr(v, name) for name in Verdict.__dataclass_fields__] for v in event.values]
            connection.execute("UPDATE runs SET verdicts = ? WHERE id = ?", (json.dumps(rows), run))

    @staticmethod
    def _write_progress(connection: sqlite3.Connection, run: str, progress: Progress) -> None:
        assignments = ", ".join(f"{name} = ?" for name in PROGRESS)
        values = [getattr(progress, name) for name in PROGRESS]
        connection.execute(
            f"UPDATE runs SET {assignments}, process = ? WHERE id = ?",
            (*values, process_token(), run),
        )

    def request(self, run: str, what: str) -> None:
        """Ask the process that trains a run to pause or stop it; it looks a few times a second."""
        with self.connection() as connection:
            connection.execute("UPDATE runs SET request = ? WHERE id = ?", (what, run))

    def forget_after(self, run: str, step: int) -> None:
        """Drop what was written beyond a checkpoint, so that a resumed run does not say things twice."""
        with self.connection() as connection:
            connection.execute("DELETE FROM metrics WHERE run = ? AND step > ?", (run, step))
            connection.execute("DELETE FROM probes WHERE run = ? AND step > ?", (run, step))

    def row(self, run: str) -> dict[str, Any]:
        """Everything about a run but its metrics and probes. StoreError: there is no such run."""
        rows = self.rows("SELECT * FROM runs WHERE id = ?", (run,))
        if not rows:
            raise StoreError(f"There is no run {run[:70]!r}. `netloom runs` lists them.")
        return rows[0]

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        with self.connection() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def delete(self, run: str) -> None:
        """Remove a run and its folder."""
        import shutil

        folder = self.run_folder(run)
        with self.connection() as connection:
            for table, column in (("metrics", "run"), ("probes", "run"), ("runs", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (run,))
        shutil.rmtree(folder, ignore_errors=True)


def _rename_stored(connection: sqlite3.Connection) -> None:
    """Bring a store of an earlier version to today's names of metrics and snapshots, once, in one transaction."""
    if connection.execute("PRAGMA user_version").fetchone()[0] >= VERSION:
        return
    with connection:
        names = [row[0] for row in connection.execute("SELECT DISTINCT metric FROM metrics")]
        renamed = [(migrate.metric(name), name) for name in names if migrate.metric(name) != name]
        connection.executemany("UPDATE metrics SET metric = ? WHERE metric = ?", renamed)
        kinds = [(new, old) for old, new in migrate.SNAPSHOTS.items()]
        connection.executemany("UPDATE probes SET kind = ? WHERE kind = ?", kinds)
        connection.execute(f"PRAGMA user_version={VERSION}")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: to a temporary name beside it, then renamed."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def process_token() -> str:
    """This process, told apart from a later one that gets the same number: its id and the time it started."""
    return f"{os.getpid()}:{_started(os.getpid())}"


def process_lives(token: str | None) -> bool:
    """Whether the process of a token still runs."""
    number, _, started = (token or "").partition(":")
    return number.isdigit() and _alive(int(number)) and _started(int(number)) == started


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(number: int) -> str:
    """When a process started, in the kernel's ticks, where /proc tells (Linux); else always the same."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _reason(error: Exception, folder: Path) -> str:
    text = getattr(error, "strerror", None) or str(error)
    if "full" in text or "No space" in text:
        return f"The disk is full, so nothing can be saved in {folder}. Free some space, then go on."
    if "readonly" in text or "Permission" in text or "unable to open" in text:
        return f"{folder} cannot be written to ({text}). Check its permissions, or set NETLOOM_HOME to another folder."
    return f"The runs in {folder} cannot be read or written: {text}."
