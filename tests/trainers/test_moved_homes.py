"""A home that was moved, and a clock that was set back: runs are found, used and resumed all the same."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import trainers
from builder import Document
from tests.trainers.test_changed_data import left
from trainers.runs import repair
from trainers.runs.store import Store, StoreError

Train = Callable[..., trainers.Run]
DAY = 86_400.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock forward or back by some seconds."""
    now = time.time

    def set_by(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return set_by


def test_runs_of_a_home_that_was_moved_are_used_and_resumed(
    moons: Document, train: Train, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, paused = train(moons), left(moons)
    scores, document, step = finished.scores(), finished.document, paused.progress().step
    target = home.parent / "another disk" / "home"
    target.parent.mkdir()
    shutil.move(home, target)
    with pytest.raises(StoreError, match="is gone: it was moved or deleted"):  # one that was opened before
        finished.scores()
    monkeypatch.setenv("NETLOOM_HOME", str(target))
    assert {run.id for run in trainers.runs()} == {finished.id, paused.id}
    again = trainers.open_run(finished.id)
    assert again.scores() == scores and again.model() is not None and again.document == document
    resumed = trainers.open_run(paused.id)
    resumed.resume()
    while resumed.progress().step <= step:
        assert resumed.wait(0.02) != "failed"
    assert not home.exists()


def test_a_run_whose_home_is_moved_while_it_trains_says_so_and_goes_on(moons: Document, home: Path) -> None:
    run = trainers.start(trainers.Job.from_document(moons, epochs=100_000))
    while run.progress().step < 30:
        run.wait(0.02)
    shutil.move(home, home.with_name("elsewhere"))
    worker = run._worker()
    assert worker is not None
    until = time.monotonic() + 30
    while not worker.session.trouble and worker.state == "running" and time.monotonic() < until:
        time.sleep(0.02)
    assert worker.state == "running" and "The run goes on" in worker.session.trouble
    shutil.move(home.with_name("elsewhere"), home)
    worker.session._retry_at = 0.0
    while worker.session.trouble and time.monotonic() < until:
        time.sleep(0.02)
    assert not worker.session.trouble and run.state == "running"


def test_after_the_clock_was_set_back_the_newest_run_is_still_the_newest(
    moons: Document, train: Train, clock: Callable[[float], None]
) -> None:
    clock(DAY)
    before = trainers.start(trainers.Job.from_document(moons, epochs=1), "a-document")
    before.wait(60)
    clock(0.0)
    after = trainers.start(trainers.Job.from_document(moons, epochs=1), "a-document")
    assert after.wait(60) == "finished"
    newest = trainers.newest("a-document", "")
    assert newest is not None and newest.id == after.id
    assert [run.id for run in trainers.runs()] == [after.id, before.id]


def test_a_clock_that_is_set_back_while_a_run_trains_changes_nothing(
    moons: Document, train: Train, clock: Callable[[float], None]
) -> None:
    expected = train(moons).scores()
    run = trainers.start(trainers.Job.from_document(moons))
    clock(-DAY)
    assert run.wait(60) == "finished" and run.scores() == expected
    assert 0.0 <= run.progress().seconds < 60.0


def test_a_folder_from_the_future_is_offered_to_be_read_in(moons: Document, train: Train) -> None:
    run = train(moons)
    folder = Store().run_folder("20200101-000000-abcdef01")
    shutil.copytree(Store().run_folder(run.id), folder)
    assert repair.unlisted(Store()) == []  # it may just be created
    os.utime(folder / "job.json", (time.time() + DAY, time.time() + DAY))
    assert repair.unlisted(Store()) == [folder.name]
