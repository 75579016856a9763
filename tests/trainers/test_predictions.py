"""Predictions: units, wrong samples first, counts that add up, losses of samples, a surface around the points."""

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
from trainers.runs.predictions import Predictions, has_surface, predict, surface
from trainers.runs.run import Run, RunError

Train = Callable[..., Run]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains a perceptron in a home of its own and returns the run when it is over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETLOOM_HOME", str(tmp_path_factory.mktemp("home")))

        def run(data: dict[str, Any], width: int, loss: str | None = None, layers: Any = (), **settings: Any) -> Run:
            document = perceptron(data, width, loss, list(layers), **settings)
            started = trainers.start(trainers.Job.from_document(document))
            started.wait(120)
            assert started.state == "finished", started.progress().message
            return started

        yield run


FLAT = [("flat", "Flatten", {})]


def perceptron(
    data: dict[str, Any], width: int, loss: str | None, layers: list[tuple[str, str, dict[str, Any]]], **settings: Any
) -> builder.Document:
    """Two linear layers; `layers` come before them."""
    hidden = [("hidden", "Linear", {"out_features": 16}), ("relu", "ReLU", {})]
    chain = [("samples", "Input", {}), *layers, *hidden, ("last", "Linear", {"out_features": width})]
    if layers == FLAT:
        chain.append(("image", "Reshape", {"shape": [1, 8, 8]}))
    chain.append(("answer", "Output", {}))
    names = [name for name, _, _ in chain]
    return builder.load(
        {
            "format": "netloom/2",
            "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in chain],
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
        reported = metrics[(metrics["split"] == split) & (metrics["metric"] == "accuracy")]["value"]
        losses = metrics[(metrics["split"] == split) & (metrics["metric"] == "loss")]["value"]
        assert accuracy == pytest.approx(reported.iloc[int(losses.argmin())], abs=1e-6)


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
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.45, 0.55]], dtype=np.float32)
    inputs, targets = np.zeros((4, 1), np.float32), np.array([0, 0, 1, 1])
    facts = ("validation", "classification", "table", ("a", "b"), (), (), (inputs,), targets)
    made = Predictions(*facts, probabilities.argmax(axis=1), probabilities, np.arange(4))
    assert made.order.tolist() == [1, 2, 3, 0]
    assert made.confusion.tolist() == [[1, 1], [1, 1]]
    assert made.entry.summary(made) == "2 of 4 validation samples are correct: 50.0%"
    assert made.entry.caption(made, 1) == ("b", "is a · 80%") and made.entry.caption(made, 0) == ("a", "90%")
    assert made.entry.columns(made.targets, made.names) == {"class": ["a", "a", "b", "b"]}
    few = made.only(np.array([1, 3]))
    assert few.wrong.tolist() == [True, False] and few.indices.tolist() == [1, 3] and len(few.inputs[0]) == 2


def test_classes_of_texts_are_counted_by_class_and_not_by_token(iris: Run) -> None:
    answers = dataclasses.replace(predict(iris), target_vocabulary=tuple(f"word {number}" for number in range(1000)))
    assert answers.confusion.shape == (3, 3) and answers.confusion.sum() == len(answers.targets)


def test_confusion_counts_every_sample_once(iris: Run) -> None:
    answers = predict(iris)
    counts = answers.confusion
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


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_losses_of_the_samples_have_the_mean_that_the_run_reports(iris: Run, diabetes: Run, split: Any) -> None:
    for run in (iris, diabetes):
        metrics = run.metrics()
        known = metrics[(metrics["split"] == split) & (metrics["metric"] == "loss")]["value"]
        losses = predict(run, split).losses
        assert losses is not None and float(losses.mean()) == pytest.approx(known.min(), rel=1e-4)
    found = predict(iris, split)
    assert found.target_probabilities is not None and found.losses is not None
    np.testing.assert_allclose(-np.log(found.target_probabilities), found.losses, rtol=1e-4, atol=1e-5)


def test_surface_covers_the_points_and_agrees_with_the_network(moons: Run) -> None:
    seen = surface(moons, resolution=60)
    points, classes = seen.training
    assert seen.predicted.shape == seen.confidence.shape == (60, 60)
    assert seen.x[0] < points[:, 0].min() and seen.x[-1] > points[:, 0].max()
    columns = np.abs(points[:, 0, None] - seen.x).argmin(axis=1)
    rows = np.abs(points[:, 1, None] - seen.y).argmin(axis=1)
    assert np.mean(seen.predicted[rows, columns] == classes) > 0.85
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


def test_no_validation_samples(train: Train) -> None:
    run = train({"name": "iris", "validation": 0.0}, 3, epochs=1)
    with pytest.raises(RunError, match="This run has no validation samples"):
        predict(run)


@pytest.mark.parametrize("predicts", ["next_token", "masked_token"])
def test_a_language_model_has_the_probability_of_each_true_token(train: Train, predicts: str) -> None:
    data = {"name": "python_reference", "context": 12, "limit": 3000, "batch_size": 32}
    paradigm = {"name": "language", "predicts": predicts, "sample_length": 0}
    layers = [("embedding", "Embedding", {"num_embeddings": 98, "embedding_dim": 8})]
    run = train(data, 97, layers=layers, paradigm=paradigm, epochs=2)
    found = predict(run)
    assert found.predicted.shape == found.targets.shape == found.inputs[0].shape
    assert found.probabilities is None and found.target_probabilities is not None and found.losses is not None
    asked = found.targets >= 0
    assert np.isnan(found.target_probabilities[~asked]).all() and asked.all(axis=1).all() == (predicts == "next_token")
    nll = -np.log(found.target_probabilities[asked])
    metrics = run.metrics()
    known = metrics[(metrics["split"] == "validation") & (metrics["metric"] == "loss")]["value"]
    if predicts == "next_token":
        assert nll.mean() == pytest.approx(known.min(), rel=1e-4)
    assert found.error == pytest.approx(found.losses, rel=1e-3)
    assert found.order[0] == found.error.argmax() and found.confusion.sum() == asked.sum()
    assert "tokens" in found.entry.summary(found) and found.entry.sample_view == "tokens"


def test_a_network_that_predicts_no_targets_says_so(train: Train) -> None:
    run = train({"name": "digits", "batch_size": 64}, 64, layers=FLAT, paradigm={"name": "autoencoder"}, epochs=1)
    with pytest.raises(RunError, match="has no predictions of targets"):
        predict(run)


def test_a_paradigm_without_a_loss_has_predictions_where_outputs_fit_the_targets(
    iris: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = predict(iris)
    monkeypatch.setattr(type(iris.job.paradigm), "loss_for", lambda self, dataset: None)
    monkeypatch.setattr(predictions, "_results", predictions._Memory(2))
    np.testing.assert_array_equal(predict(iris).predicted, expected.predicted)
    np.testing.assert_allclose(predict(iris).losses, expected.losses)


def test_no_weights_yet(iris: Run) -> None:
    empty = iris.store.create("empty", iris.job.to_json(), 0, 1)
    with pytest.raises(RunError, match="no weights yet"):
        predict(Run(empty, iris.store))


def test_fields_are_frozen(iris: Run) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        predict(iris).split = "test"  # type: ignore[misc]
