"""A disk without room: the run goes on, keeps in memory what it cannot write, and says so until there is room."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import trainers
from builder import Document
from trainers import disk
from trainers.engine import session as sessions
from trainers.engine import worker as workers
from trainers.runs.store import Store

Train = Callable[..., trainers.Run]


class Disk:
    """A disk that can be full: for the store, for the files of a run, or for both."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full_for: set[str] = set()
        self.error: Exception = OSError(errno.ENOSPC, "No space left on device")
        write, save = Store.write, sessions.checkpoint.save_weights

        def limited_write(store: Store, run: str, events: Any, owner: Any = None) -> Any:
            if "store" in self.full_for:
                raise trainers.StoreError(disk.reason(self.error, store.folder)) from self.error
            return write(store, run, events, owner)

        def limited_save(path: Path, *arguments: Any) -> None:
            if "files" in self.full_for:
                raise self.error
            save(path, *arguments)

        monkeypatch.setattr(Store, "write", limited_write)
        monkeypatch.setattr(sessions.checkpoint, "save_weights", limited_save)
        for module in (sessions, workers):
            monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
        monkeypatch.setattr(sessions, "SAVE_SECONDS", 0.0)


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "full_for", [{"store"}, {"files"}, {"store", "files"}], ids=lambda parts: "+".join(sorted(parts))
)
def test_a_run_on_a_full_disk_goes_on_and_loses_nothing(
    moons: Document, train: Train, small_disk: Disk, full_for: set[str]
) -> None:
    straight = train(moons, epochs=20)
    run = trainers.start(trainers.Job.from_document(moons, epochs=20))
    small_disk.full_for = full_for
    _until(lambda: "disk is full" in run.progress().message)
    assert str(Store().folder) in run.progress().message and "there is room" in run.progress().message
    assert run.wait(0.5) == "running"
    small_disk.full_for = set()
    assert run.wait(30) == "finished"
    assert run.progress().message == "Finished."
    columns = ["step", "epoch", "split", "metric"]
    pd.testing.assert_frame_equal(
        straight.metrics().sort_values(columns, ignore_index=True),
        run.metrics().sort_values(columns, ignore_index=True),
    )


def test_the_training_waits_when_too_much_is_in_memory(
    moons: Document, small_disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_UNWRITTEN", 100)
    run = trainers.start(trainers.Job.from_document(moons, epochs=100_000))
    _until(lambda: run.progress().step > 20)
    small_disk.full_for = {"store", "files"}
    _until(lambda: "The training waits" in run.progress().message)
    worker = workers.worker_of(run.id)
    assert worker is not None and worker.session.loop is not None
    step = worker.session.loop.position.step
    time.sleep(0.3)
    assert worker.session.loop.position.step == step
    run.pause()
    assert run.wait(10) == "paused"
    assert "not saved yet" in run.progress().message
    small_disk.full_for = set()
    _until(lambda: run.progress().message == "Paused.")
    assert run.progress().step == step
    run.stop()
    assert run.wait(30) == "stopped"


def test_a_run_that_ended_waits_for_room_and_a_stop_ends_the_waiting(moons: Document, small_disk: Disk) -> None:
    run = trainers.start(trainers.Job.from_document(moons, epochs=2))
    small_disk.full_for = {"files"}
    _until(lambda: "disk is full" in run.progress().message and run.progress().step == 24)
    run.stop()  # the training, if it is not over yet
    run.wait(0.5)
    run.stop()
    assert run.wait(10) == "stopped"
    assert "not saved" in run.progress().message and "disk is full" in run.progress().message


@pytest.mark.parametrize("where", ["store", "download"])
@pytest.mark.parametrize("asked", ["", "pause", "stop"])
def test_a_run_waits_for_room_while_it_prepares(
    moons: Document, small_disk: Disk, monkeypatch: pytest.MonkeyPatch, where: str, asked: str
) -> None:
    full, delete, prepare = [True], Store.delete_after, trainers.Job.prepare

    def limited(store: Store, run: str, step: int) -> int:
        if full[0]:
            raise trainers.StoreError(disk.reason(small_disk.error, store.folder)) from small_disk.error
        return delete(store, run, step)

    def downloads(job: trainers.Job) -> Any:
        if full[0]:
            raise trainers.DataError("The data set moons could not be downloaded: the disk is full.") from None
        return prepare(job)

    if where == "store":
        monkeypatch.setattr(Store, "delete_after", limited)
    else:
        monkeypatch.setattr(trainers.Job, "prepare", downloads)
    run = trainers.start(trainers.Job.from_document(moons))
    _until(lambda: "disk is full" in run.progress().message)
    assert run.state == "running" and "there is room" in run.progress().message
    if asked:
        getattr(run, asked)()
        assert run.wait(20) == {"pause": "paused", "stop": "stopped"}[asked]
    full[0] = False
    if asked != "stop":
        if asked:
            run.resume()
        assert run.wait(60) == "finished" and run.progress().message == "Finished." and run.scores()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Your disk quota is used up"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "is not writable"),
        (OSError(errno.EROFS, "Read-only file system"), "is not writable"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "is not writable"),
        (sqlite3.OperationalError("database is locked"), "in use by another program"),
    ],
)
def test_the_reason_is_said_in_words(error: Exception, words: str, tmp_path: Path) -> None:
    message = disk.reason(error, tmp_path)
    assert words in message and str(tmp_path) in message and message.endswith(".")


def test_an_error_that_was_caused_by_a_full_disk_is_recognised() -> None:
    cause = OSError(errno.EDQUOT, "Disk quota exceeded")
    wrapped = OSError("best.safetensors could not be written")
    wrapped.__cause__ = cause
    assert disk.is_full(wrapped) and disk.may_pass(wrapped)
    assert disk.is_full(OSError("I/O error: No space left on device (os error 28)"))
    assert not disk.is_full(FileNotFoundError(errno.ENOENT, "No such file")) and not disk.is_full(None)
