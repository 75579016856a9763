"""What the templates and small networks must reach on a test split of 20 %, as the mean of five seeds.

Each floor is at least three standard deviations of that mean below what was measured, so that rounding on another
processor does not reach it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

import builder
import trainers
from builder import Document
from tests.trainers.conftest import needs_mirror, perceptron

Train = Callable[..., trainers.Run]
SEEDS = range(5)


def mean_score(train: Train, document: Document, metric: str, **overrides: Any) -> float:
    data = {**document.training["data"], "test": 0.2}
    scores = []
    for seed in SEEDS:
        run = train(document, seed=seed, data=data, **overrides)
        assert run.state == "finished", run.progress().message
        scores.append(run.scores()[metric])
    return statistics.mean(scores)


def test_cnn_on_digits(train: Train) -> None:
    document = builder.template("digits_cnn")
    assert document.training["epochs"] <= 20
    assert mean_score(train, document, "accuracy") >= 0.975


@pytest.mark.slow
@needs_mirror
def test_cnn_on_mnist_10k(train: Train) -> None:
    document = builder.template("lenet")
    assert document.training["epochs"] <= 5
    assert document.training["data"]["name"] == "mnist_10k"
    assert mean_score(train, document, "accuracy", epochs=2) >= 0.97  # two are enough for that


@pytest.mark.parametrize(("data", "floor"), [("iris", 0.91), ("wine", 0.92), ("breast_cancer", 0.95)])
def test_perceptron_on_tables(train: Train, data: str, floor: float) -> None:
    shape, classes = {"iris": ([4], 3), "wine": ([13], 3), "breast_cancer": ([30], 2)}[data]
    document = perceptron(
        shape,
        classes,
        data={"name": data, "batch_size": 16, "validation": 0.1},
        optimizer={"name": "AdamW", "lr": 0.005, "weight_decay": 0.05},
        epochs=40,
    )
    assert mean_score(train, document, "accuracy") >= floor


def test_spiral(train: Train) -> None:
    document = perceptron(
        [2],
        2,
        hidden="Tanh",
        depth=2,
        data={"name": "spiral", "samples": 1000, "batch_size": 32},
        optimizer={"name": "Adam", "lr": 0.01},
        epochs=80,
    )
    assert mean_score(train, document, "accuracy") >= 0.97


def test_diabetes(train: Train) -> None:
    document = perceptron(
        [10],
        1,
        data={"name": "diabetes", "batch_size": 32, "validation": 0.1},
        paradigm={"name": "supervised", "loss": "mse"},
        optimizer={"name": "AdamW", "lr": 0.002, "weight_decay": 0.1},
        epochs=60,
    )
    assert mean_score(train, document, "r2") >= 0.38
