"""The Inspect page without a browser: pictures, tables, surfaces; class labels are anybody's text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import builder
from pages.parts.predictions import outputs
from pages.parts.predictions import tiles as run_tiles
from pages.parts.theme import theme
from pages.parts.training import panels
from tests.pages.trained import chain, has_button, look, page, perceptron, store, text, train, widget
from trainers.data import DATASETS
from trainers.paradigms import PARADIGMS
from trainers.runs.predictions import Predictions

FLAT = {"flatten": ("Flatten", {})}
DOCUMENTS = {
    "labels": chain({"name": "shapes_present", "samples": 80, "size": 16}, **FLAT, fc=("Linear", {"out_features": 3})),
    "masks": chain({"name": "shapes_to_segment", "samples": 60, "size": 16},
                   conv=("Conv2d", {"out_channels": 4, "padding": 1})),
    "forecast": chain({"name": "lorenz", "samples": 300, "window": 20, "horizon": 5}, **FLAT,
                      fc=("Linear", {"out_features": 15})),
    "two inputs": chain({"name": "digit_pairs", "samples": 300}, both=("Concat", {}), **FLAT,
                        fc=("Linear", {"out_features": 2})),
    "sequence": chain({"name": "adding", "samples": 100, "length": 10}, gru=("GRU", {"hidden_size": 4,
                      "output": "last"}), fc=("Linear", {"out_features": 1})),
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_without_a_run_it_shows_the_way() -> None:
    store(perceptron())
    test = page("inspect")
    assert "nothing to predict with" in text(test) and has_button(test, "to_train")


def test_tables_of_classes() -> None:
    document = perceptron("iris")
    store(document)
    train(document)
    test = page("inspect")
    assert "samples are right" in text(test) and "Test: " in text(test)
    frame = test.dataframe[0].value
    assert list(frame.columns[:4]) == ["", "true", "predicted", "confidence"]
    wrong = (frame[""] == "✗").to_numpy()
    assert (np.diff(wrong.astype(int)) <= 0).all()  # the wrong ones first
    assert len(test.get("bidi_component")) == 1
    widget(test, "button_group", "inspected_part").set_value("test")
    assert "test samples are right" in text(look(test.run()))


def test_points_have_a_surface() -> None:
    document = perceptron({"name": "moons", "samples": 200}, 2)
    store(document)
    train(document)
    assert len(page("inspect").get("bidi_component")) == 2


def test_numbers_against_the_truth() -> None:
    document = perceptron("diabetes", 1)
    store(document)
    train(document)
    test = page("inspect")
    assert len(test.get("bidi_component")) == 2
    assert "disease progression, error" in test.dataframe[0].value.columns


def test_pictures() -> None:
    document = builder.template("digits_cnn")
    document = document.changed(training={**document.training, "epochs": 1})
    store(document)
    train(document)
    test = page("inspect")
    assert text(test).count("<figure") == run_tiles.SIZES["small"]
    widget(test, "number_input", next(item.key for item in test.number_input)).set_value(2)
    assert "page 2 of" in text(look(test.run()))


def test_a_run_without_weights_is_told() -> None:
    document = perceptron("diabetes", 1, optimizer={"name": "SGD", "lr": 100.0})
    store(document)
    train(document, "failed")
    assert "no weights yet" in text(page("inspect"))


def evil(kind: str = "image") -> Predictions:
    chances = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    names = ("<script>alert(1)</script>", '<img src=x onerror="alert(2)">')
    return Predictions(
        "validation", "classification", kind, names, (), (), (np.zeros((2, 1, 4, 4), np.float32),), np.array([1, 1]),
        chances.argmax(axis=1), chances, np.arange(2),
    )  # fmt: skip


def test_class_labels_cannot_bring_tags_onto_the_page() -> None:
    tiles = run_tiles.tiles(DATASETS["digits"](), evil(), np.arange(2))
    assert "<script" not in tiles and "onerror=" not in tiles.replace("onerror=&quot;", "")
    assert "&lt;script&gt;" in tiles
    chart = outputs.confusion_figure(evil()).to_json()
    assert "<script" not in chart and "<img" not in chart and "\\u003cimg" not in chart


@pytest.mark.parametrize("task", DOCUMENTS)
def test_every_task_has_its_samples_and_its_answers(task: str) -> None:
    document = DOCUMENTS[task]
    store(document)
    train(document)
    test = page("inspect")
    said = text(test)
    assert "Samples" in said or "Forecast" in said
    wanted = {
        "labels": ("right in every label", "Labels"), "masks": ("mean IoU", "Overlap", "picture · truth · network"),
        "forecast": ("Error by distance", "Against the naive forecast"), "two inputs": ("nl-of-2", "Confusion"),
        "sequence": ("Predicted against true",),
    }  # fmt: skip
    assert all(word in said for word in wanted[task]), said[:2000]


def evil_text() -> Predictions:
    made = evil("text")
    words = ("<pad>", "<img src=x onerror=alert(3)>")
    return dataclasses.replace(made, inputs=(np.array([[1, 1, 0], [1, 0, 0]]),), vocabulary=words)


def test_words_of_a_text_are_written_as_text() -> None:
    tiles = run_tiles.tiles(DATASETS["digits"](), evil_text(), np.arange(2))
    assert "<img src=x" not in tiles and "&lt;img src=x" in tiles and "&lt;pad" not in tiles


def test_every_panel_that_is_asked_for_is_drawn() -> None:
    for paradigm in PARADIGMS.values():
        assert set(paradigm.panels) <= set(panels.PANELS), paradigm.name
        assert set(paradigm.live) <= set(panels.CARDS), paradigm.name
    for name in (*panels.CARDS.values(), *(panel.drawn_by for panel in panels.PANELS.values())):
        assert callable(panels.function(name)), name
