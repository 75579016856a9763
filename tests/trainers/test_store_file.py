"""The file of the store: created by several processes at once, by one that is killed, half made, of old versions.

Processes are forked from one small process that has imported the store and nothing else, so hundreds take a second.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from trainers.events import Metric
from trainers.runs.database import FIRST_SCHEMA, VERSION
from trainers.runs.store import Store

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

FORKS = """
import os, random, signal, sys, time
from pathlib import Path
from trainers.events import Metric
from trainers.runs.store import Store

def fork(work):
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:
        print(type(error).__name__, error, flush=True)
        os._exit(1)
    os._exit(0)

def create(folder):
    store = Store(folder)
    run = store.create("one", "{}", 0, 1)
    store.write(run, [Metric(1, 1, "training", "loss", 0.5)])
    assert len(store.metrics(run)) == 1

def results(count, work):
    # what `work()` returns in so many processes at once, as lines
    reading, writing = os.pipe()
    start = time.monotonic() + 0.02
    def at_once():
        while time.monotonic() < start:
            pass
        os.write(writing, (work() + "\\n").encode())
        time.sleep(0.3)
    children = [fork(at_once) for _ in range(count)]
    os.close(writing)
    lines = open(reading).read().splitlines()
    for child in children:
        os.waitpid(child, 0)
    return lines, children

def folders(count):
    for number in range(count):
        folder = Path(sys.argv[1]) / str(number)
        folder.mkdir()
        yield folder
"""
TOGETHER = """
for folder in folders(20):
    start = time.monotonic() + 0.01
    def at_once():
        while time.monotonic() < start:
            pass
        create(folder)
    children = [fork(at_once) for _ in range(4)]
    assert all(os.waitpid(child, 0)[1] == 0 for child in children), folder
    assert len(Store(folder).run_ids()) == 4
"""
KILLED = """
random.seed(0)
for folder in folders(40):
    child = fork(lambda: create(folder))
    time.sleep(random.uniform(0, 0.015))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    create(folder)
    Store(folder).run_ids()
"""

CLAIMED = """
from trainers.runs.store import RunTakenError

for folder in folders(4):
    run = Store(folder).create("one", "{}", 0, 1)
    def claim():
        try:
            Store(folder).claim(run)
            return "mine"
        except RunTakenError as error:
            return str(error)
    lines, children = results(4, claim)
    assert lines.count("mine") == 1 and len(lines) == 4, lines
    assert sum(f"in the hands of process {child}:" in line for child in children for line in lines) == 3, lines
    assert Store(folder).owner(run) is None  # it has ended
    Store(folder).claim(run)  # this process has it now
    lines, _ = results(2, claim)
    assert all(f"in the hands of process {os.getpid()}:" in line for line in lines), lines
"""


def _forks(script: str, folder: Path) -> None:
    command = [sys.executable, "-c", FORKS + script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_fork
def test_four_processes_create_a_store_at_once(tmp_path: Path) -> None:
    _forks(TOGETHER, tmp_path)


@needs_fork
def test_a_store_whose_creator_was_killed_is_completed(tmp_path: Path) -> None:
    _forks(KILLED, tmp_path)


@needs_fork
def test_one_of_several_processes_gets_a_run_and_the_others_are_told_who(tmp_path: Path) -> None:
    _forks(CLAIMED, tmp_path)


@pytest.mark.parametrize("tables", [None, 0, 1, 2, 3, 4, 5])
def test_a_half_made_file_is_completed(tmp_path: Path, tables: int | None) -> None:
    """What version 0.1.0 left behind when it was killed: a file of no bytes, or some of the tables."""
    if tables is None:
        (tmp_path / "runs.sqlite").touch()
    else:
        with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            for statement in FIRST_SCHEMA[:tables]:
                connection.execute(statement)
    store = Store(tmp_path)
    run = store.create("one", "{}", 0, 1, "document")
    store.write(run, [Metric(1, 1, "training", "loss", 0.5)])
    assert store.row(run)["origin"] == "document"
    assert len(store.metrics(run)) == 1


def test_doubled_rows_of_an_old_store_are_removed(tmp_path: Path) -> None:
    rows = [("one", step, 1, "training", "loss", value) for value in (1.0, 2.0) for step in (1, 2)]
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection, connection:
        for statement in FIRST_SCHEMA:
            connection.execute(statement)
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    store = Store(tmp_path)
    assert [(row["step"], row["value"]) for row in store.metrics("one")] == [(1, 2.0), (2, 2.0)]
    store.write("one", [Metric(2, 1, "training", "loss", 3.0)])
    assert [(row["step"], row["value"]) for row in store.metrics("one")] == [(1, 2.0), (2, 3.0)]


def test_a_new_store_has_the_newest_version(tmp_path: Path) -> None:
    Store(tmp_path).create("one", "{}", 0, 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update in the middle of which the disk is full is done again as a whole."""
    from trainers.runs import database

    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        for statement in FIRST_SCHEMA:
            connection.execute(statement)

    def full(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (one)")
        raise sqlite3.OperationalError("database or disk is full")

    steps = database.STEPS
    monkeypatch.setattr(database, "STEPS", (*steps, full))
    monkeypatch.setattr(database, "VERSION", VERSION + 1)
    with pytest.raises(Exception, match="disk is full"):
        Store(tmp_path).run_ids()
    monkeypatch.setattr(database, "STEPS", steps)
    monkeypatch.setattr(database, "VERSION", VERSION)
    assert Store(tmp_path).run_ids() == []
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        assert not connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()


def test_metrics_of_a_store_of_the_version_before_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 6 has its index in another order: nothing is lost, and a metric still has one value at a step."""
    from trainers.runs import database

    with monkeypatch.context() as before:
        before.setattr(database, "STEPS", database.STEPS[:5])
        before.setattr(database, "VERSION", 5)
        old = Store(tmp_path)
        run = old.create("one", "{}", 0, 1)
        old.write(
            run, [Metric(step, 1, split, "loss", step / 2) for step in (3, 1, 2) for split in ("training", "test")]
        )
        kept = old.metrics(run)
        old.close()
    store = Store(tmp_path)
    assert store.metrics(run) == kept and len(kept) == 6
    store.write(run, [Metric(3, 1, "test", "loss", 7.0)])
    assert [row["value"] for row in store.metrics(run) if row["split"] == "test"] == [0.5, 1.0, 7.0]
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "metrics_series" in names and "metrics_once" not in names
