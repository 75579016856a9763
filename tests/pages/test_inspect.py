"""The Inspect page without a browser: pictures, tables, surfaces; class labels are anybody's text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import builder
from pages.parts import run_answers, run_samples, theme
from tests.pages.trained import has_button, look, page, perceptron, store, text, train, widget
from trainers.predictions import Predictions


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
    assert text(test).count("<figure") == run_samples.TILES
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
        "validation", "classification", kind, names, (), (), np.zeros((2, 1, 4, 4), np.float32), np.array([1, 1]),
        chances.argmax(axis=1), chances, np.arange(2),
    )  # fmt: skip


def test_class_labels_cannot_bring_tags_onto_the_page() -> None:
    tiles = "".join(run_samples._tile(evil(), index, 0.0, 1.0) for index in range(2))
    assert "<script" not in tiles and "onerror=" not in tiles.replace("onerror=&quot;", "")
    assert "&lt;script&gt;" in tiles
    chart = run_answers.confusion_figure(evil()).to_json()
    assert "<script" not in chart and "<img" not in chart and "\\u003cimg" not in chart


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_one_colour_do_not_divide_by_nothing(channels: int) -> None:
    assert run_samples.picture(np.zeros((channels, 3, 3), np.float32), 0.0, 0.0).startswith("data:image/png;base64,")
