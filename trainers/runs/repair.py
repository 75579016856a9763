"""Repairs a store: a damaged runs.sqlite is set aside, what can be read of it is copied, the runs' folders are read in.

A folder has the job, the checkpoints and the best weights with their card, so its run is shown, used, exported and
resumed again. Its curves are in runs.sqlite alone: of a file that cannot be read at all they are lost.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.problems import NetloomError
from trainers.runs import database
from trainers.runs.run_rows import READ_IN
from trainers.runs.store import OF_A_RUN, Store, StoreDamagedError

RECENT_SECONDS = 60.0
TABLES = ("runs", *OF_A_RUN)


@dataclass(frozen=True)
class Repaired:
    """What a repair found."""

    set_aside: Path | None = None  # where the damaged file is now; None: it was not damaged
    rows: int = 0  # that were copied from it
    read: tuple[str, ...] = ()  # the runs whose folders were read in
    unreadable: tuple[str, ...] = ()  # folders whose job cannot be read

    def __str__(self) -> str:
        parts = []
        if self.set_aside is not None:
            copied = (
                f"{self.rows:,} rows of it could be read and were copied" if self.rows else "none of it is readable"
            )
            parts.append(f"The damaged store was set aside as {self.set_aside.name}; {copied}.")
        if self.read:
            parts.append(f"{_runs(len(self.read))} read in from {_folders(len(self.read))}, without curves.")
        if self.unreadable:
            parts.append(f"These folders have no job that can be read: {', '.join(self.unreadable)}.")
        return " ".join(parts) or "The store is not damaged, and every run is in it."


def _runs(count: int) -> str:
    return "1 run was" if count == 1 else f"{count:,} runs were"


def _folders(count: int) -> str:
    return "its folder" if count == 1 else "their folders"


def unlisted(store: Store) -> list[str]:
    """The runs that have a folder with a job, and are not in the store. StoreError: the store cannot be read."""
    folder = store.folder / "runs"
    if not folder.is_dir():
        return []
    known = set(store.run_ids())
    found = [path for path in folder.iterdir() if path.name not in known and (path / "job.json").is_file()]
    return sorted(path.name for path in found if not _is_recent(path / "job.json"))


def _is_recent(path: Path) -> bool:
    """Whether a file was written in this minute: a run that is just being created has its folder first. A file from the
    future was written before the clock was set back."""
    return abs(time.time() - path.stat().st_mtime) < RECENT_SECONDS


def repair(store: Store) -> Repaired:
    """Set a damaged store aside and make a new one of what is left. StoreError: that cannot be written either."""
    set_aside, rows = None, 0
    if _is_damaged(store):
        store.close()
        set_aside = _set_aside(store.path)
        rows = _copy_rows(set_aside, store.path)
    read, unreadable = [], []
    for run in unlisted(store):
        try:
            store.read_in(run)
        except (NetloomError, OSError, ValueError):
            unreadable.append(run)
        else:
            read.append(run)
    return Repaired(set_aside, rows, tuple(read), tuple(unreadable))


def _is_damaged(store: Store) -> bool:
    """Whether anything in the file is damaged, also where no page has looked yet."""
    try:
        return not store.is_sound()
    except StoreDamagedError:
        return True


def _set_aside(path: Path) -> Path:
    """Give the file and its log other names; they are kept, since more may be read of them by other means."""
    target = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):  # another process repairs it too, or there is no log
            path.with_name(path.name + suffix).replace(target.with_name(target.name + suffix))
    return target


def _copy_rows(old: Path, new: Path) -> int:
    """Copy every row that can be read. Returns how many."""
    target = database.connect(new)
    source = sqlite3.connect(old)
    copied = 0
    try:
        for table in TABLES:
            with target:
                if table == "runs":  # another process has read folders in: what is copied knows more of those runs
                    target.execute("DELETE FROM runs WHERE message LIKE ? AND owner IS NULL", (f"%{READ_IN}",))
                for row in _readable_rows(source, target, table):
                    marks = ", ".join("?" * len(row))
                    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})"
                    copied += target.execute(insert, list(row.values())).rowcount
        with target:
            database.use_todays_names(target)
    finally:
        source.close()
        target.close()
    return copied


def _readable_rows(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """The rows of a table up to the damage, and from the end back to it. Those that come twice are ignored."""
    try:
        known = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
        columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[1] in known]
    except sqlite3.Error:
        return
    names = ["rowid", *columns] if columns else []
    for order in ("ASC", "DESC") if columns else ():
        try:
            for values in source.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid {order}"):
                yield dict(zip(names, values, strict=True))
        except sqlite3.Error:
            continue
        return
