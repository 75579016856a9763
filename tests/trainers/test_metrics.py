"""Metrics against scikit-learn, for every head that a network may have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
import torch

from trainers.data.splits import Standardisation
from trainers.losses import Expects
from trainers.metrics import METRICS, evaluate_metrics, main_metric, predicted_classes, probabilities


@pytest.mark.parametrize("expects", ["logits", "probabilities"])
@pytest.mark.parametrize(("classes", "width"), [(2, 1), (2, 2), (5, 5)])
def test_classes_are_scored_as_scikit_learn_does(expects: Expects, classes: int, width: int) -> None:
    torch.manual_seed(1)
    logits, targets = torch.randn(80, width), torch.randint(0, classes, (80,))
    outputs = logits
    if expects == "probabilities":
        outputs = logits.sigmoid() if width == 1 else logits.softmax(dim=1)
    predicted = predicted_classes(outputs, expects)
    scores = evaluate_metrics("classification", outputs, targets, expects, classes)
    assert scores["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(targets, predicted))
    assert scores["f1"] == pytest.approx(sklearn.metrics.f1_score(targets, predicted, average="macro"))
    shares = probabilities(outputs, expects)
    assert shares.shape == (80, classes)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(80))
    assert torch.equal(shares.argmax(dim=1), predicted)


def test_numbers_are_scored_as_scikit_learn_does_in_their_own_unit() -> None:
    torch.manual_seed(1)
    outputs, targets = torch.randn(50, 2), torch.randn(50, 2)
    unit = Standardisation(np.array([100.0, 5.0], np.float32), np.array([20.0, 20.0], np.float32))
    plain = evaluate_metrics("regression", outputs, targets, "values", 0)
    scaled = evaluate_metrics("regression", outputs, targets, "values", 0, unit)
    assert plain["r2"] == pytest.approx(sklearn.metrics.r2_score(targets, outputs), abs=1e-5)
    assert plain["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(targets, outputs), abs=1e-5)
    assert plain["rmse"] == pytest.approx(sklearn.metrics.mean_squared_error(targets, outputs) ** 0.5, abs=1e-5)
    assert scaled["r2"] == pytest.approx(plain["r2"], abs=1e-4)
    assert scaled["mae"] == pytest.approx(20 * plain["mae"], rel=1e-4)
    assert scaled["rmse"] == pytest.approx(20 * plain["rmse"], rel=1e-4)


def test_one_sample_none_and_numbers_that_are_none() -> None:
    one = evaluate_metrics("regression", torch.ones(1), torch.zeros(1, 1), "values", 0)
    assert set(one) == {"mae", "rmse"}
    assert evaluate_metrics("classification", torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), "logits", 3) == {}
    broken = torch.full((4, 3), math.nan)
    assert set(evaluate_metrics("classification", broken, torch.arange(4) % 3, "logits", 3)) == {"accuracy", "f1"}
    assert math.isnan(evaluate_metrics("regression", broken, torch.zeros(4, 3), "values", 0)["mae"])


def test_the_registry_names_one_metric_to_show_first() -> None:
    assert main_metric("classification").name == "accuracy" and main_metric("regression").name == "r2"
    for metrics in METRICS.values():
        assert all(metric.summary.endswith(".") for metric in metrics.values())
