"""The SQLite file of the store: opened, created in one transaction, and brought up to date from any older version.

A new file takes the same steps as an old one, in the same transaction, so a process that is killed at any moment leaves
a file that the next one completes, and several processes may open a new home at once.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builder.problems import NetloomError
from trainers import disk, migrate
from trainers.home import home

BUSY_SECONDS = 30.0  # that an operation waits for another process
# Another process has the file, or is just making or recovering its log. SQLite does not wait in all of these cases.
BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)

FIRST_SCHEMA = (  # as version 0.1.0 made it; the steps below change it
    """CREATE TABLE IF NOT EXISTS runs (
        id TEXT PRIMARY KEY, name TEXT, created REAL, state TEXT, epoch INT, epochs INT, step INT, steps INT,
        seconds REAL, seconds_left REAL, samples_per_second REAL, device TEXT, message TEXT, started REAL, updated REAL,
        process TEXT, request TEXT, verdicts TEXT, histograms TEXT)""",
    "CREATE TABLE IF NOT EXISTS metrics (run TEXT, step INT, epoch INT, split TEXT, metric TEXT, value REAL)",
    "CREATE INDEX IF NOT EXISTS metrics_by_run ON metrics (run, step)",
    "CREATE TABLE IF NOT EXISTS probes (run TEXT, kind TEXT, step INT, payload TEXT)",
    "CREATE INDEX IF NOT EXISTS probes_by_run ON probes (run, kind, step)",
)


class StoreError(NetloomError):
    """The store cannot be written or read. The message says why (disk full, no such run) and what to do."""


class StoreDamagedError(StoreError):
    """runs.sqlite is damaged: trainers/runs/repair.py makes a new one of what is left."""


def connect(path: Path, fill: Callable[[sqlite3.Connection], None] | None = None) -> sqlite3.Connection:
    """A connection to the store's file, which is created or brought up to date first. Its transactions are immediate.

    `fill` puts into a new file what is known of the runs, in the transaction that creates it.
    sqlite3.Error: the file cannot be opened, or is no store.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level="IMMEDIATE", check_same_thread=False)
        try:
            if _version(connection) < VERSION:
                connection.execute("PRAGMA journal_mode=WAL")
                _bring_up_to_date(connection, fill)
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection
        except BaseException as error:
            connection.close()
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.001, 0.02))


def is_busy(error: BaseException) -> bool:
    """Whether SQLite failed only because another process is using the file."""
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.OperationalError) else None
    return code is not None and code & 0xFF in BUSY_CODES


def is_damaged(error: BaseException) -> bool:
    """Whether SQLite says that the file is damaged, is no database, or is one of another program."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(error).startswith(("no such", "malformed"))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bring_up_to_date(connection: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None] | None) -> None:
    """Everything in one transaction: the tables, the steps since the file's version, and the new version."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)  # again, since another process may have done it in the meantime
        if version == 0:
            for statement in FIRST_SCHEMA:
                connection.execute(statement)
        for step in STEPS[version:]:
            step(connection)
        if fill is not None and version == 0 and not connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
            fill(connection)
        connection.execute(f"PRAGMA user_version={VERSION}")


def add_columns(connection: sqlite3.Connection, table: str, **columns: str) -> None:
    """Add columns (name=type) that a table lacks."""
    known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    for name, kind in columns.items():
        if name not in known:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


# -- one function for each version ------------------------------------------------------------------------------------


def use_todays_names(connection: sqlite3.Connection) -> None:
    """1: the id of the document that a run trains; metrics and snapshots have the standard names of the field."""
    add_columns(connection, "runs", origin="TEXT")
    names = [row[0] for row in connection.execute("SELECT DISTINCT metric FROM metrics")]
    renamed = [(migrate.metric(name), name) for name in names if migrate.metric(name) != name]
    connection.executemany("UPDATE metrics SET metric = ? WHERE metric = ?", renamed)
    kinds = [(new, old) for old, new in migrate.SNAPSHOTS.items()]
    connection.executemany("UPDATE probes SET kind = ? WHERE kind = ?", kinds)


def _one_owner(connection: sqlite3.Connection) -> None:
    """2: a run has one owner, and a metric one value at a step. Runs that two processes trained had every row twice."""
    add_columns(connection, "runs", owner="TEXT", beat="REAL")
    connection.execute("UPDATE runs SET owner = process, beat = updated")
    newest = "SELECT MAX(rowid) FROM metrics GROUP BY run, step, split, metric"
    connection.execute(f"DELETE FROM metrics WHERE rowid NOT IN ({newest})")
    connection.execute("DROP INDEX IF EXISTS metrics_by_run")
    connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS metrics_once ON metrics (run, step, split, metric)")


def _summaries(connection: sqlite3.Connection) -> None:
    """3: facts and best values of each run for tables of runs. Runs of older versions get theirs when a table shows
    them. They are apart from the runs, whose rows are long: reading all of those takes seconds."""
    connection.execute("CREATE TABLE IF NOT EXISTS summaries (run TEXT PRIMARY KEY, facts TEXT, best TEXT)")
    connection.execute("CREATE INDEX IF NOT EXISTS runs_by_created ON runs (created)")


def _jobs(connection: sqlite3.Connection) -> None:
    """4: a second copy of each job, with its digest; runs that are not over are found without reading all others."""
    connection.execute("CREATE TABLE IF NOT EXISTS jobs (run TEXT PRIMARY KEY, job TEXT, sha256 TEXT)")
    connection.execute("CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state)")


def _threads(connection: sqlite3.Connection) -> None:
    """5: the number of threads that a run computes with."""
    add_columns(connection, "runs", threads="INT")


def _series(connection: sqlite3.Connection) -> None:
    """6: the metrics of a run are found by split and metric before the step, so that some of a million are read without
    looking at the others."""
    connection.execute("DROP INDEX IF EXISTS metrics_once")
    connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS metrics_series ON metrics (run, split, metric, step)")


def _queue(connection: sqlite3.Connection) -> None:
    """7: runs wait for a process to train them, see trainers/runs/queue; and the processes that do."""
    add_columns(connection, "runs", place="REAL", priority="INT", attempts="INT")
    columns = "(priority DESC, place) WHERE place IS NOT NULL"
    connection.execute(f"CREATE INDEX IF NOT EXISTS runs_in_queue ON runs {columns}")
    connection.execute("CREATE TABLE IF NOT EXISTS workers (owner TEXT PRIMARY KEY, beat REAL, slot INT, run TEXT)")


Step = Callable[[sqlite3.Connection], None]
STEPS: tuple[Step, ...] = (  # STEPS[n]: from version n to n + 1
    use_todays_names,
    _one_owner,
    _summaries,
    _jobs,
    _threads,
    _series,
    _queue,
)
VERSION = len(STEPS)


# -- what a store does with its file ----------------------------------------------------------------------------------


class Database:
    """The file of one $NETLOOM_HOME, its connections and what its errors mean."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.path = self.folder / "runs.sqlite"
        self._writer: sqlite3.Connection | None = None
        self._writer_file: tuple[int, int] | None = None
        self._is_another_file = False  # than the one that was written to first, see `_writing`

    def _fill(self, connection: sqlite3.Connection) -> None:
        """Put into a new file what is known of the runs."""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on any error. StoreError: SQLite or the disk failed."""
        try:
            connection = connect(self.path, self._fill)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise _store_error(error, self.folder) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection that stays open. Closing a connection makes SQLite copy its log into the
        file, which takes longer than everything else that a training thread does between two steps."""
        try:
            file = self._file()
            if self._writer is None or file != self._writer_file:
                self.close()
                self._writer = connect(self.path, self._fill)
                before, self._writer_file = self._writer_file, self._file()
                if before not in (None, self._writer_file):  # deleted, replaced, or set aside by repair.py
                    self._is_another_file = True
            with self._writer:
                yield self._writer
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise _store_error(error, self.folder) from error

    def _file(self) -> tuple[int, int] | None:
        """Which file the path leads to now. None: there is none."""
        with contextlib.suppress(FileNotFoundError):
            found = self.path.stat()
            return found.st_dev, found.st_ino
        return None

    def close(self) -> None:
        """Close the connection that `write` keeps open. The next write opens a new one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self.transaction() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def is_sound(self) -> bool:
        """Whether SQLite finds nothing wrong with the file. StoreDamagedError: it is not ours, or cannot be opened."""
        for needed in ("id, owner FROM runs", "value FROM metrics", "payload FROM probes", "job FROM jobs"):
            self._rows(f"SELECT {needed} LIMIT 1")
        return [row["quick_check"] for row in self._rows("PRAGMA quick_check(1)")] == ["ok"]


def _store_error(error: Exception, folder: Path) -> StoreError:
    if not is_damaged(error):
        return StoreError(reason(error, folder))
    return StoreDamagedError(
        f"The file runs.sqlite in {folder} is damaged. The folders of the runs are not: the Runs page or `netloom runs "
        "--repair` sets it aside and reads them in again."
    )


def reason(error: Exception, folder: Path) -> str:
    """Why the store cannot be read or written, and what to do."""
    return disk.reason(error, folder)
