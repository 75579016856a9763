"""A damaged store is set aside, what can be read is copied, and the runs' folders are read in again."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import builder
import trainers
from builder import Document
from tests.trainers.test_checkpoint_files import cut, empty, flip_a_bit, interrupted, overwrite, remove
from trainers.__main__ import main
from trainers.events import Progress
from trainers.runs import repair as repairing
from trainers.runs.repair import repair, unlisted
from trainers.runs.run import interrupted as unfinished
from trainers.runs.store import Store, StoreDamagedError

Train = Callable[..., trainers.Run]


@pytest.fixture(autouse=True)
def no_recent_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the last minute are left alone, since one may just be created."""
    monkeypatch.setattr(repairing, "RECENT_SECONDS", -10.0)


def another_database(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE other (one)")
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("damage", [cut, overwrite, another_database, empty, remove])
def test_runs_come_back_from_their_folders(
    moons: Document, train: Train, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    finished = train(moons)
    scores = finished.scores()
    broken = interrupted(moons, monkeypatch, (9,), 12)
    (Store().folder / "runs" / "no-run-at-all").mkdir()
    store = Store()
    for suffix in ("-wal", "-shm"):
        store.path.with_name(store.path.name + suffix).unlink(missing_ok=True)
    damage(store.path)
    if damage not in (empty, remove):  # SQLite takes a file without bytes for a new one
        with pytest.raises(StoreDamagedError, match="netloom runs --repair"):
            trainers.runs()
    found = repair(store)
    assert (found.set_aside is not None) == (damage not in (empty, remove))
    assert {run.id for run in trainers.runs()} == {finished.id, broken} and not found.unreadable
    again = trainers.open_run(finished.id)
    assert again.state == "finished" and again.scores() == pytest.approx(scores)
    assert again.model() is not None and again.document == finished.document
    run = trainers.open_run(broken)
    assert run.state == "paused"
    run.resume()
    assert run.wait(60) == "finished"
    assert run.scores() == pytest.approx(scores)
    assert str(repair(store)) == "The store is not damaged, and every run is in it."


def test_rows_that_can_be_read_are_copied(moons: Document, train: Train) -> None:
    runs = [train(moons) for _ in range(3)]
    store = Store()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        index = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'probes_by_run'").fetchone()[0]
    with store.path.open("r+b") as file:  # the root of one index
        file.seek((index - 1) * size)
        file.write(os.urandom(size))
    found = repair(store)
    assert found.set_aside is not None and found.rows > 100 and not found.read
    assert {run.id for run in trainers.runs()} == {run.id for run in runs}
    for run in runs:
        again = trainers.open_run(run.id)
        assert len(again.metrics()) and again.state == "finished" and len(again.probes("activations"))


@pytest.mark.parametrize("damage", [cut, empty, remove, flip_a_bit, overwrite])
def test_a_damaged_job_is_written_again_from_the_copy(
    moons: Document, train: Train, damage: Callable[[Path], None]
) -> None:
    run = train(moons)
    path = run.store.run_folder(run.id) / "job.json"
    content = path.read_bytes()
    damage(path)
    assert trainers.open_run(run.id).document == run.document
    assert path.read_bytes() == content


def test_a_damaged_job_without_a_copy_is_told(moons: Document, train: Train) -> None:
    run = train(moons)
    with contextlib.closing(sqlite3.connect(run.store.path)) as connection, connection:
        connection.execute("DELETE FROM jobs")
    assert trainers.open_run(run.id).document == run.document
    cut(run.store.run_folder(run.id) / "job.json")
    with pytest.raises(trainers.StoreError, match=r"job\.json of run"):
        _ = trainers.open_run(run.id).document


def test_the_command_line_repairs_and_resumes(
    moons: Document, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = interrupted(moons, monkeypatch, (9,), 12)
    Store().path.write_bytes(b"no store at all" * 1000)
    assert main(["runs"]) == 1
    assert "netloom runs --repair" in capsys.readouterr().err
    assert main(["runs", "--repair"]) == 0
    printed = capsys.readouterr()
    assert "set aside as runs.sqlite.damaged-" in printed.err and f"{run}  interrupted" in printed.out
    assert main(["resume", "last", "--json"]) == 0
    assert '"state": "finished"' in capsys.readouterr().out
    assert main(["resume", run]) == 1
    assert "has ended" in capsys.readouterr().err
    assert main(["resume", "last"]) == 1
    assert "nothing to resume" in capsys.readouterr().err


def test_folders_that_are_not_in_the_store_are_mentioned(
    moons: Document, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(moons)
    store = Store()
    shutil.copytree(store.run_folder(run.id), store.run_folder("20200101-000000-aaaaaaaa"))
    (store.run_folder("20200101-000000-bbbbbbbb")).mkdir()
    assert unlisted(store) == ["20200101-000000-aaaaaaaa"]
    assert main(["runs"]) == 0
    assert "1 folder of a run is not in the store" in capsys.readouterr().err
    shutil.copytree(store.run_folder(run.id), store.run_folder("20200101-000000-cccccccc"))
    cut(store.run_folder("20200101-000000-cccccccc") / "job.json")
    found = repair(store)
    assert found.read == ("20200101-000000-aaaaaaaa",) and found.unreadable == ("20200101-000000-cccccccc",)
    copy = trainers.open_run("20200101-000000-aaaaaaaa")
    assert copy.scores() == pytest.approx(run.scores()) and builder.dump(copy.document) == builder.dump(run.document)


def lose(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def start_over(path: Path) -> None:
    lose(path)
    Store(path.parent).run_ids()  # a page that looks at the runs makes a new file


def another(path: Path) -> None:
    """The file of another home, whose runs this one does not have."""
    other = Store(path.parent / "other")
    other.folder.mkdir()
    other.create("Other", "{}", 10, 1)
    lose(path)
    other.path.replace(path)


def of_yesterday(path: Path) -> None:
    """A copy in which nobody has the run."""
    copy = path.with_name("copy")
    with contextlib.closing(sqlite3.connect(path)) as now, contextlib.closing(sqlite3.connect(copy)) as then, then:
        now.backup(then)
        then.execute("UPDATE runs SET owner = NULL, state = 'paused'")
    lose(path)
    copy.replace(path)


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("happens", [lose, start_over, another, of_yesterday])
def test_a_run_goes_on_when_the_store_is_lost(moons: Document, happens: Callable[[Path], None], pauses: bool) -> None:
    run = trainers.start(trainers.Job.from_document(moons, epochs=100_000))
    while run.progress().step < 30:
        assert run.wait(0.02) not in ("failed", "stopped")
    if pauses:
        run.pause()
        assert run.wait(30) == "paused"
    step = run.progress().step
    happens(run.store.path)
    if pauses:
        assert trainers.open_run(run.id).state == "paused"
        run.resume()
    while trainers.open_run(run.id).store.row(run.id)["step"] <= step + 10 or not run.store.owner(run.id):
        assert run.wait(0.02) not in ("failed", "stopped", "paused")
    assert run.state == "running" and run.name == moons.name
    run.stop()
    assert run.wait(30) == "stopped" and run.scores() and run.model() is not None
    assert [row.id for row in trainers.runs()].count(run.id) == 1
    assert run.metrics()["step"].max() >= step
    notes = [verdict.message for verdict in run.verdicts() if "store was lost" in verdict.message]
    assert len(notes) == 1, notes


def test_a_run_that_was_deleted_is_not_read_in_again(moons: Document, train: Train) -> None:
    run = train(moons)
    store, owner = Store(), Store().claim(run.id)
    Store().delete(run.id)
    with pytest.raises(trainers.StoreError, match="deleted"):
        store.write(run.id, [], owner)
    lose(store.path)
    assert trainers.runs() == [] and not store.run_folder(run.id).exists()


def test_other_runs_of_a_lost_store_come_back_too(
    moons: Document, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, broken = train(moons), interrupted(moons, monkeypatch, (9,), 12)
    lose(Store().path)
    again = trainers.open_run(finished.id)
    assert again.state == "finished" and again.scores() == pytest.approx(finished.scores())
    left = trainers.open_run(broken)
    progress = left.progress()
    assert progress.state_in_words == "interrupted" and progress.step == 9 and "Read in again" in progress.message
    assert [run.id for run in unfinished()] == [broken]


@pytest.mark.parametrize(
    ("state", "message"), [("paused", ""), ("failed", "The loss is NaN or infinite."), ("stopped", "Stopped.")]
)
def test_a_run_comes_back_in_its_last_state_and_under_its_document(moons: Document, state: str, message: str) -> None:
    job = trainers.Job.from_document(moons)
    run = Store().create("one", job.to_json(), 40, job.settings.epochs, "a-document")
    progress = Progress(state, 2, job.settings.epochs, 9, 40, message=message)  # type: ignore[arg-type]
    Store().write(run, [Progress("running"), progress])
    lose(Store().path)
    assert [found.id for found in trainers.runs()] == [run]
    again = trainers.newest("a-document", "another name")
    assert again is not None and again.id == run and again.origin == "a-document"
    assert again.progress().state_in_words == state and not unfinished()
    assert again.progress().message.startswith(message) and "Read in again" in again.progress().message


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit, overwrite, remove])
def test_without_the_last_state_a_folder_is_read_in_all_the_same(
    moons: Document, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    run = interrupted(moons, monkeypatch, (9,), 12)
    damage(Store().run_folder(run) / "run.json")
    lose(Store().path)
    assert trainers.open_run(run).progress().state_in_words == "interrupted"
