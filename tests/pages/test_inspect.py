"""The Inspect page without a browser: images, tables, surfaces; class names are users' text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import builder
from pages.parts import views
from pages.parts.forms.distinct import distinct
from pages.parts.predictions import class_views, overview, tiles, token_views
from pages.parts.theme import theme
from tests.pages.trained import button, chain, has_button, look, page, perceptron, store, text, train, widget
from trainers.data import DATASETS
from trainers.events import SplitName
from trainers.paradigms import PARADIGMS
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run
from trainers.tasks import TASKS

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


def test_without_a_run_it_links_to_train() -> None:
    store(perceptron())
    test = page("inspect")
    assert "No runs yet" in text(test) and has_button(test, "to_train")


def test_runs_of_one_name_that_began_together_are_told_apart() -> None:
    """A list of choices sends the label that is chosen: with two alike, the page would show the other run."""
    document = perceptron("iris", epochs=1)
    store(document)
    first, _ = train(document), train(document)
    test = page("inspect")
    test.query_params["run"] = first.id
    look(test.run())
    choice = widget(test, "selectbox", f"inspected~{first.id}")
    assert len(set(choice.options)) == 2 and choice.value == first.id
    assert distinct({"a": "x", "b": "x", "c": "y"}) == {"a": "x · a", "b": "x · b", "c": "y"}


def test_tables_of_classes() -> None:
    document = perceptron("iris")
    store(document)
    train(document)
    test = page("inspect")
    assert "samples are correct" in text(test) and "Test: " in text(test)
    frame = test.dataframe[0].value
    assert list(frame.columns[:4]) == ["", "true class", "predicted class", "confidence"]
    wrong = (frame[""] == "✗").to_numpy()
    assert (np.diff(wrong.astype(int)) <= 0).all()  # the wrong ones first
    assert len(test.get("bidi_component")) == 1
    widget(test, "button_group", "inspected_split").set_value("test")
    assert "test samples are correct" in text(look(test.run()))


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
    assert "error of disease progression" in test.dataframe[0].value.columns


def test_images() -> None:
    document = builder.template("digits_cnn")
    document = document.changed(training={**document.training, "epochs": 1})
    store(document)
    train(document)
    test = page("inspect")
    assert text(test).count("<figure") == tiles.SIZES["small"]
    widget(test, "number_input", next(item.key for item in test.number_input)).set_value(2)
    assert "page 2 of" in text(look(test.run()))


def test_a_run_without_weights_is_reported() -> None:
    document = perceptron("diabetes", 1, optimizer={"name": "SGD", "lr": 100.0})
    store(document)
    train(document, "failed")
    test = page("inspect")
    assert text(test).count("This run has no weights") == 1 and "failed before the end of its first epoch" in text(test)
    assert has_button(test, "to_train")


def test_damaged_weights_are_reported_once_and_restored() -> None:
    document = perceptron()
    store(document)
    run = train(document)
    metrics = run.scores()
    run.weights_path.write_bytes(run.weights_path.read_bytes()[:200])
    for name in ("inspect", "inspect", "export"):  # the first look sets the file aside
        test = page(name)
        assert text(test).count("The weights of this run were lost") == 1
        assert "nl-alert" not in text(test) and not has_button(test, "to_train")
    button(test, "restore_weights").click().run()
    assert run.wait(60) == "finished" and run.scores() == metrics
    assert "are correct" in text(page("inspect"))


@pytest.mark.parametrize(("shares", "shown"), [((0.0, 0.2), "test"), ((0.0, 0.0), "training")])
def test_splits_without_samples_are_not_offered(shares: tuple[float, float], shown: str) -> None:
    document = perceptron({"name": "iris", "validation": shares[0], "test": shares[1]})
    store(document)
    train(document)
    test = page("inspect")
    split = widget(test, "segmented_control", "inspected_split")
    assert split.value == shown and "validation" not in split.options
    assert f"{shown} samples are correct" in text(test) and "nl-alert" not in text(test)


def evil(kind: str = "image") -> Predictions:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    names = ("<script>alert(1)</script>", '<img src=x onerror="alert(2)">')
    return Predictions(
        "validation", "classification", kind, names, (), (), (np.zeros((2, 1, 4, 4), np.float32),), np.array([1, 1]),
        probabilities.argmax(axis=1), probabilities, np.arange(2),
    )  # fmt: skip


def test_class_labels_cannot_bring_tags_onto_the_page() -> None:
    html = tiles.tiles(DATASETS["digits"](), evil(), np.arange(2))
    assert "<script" not in html and "onerror=" not in html.replace("onerror=&quot;", "")
    assert "&lt;script&gt;" in html
    chart = class_views.confusion_figure(evil()).to_json()
    assert "<script" not in chart and "<img" not in chart and "\\u003cimg" not in chart


@pytest.mark.parametrize("task", DOCUMENTS)
def test_every_task_has_its_samples_and_its_answers(task: str) -> None:
    document = DOCUMENTS[task]
    store(document)
    train(document)
    test = page("inspect")
    shown = text(test)
    assert "Samples" in shown or "Forecast" in shown
    wanted = {
        "labels": ("correct in each label", "Labels"),
        "masks": ("mean IoU", "Intersection over union", "image · target · prediction"),
        "forecast": ("Error by steps ahead", "Comparison with the naive forecast"),
        "two inputs": ("nl-of-2", "Confusion matrix"),
        "sequence": ("Predicted against true",),
    }
    assert all(word in shown for word in wanted[task]), shown[:2000]


def evil_text() -> Predictions:
    made = evil("text")
    words = ("<pad>", "<img src=x onerror=alert(3)>")
    return dataclasses.replace(made, inputs=(np.array([[1, 1, 0], [1, 0, 0]]),), vocabularies=(words,))


def test_words_of_a_text_are_written_as_text() -> None:
    html = tiles.tiles(DATASETS["digits"](), evil_text(), np.arange(2))
    assert "<img src=x" not in html and "&lt;img src=x" in html and "&lt;pad" not in html


def test_tokens_are_shown_with_their_probability() -> None:
    found = dataclasses.replace(
        evil("text"),
        task="language",
        targets=np.array([[1, 0], [1, -100]]),
        predicted=np.array([[1, 1], [0, 0]]),
        target_vocabulary=("<pad>", "<img>"),
        target_probabilities=np.array([[1.0, 0.001], [0.5, 1.0]], dtype=np.float32),
    )
    html = token_views._tokens(found, 0)
    assert "&lt;img&gt;" in html[0] and "--share: 0%" in html[0] and "--share: 100%" in html[1]
    assert len(token_views._tokens(found, 1)) == 1  # positions without a target are left out
    curve = token_views.position_figure(found.targets, found.target_probabilities).data[0]
    np.testing.assert_allclose(curve.y, [np.log(2) / 2, np.log(1000)], rtol=1e-5)


def test_every_view_that_is_named_exists() -> None:
    for paradigm in PARADIGMS.values():
        assert len(views.chosen("card", paradigm.cards)) == len(paradigm.cards)
        assert len(views.chosen("panel", paradigm.panels)) == len(paradigm.panels)
        assert len(views.chosen("form", paradigm.forms)) == len(paradigm.forms)
    for task in TASKS.values():
        assert views.chosen("samples", (task.sample_view,))
        assert len(views.chosen("prediction", task.prediction_views)) == len(task.prediction_views)


@pytest.mark.parametrize("name", ["inspect", "export"])
def test_a_run_of_another_document_is_not_taken_for_this_ones(name: str) -> None:
    other = perceptron("iris", name="Other")
    store(other)
    run = train(other)
    store(perceptron("iris", name="Mine"))
    test = page(name)
    assert "Other" not in text(test) or "predicted" not in text(test)
    assert "not trained yet" in text(test).lower()
    chooser = next(item for item in test.selectbox if item.label == "run")
    assert chooser.value is None
    shown = look(chooser.set_value(run.id).run())
    assert "This is a run of another document, “Other”" in text(shown)
    assert has_button(shown, "back_to_document")


def test_it_says_when_the_mistakes_are_in_another_split(monkeypatch: pytest.MonkeyPatch) -> None:
    document = perceptron("iris")
    store(document)
    train(document)
    real = overview.predict

    def predict(run: Run, split: SplitName) -> Predictions:
        found = real(run, split)
        predicted = found.targets.copy()
        if split == "test":
            predicted[:2] = (predicted[:2] + 1) % 3
        return dataclasses.replace(found, predicted=predicted)

    monkeypatch.setattr(overview, "predict", predict)
    test = page("inspect")
    assert "No validation sample is wrong." in text(test)
    assert "samples 2 are." in text(test)
    shown = look(next(item for item in test.button if item.key == "to_mistakes").click().run())
    assert widget(shown, "button_group", "inspected_split").value == "test"
    assert "No test sample is wrong" not in text(shown)
