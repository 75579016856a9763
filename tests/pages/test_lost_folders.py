"""Pages that are open while a run, its folder or the whole home is deleted under them: a sentence, no traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import trainers
from tests.pages.trained import look, page, perceptron, store, text, train
from trainers.runs.store import Store

PAGES = ("build", "train", "inspect", "runs", "export", "learn")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    import torch  # noqa: F401

    return tmp_path / "home"


@pytest.mark.parametrize("name", PAGES)
def test_the_folder_of_the_run_is_deleted(name: str) -> None:
    store(perceptron())
    run = train(perceptron())
    test = page(name, run=run.id)
    shutil.rmtree(Store().run_folder(run.id))
    look(test.run())
    if name in ("inspect", "export"):
        assert "The weights of this run were lost" in text(test)
    look(test.run())


@pytest.mark.parametrize("name", PAGES)
def test_the_run_is_deleted_in_another_tab(name: str) -> None:
    store(perceptron())
    run = train(perceptron())
    test = page(name, run=run.id)
    trainers.open_run(run.id).delete()
    look(test.run())
    if name in ("train", "inspect", "export"):
        assert "There is no run" in text(test) or "yet" in text(test)


@pytest.mark.parametrize("name", PAGES)
def test_the_home_is_moved_away(name: str, home: Path) -> None:
    store(perceptron())
    run = train(perceptron())
    test = page(name, run=run.id)
    shutil.move(home, home.with_name("elsewhere"))
    look(test.run())
    shutil.rmtree(home, ignore_errors=True)
    shutil.move(home.with_name("elsewhere"), home)
    look(test.run())
