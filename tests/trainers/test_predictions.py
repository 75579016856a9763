"""Predictions: the right units, the wrong ones first, counts that add up, a surface around the points."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import builder
import trainers
from trainers.runs import predictions
from trainers.runs.predictions import Predictions, confusion, has_surface, predict, surface
from trainers.runs.run import Run, RunError

Train = Callable[..., Run]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains a perceptron in a home of its own and returns the run when it is over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETLOOM_HOME", str(tmp_path_factory.mktemp("home")))

        def run(data: dict[str, Any], width: int, loss: str | None = None, **settings: Any) -> Run:
            started = trainers.start(trainers.Job.from_document(perceptron(data, width, loss, **settings)))
            started.wait(120)
            assert started.state == "finished", started.progress().message
            return started

        yield run


def perceptron(data: dict[str, Any], width: int, loss: str | None, **settings: Any) -> builder.Document:
    names = ("samples", "hidden", "relu", "last", "answer")
    return builder.load(
        {
            "format": "netloom/2",
            "nodes": [
                {"name": "samples", "type": "Input"},
                {"name": "hidden", "type": "Linear", "params": {"out_features": 16}},
                {"name": "relu", "type": "ReLU"},
                {"name": "last", "type": "Linear", "params": {"out_features": width}},
                {"name": "answer", "type": "Output"},
            ],
            "edges": [{"source": a, "target": b} for a, b in itertools.pairwise(names)],
            "training": {"data": data, "paradigm": {"name": "supervised", "loss": loss}, "epochs": 8, **settings},
        }
    )


@pytest.fixture(scope="module")
def iris(train: Train) -> Run:
    return train({"name": "iris", "batch_size": 16}, 3, optimizer={"name": "Adam", "lr": 0.01})


@pytest.fixture(scope="module")
def moons(train: Train) -> Run:
    data = {"name": "moons", "samples": 300, "batch_size": 32}
    return train(data, 1, "binary_cross_entropy_with_logits", optimizer={"name": "Adam", "lr": 0.03}, epochs=20)


@pytest.fixture(scope="module")
def diabetes(train: Train) -> Run:
    return train({"name": "diabetes", "batch_size": 32}, 1, epochs=10)


def test_predictions_agree_with_the_scores_of_the_run(iris: Run) -> None:
    for split in ("validation", "test"):
        answers = predict(iris, split)
        accuracy = float(np.mean(answers.predicted == answers.targets))
        metrics = iris.metrics()
        told = metrics[(metrics["split"] == split) & (metrics["metric"] == "accuracy")]["value"]
        losses = metrics[(metrics["split"] == split) & (metrics["metric"] == "loss")]["value"]
        assert accuracy == pytest.approx(told.iloc[int(losses.argmin())], abs=1e-6)


def test_inputs_are_those_of_the_data_set(iris: Run) -> None:
    answers = predict(iris)
    arrays = iris.job.dataset.load()
    np.testing.assert_allclose(answers.inputs[0], arrays.inputs[0][answers.indices], atol=1e-4)
    np.testing.assert_array_equal(answers.targets, arrays.targets[answers.indices])
    assert answers.features == iris.job.dataset.feature_names


def test_probabilities_and_confidence(iris: Run) -> None:
    answers = predict(iris)
    assert answers.probabilities is not None and answers.confidence is not None
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(answers.confidence, answers.probabilities.max(axis=1))


def test_wrong_ones_come_first() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.45, 0.55]], dtype=np.float32)
    made = Predictions(
        "validation", "classification", "table", ("a", "b"), (), (), np.zeros((4, 1), np.float32),
        np.array([0, 0, 1, 1]), chances.argmax(axis=1), chances, np.arange(4),
    )  # fmt: skip
    assert made.order.tolist() == [1, 2, 3, 0]
    assert confusion(made).tolist() == [[1, 1], [1, 1]]


def test_confusion_counts_every_sample_once(iris: Run) -> None:
    answers = predict(iris)
    counts = confusion(answers)
    assert counts.shape == (3, 3)
    assert counts.sum() == len(answers.targets)
    assert np.trace(counts) == np.sum(~answers.wrong)


def test_regression_is_in_the_units_of_the_data_set(diabetes: Run) -> None:
    answers = predict(diabetes)
    arrays = diabetes.job.dataset.load()
    np.testing.assert_allclose(answers.targets, arrays.targets[answers.indices], rtol=1e-4)
    assert answers.probabilities is None and answers.confidence is None
    errors = np.abs(answers.predicted - answers.targets)[answers.order]
    assert (np.diff(errors[:, 0]) <= 0).all()
    assert not answers.wrong.any()


def test_surface_covers_the_points_and_agrees_with_the_network(moons: Run) -> None:
    seen = surface(moons, resolution=60)
    points, classes = seen.training
    assert seen.named.shape == seen.confidence.shape == (60, 60)
    assert seen.x[0] < points[:, 0].min() and seen.x[-1] > points[:, 0].max()
    columns = np.abs(points[:, 0, None] - seen.x).argmin(axis=1)
    rows = np.abs(points[:, 1, None] - seen.y).argmin(axis=1)
    assert np.mean(seen.named[rows, columns] == classes) > 0.85
    assert seen.confidence.min() >= 0.5


def test_only_points_with_classes_have_a_surface(iris: Run, moons: Run) -> None:
    assert has_surface(moons) and not has_surface(iris)
    with pytest.raises(RunError, match="no decision surface"):
        surface(iris)


def test_answers_are_kept_until_the_weights_change(iris: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = predict(iris)
    assert predict(iris) is first
    weights = iris.store.run_folder(iris.id) / "best.safetensors"
    weights.write_bytes(weights.read_bytes())
    again = predict(iris)
    assert again is not first
    np.testing.assert_array_equal(again.predicted, first.predicted)


def test_memory_forgets_the_oldest() -> None:
    memory = predictions._Memory(2)
    for key in (1, 2, 3):
        memory.get(key, lambda key=key: key)
    assert list(memory.results) == [2, 3]


def test_no_samples_held_out(train: Train) -> None:
    run = train({"name": "iris", "validation": 0.0}, 3, epochs=1)
    with pytest.raises(RunError, match="held out no sample for validation"):
        predict(run)


def test_no_weights_yet(iris: Run) -> None:
    empty = iris.store.create("empty", iris.job.to_json(), 0, 1)
    with pytest.raises(RunError, match="no weights yet"):
        predict(Run(empty, iris.store))


def test_fields_are_frozen(iris: Run) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        predict(iris).split = "test"  # type: ignore[misc]
