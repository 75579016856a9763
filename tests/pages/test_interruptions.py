"""A run that a dead process left, and a damaged store: said on every page, with a button that helps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import trainers
from pages.parts.theme import theme
from tests.pages.trained import has_button, look, page, perceptron, store, text, train, work
from trainers.events import Progress
from trainers.runs import repair
from trainers.runs.ownership import Owner
from trainers.runs.run import Run
from trainers.runs.store import Store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    monkeypatch.setattr(repair, "RECENT_SECONDS", -10.0)
    return tmp_path


def left_behind() -> Run:
    """A run of a process that has ended in epoch 2."""
    document = perceptron(name="Left <b>behind</b>")
    job = trainers.Job.from_document(document)
    owner = Owner(1, "12345", "another-machine", "a")
    run = Store().create(document.name, job.to_json(), 0, 3, "document", owner)
    Store().write(run, [Progress("running", epoch=2, epochs=3, step=7, started=1.0)])
    with Store().transaction() as connection:
        connection.execute("UPDATE runs SET beat = 0")
    return trainers.open_run(run)


@pytest.mark.parametrize("name", ["build", "train", "inspect", "runs", "export", "learn"])
def test_every_page_offers_to_resume_an_interrupted_run(name: str) -> None:
    store(perceptron())
    run = left_behind()
    test = page(name)
    assert "Interrupted: “Left &lt;b&gt;behind&lt;/b&gt;” was left in epoch 2 of 3" in text(test)
    assert has_button(test, "resume_interrupted") and has_button(test, "stop_interrupted")
    if name != "runs":
        return
    assert list(test.dataframe[0].value["state"]) == ["interrupted"]
    test.button(key="resume_interrupted").click().run()
    assert run.wait(60) == "finished"
    assert not has_button(test.run(), "resume_interrupted")


def test_the_train_page_says_it_once_of_the_run_that_it_shows() -> None:
    store(perceptron())
    run = left_behind()
    test = page("train", run=run.id)
    assert not has_button(test, "resume_interrupted") and has_button(test, "resume")
    assert "interrupted · epoch 2 of 3" in text(test) and "Press Resume to continue" in text(test)


def test_a_run_without_weights_says_that_it_was_interrupted() -> None:
    store(perceptron())
    run = left_behind()
    test = page("inspect", run=run.id)
    assert "Netloom was closed before its first epoch had ended" in text(test) and "It is paused" not in text(test)


def test_an_interrupted_run_can_be_left_as_it_is() -> None:
    store(perceptron())
    run = left_behind()
    page("learn").button(key="stop_interrupted").click().run()
    assert run.state == "stopped"


def test_a_damaged_store_is_repaired_from_any_page() -> None:
    store(perceptron())
    run = train(perceptron())
    for path in Store().folder.glob("runs.sqlite*"):
        path.unlink()  # another file: the one that a thread may still have in memory must not change under it
        path.write_bytes(b"this is no store" * 500)
    for name in ("build", "train", "inspect", "export", "learn", "runs"):
        test = page(name)
        assert "runs.sqlite" in text(test) and "is damaged" in text(test) and has_button(test, "repair_store")
    test.button(key="repair_store").click().run()
    assert not has_button(test, "repair_store")
    assert list(test.dataframe[0].value["state"]) == ["finished"]
    assert trainers.open_run(run.id).model() is not None


def test_folders_that_are_not_in_the_store_are_read_in_again() -> None:
    store(perceptron())
    run = train(perceptron())
    shutil.copytree(Store().run_folder(run.id), Store().run_folder("20200101-000000-abcdef01"))
    test = page("runs")
    assert "1 folder of a run is on the disk" in text(test)
    test.button(key="repair_store").click().run()
    assert len(test.dataframe[0].value) == 2


@pytest.mark.parametrize("name", ["data", "build", "train", "inspect", "runs", "export", "learn"])
def test_a_notice_leaves_all_below_in_its_place(name: str) -> None:
    """Streamlit makes elements anew whose place changes: a photograph just taken would be lost."""
    store(perceptron())
    run = left_behind()
    run.stop()
    test = page(name)
    before = list(test.main.children)
    work(test).conflict = "Another tab has changed this document."
    left_behind()
    look(test.run())
    assert has_button(test, "load_other_version") and has_button(test, "resume_interrupted")
    assert list(test.main.children) == before
