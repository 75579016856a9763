"""The Runs page without a browser: the table, comparing, and what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.parts.runs import run_table
from pages.parts.theme import theme
from tests.pages.trained import has_button, page, perceptron, store, text, train


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_without_runs_it_links_to_train() -> None:
    test = page("runs")
    assert "No runs yet" in text(test) and has_button(test, "to_train")


def test_the_table_lists_every_run() -> None:
    store(perceptron())
    train(perceptron("iris"))
    train(perceptron("diabetes", 1, name="Numbers"))
    train(perceptron("diabetes", 1, name="Broken", optimizer={"name": "SGD", "lr": 100.0}), "failed")
    frame = page("runs").dataframe[0].value
    assert list(frame["name"]) == ["Broken", "Numbers", "Small"]
    assert list(frame["state"]) == ["failed", "finished", "finished"]
    assert frame["test metric"][1].startswith("R2 ") and frame["test metric"][2].startswith("accuracy ")
    assert frame["epochs"][2] == "3 of 3"


def test_only_what_differs_is_compared() -> None:
    runs = [
        train(perceptron(optimizer={"name": "Adam", "lr": rate}, seed=1, early_stopping=stopping))
        for rate, stopping in ((0.01, None), (0.02, {"patience": 9}))
    ]
    found = run_table.differences(runs)
    assert list(found.loc["optimizer.lr"]) == ["0.01", "0.02"]
    assert "seed" not in found.index and "epochs" not in found.index and "network" not in found.index
    assert len(set(found.columns)) == 2  # two runs of one name have different labels
    made = run_table.curves_figure(runs)
    assert len(made.data) == 4 and made.data[0].line.dash == "dot"


def test_runs_that_are_the_same_do_not_differ_in_settings() -> None:
    runs = [train(perceptron()), train(perceptron())]
    assert not {"optimizer", "data", "epochs", "network"} & set(run_table.differences(runs).index)
