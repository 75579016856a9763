"""Metrics against scikit-learn and torchmetrics, for each task and each kind of output."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainers.objectives.losses import Expects
from trainers.objectives.model_outputs import Answers
from trainers.objectives.registry import evaluate_metrics, main_metric, metrics_for
from trainers.tasks import TASKS
from trainers.tasks.target import Target

NUMBERS = Target("regression", 0, (2,))


def squashed(logits: Tensor, expects: Expects) -> Tensor:
    if expects == "probabilities":
        return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
    return logits.log_softmax(dim=1) if expects == "log_probabilities" else logits


@pytest.mark.parametrize("expects", ["logits", "probabilities", "log_probabilities"])
@pytest.mark.parametrize(("classes", "width"), [(2, 1), (2, 2), (7, 7)])
def test_classes_are_scored_as_scikit_learn_does(expects: Expects, classes: int, width: int) -> None:
    if width == 1 and expects == "log_probabilities":
        return
    torch.manual_seed(1)
    target = Target("classification", classes, ())
    logits, targets = torch.randn(90, width), torch.randint(0, classes, (90,))
    outputs = squashed(logits, expects)
    answers = Answers(outputs, targets, target, expects)
    predicted, shares = answers.predicted, answers.class_probabilities
    scores = evaluate_metrics(answers)
    assert scores["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(targets, predicted))
    assert scores["f1"] == pytest.approx(sklearn.metrics.f1_score(targets, predicted, average="macro"))
    given = shares[:, 1] if classes == 2 else shares
    expected = sklearn.metrics.roc_auc_score(targets, given, multi_class="ovr")
    assert scores["auroc"] == pytest.approx(expected, abs=1e-5)
    assert ("top5" in scores) == (classes > 5)
    if classes > 5:
        expected = sklearn.metrics.top_k_accuracy_score(targets, shares, k=5)
        assert scores["top5"] == pytest.approx(expected)
    assert shares.shape == (90, classes)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(90))
    assert torch.equal(shares.argmax(dim=1), predicted)
    assert answers.target_probabilities is not None
    assert torch.equal(answers.target_probabilities, shares[torch.arange(90), targets])


@pytest.mark.parametrize("expects", ["logits", "probabilities"])
def test_labels_are_scored_as_scikit_learn_does(expects: Expects) -> None:
    torch.manual_seed(2)
    logits, targets = torch.randn(60, 4), (torch.rand(60, 4) > 0.6).float()
    outputs = logits.sigmoid() if expects == "probabilities" else logits
    scores = evaluate_metrics(Answers(outputs, targets, Target("multilabel", 4, (4,)), expects))
    predicted = logits > 0
    assert scores["accuracy"] == pytest.approx((predicted == targets).float().mean().item())
    assert scores["f1"] == pytest.approx(sklearn.metrics.f1_score(targets, predicted, average="macro"), abs=1e-6)
    assert scores["auroc"] == pytest.approx(sklearn.metrics.roc_auc_score(targets, logits), abs=1e-5)
    targets[:, 0] = 0  # a label that no sample has: the area under its curve does not exist
    scores = evaluate_metrics(Answers(outputs, targets, Target("multilabel", 4, (4,)), expects))
    assert "auroc" not in scores and "f1" in scores


@given(st.integers(0, 2**31 - 1), st.integers(1, 3))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_numbers_are_scored_as_scikit_learn_does(seed: int, columns: int) -> None:
    torch.manual_seed(seed)
    outputs, targets = torch.randn(50, columns), torch.randn(50, columns)
    scores = evaluate_metrics(Answers(outputs, targets, Target("regression", 0, (columns,))))
    assert scores["r2"] == pytest.approx(sklearn.metrics.r2_score(targets, outputs), abs=1e-4)
    assert scores["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(targets, outputs), abs=1e-5)
    assert scores["rmse"] == pytest.approx(sklearn.metrics.mean_squared_error(targets, outputs) ** 0.5, abs=1e-5)


def test_a_forecast_against_the_naive_one() -> None:
    torch.manual_seed(3)
    target, truth = Target("forecasting", 0, (6, 2)), torch.randn(20, 6, 2)
    naive = truth + 2.0
    scores = evaluate_metrics(Answers((truth + 0.5).flatten(1), truth, target, naive=naive))
    assert scores["skill"] == pytest.approx(0.75, abs=1e-5)
    assert scores["mae"] == pytest.approx(0.5, abs=1e-5) and scores["rmse"] == pytest.approx(0.5, abs=1e-5)
    assert evaluate_metrics(Answers(naive, truth, target, naive=naive))["skill"] == pytest.approx(0.0, abs=1e-6)
    assert "skill" not in evaluate_metrics(Answers(truth, truth, target))


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_masks_are_scored_as_scikit_learn_does(seed: int) -> None:
    torch.manual_seed(seed)
    target = Target("segmentation", 3, (5, 4))
    logits, truth = torch.randn(6, 3, 5, 4), torch.randint(0, 3, (6, 5, 4))
    scores = evaluate_metrics(Answers(logits, truth, target, "logits"))
    predicted = logits.argmax(dim=1).flatten()
    expected = sklearn.metrics.jaccard_score(truth.flatten(), predicted, average="macro")
    assert scores["iou"] == pytest.approx(expected, abs=1e-5)
    assert scores["pixel_accuracy"] == pytest.approx(float((predicted == truth.flatten()).float().mean()), abs=1e-6)
    decided = evaluate_metrics(Answers(logits.argmax(dim=1).byte(), truth, target, "logits", decided=True))
    assert decided == pytest.approx(scores)
    one = Target("segmentation", 2, (5, 4))
    assert one.entry.predicted(logits[:, :1], "logits", one).equal((logits[:, 0] > 0).long())


def test_texts_are_scored_token_by_token_without_what_does_not_count() -> None:
    torch.manual_seed(4)
    logits, targets = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    targets[0, :2] = -100
    scores = evaluate_metrics(Answers(logits, targets, Target("language", 7, (5,)), "logits"))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert scores["perplexity"] == pytest.approx(math.exp(float(loss)), rel=1e-5)
    counts = targets != -100
    assert scores["token_accuracy"] == pytest.approx(float((logits.argmax(-1) == targets)[counts].float().mean()))


def test_one_sample_none_and_numbers_that_are_none() -> None:
    single = Target("regression", 0, (1,))
    assert set(evaluate_metrics(Answers(torch.ones(1), torch.zeros(1, 1), single))) == {"mae", "rmse"}
    classes = Target("classification", 3, ())
    assert evaluate_metrics(Answers(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), classes, "logits")) == {}
    broken = torch.full((4, 3), math.nan)
    scores = evaluate_metrics(Answers(broken, torch.arange(4) % 3, classes, "logits"), costly=False)
    assert set(scores) == {"accuracy", "f1"}
    wide = Target("regression", 0, (3,))
    assert math.isnan(evaluate_metrics(Answers(broken, torch.zeros(4, 3), wide))["mae"])


def test_small_runs_are_spared_the_costly_ones() -> None:
    target = Target("classification", 7, ())
    answers = Answers(torch.randn(40, 7), torch.arange(40) % 7, target, "logits")
    assert {"auroc", "top5"} <= set(evaluate_metrics(answers))
    assert not {"auroc", "top5"} & set(evaluate_metrics(answers, costly=False))


def test_the_registry_names_one_metric_to_show_first() -> None:
    first = {"classification": "accuracy", "multilabel": "f1", "regression": "r2", "forecasting": "skill"}
    for task, name in {**first, "segmentation": "iou", "language": "perplexity"}.items():
        assert main_metric(task).name == name
    for task in TASKS:
        assert all(metric.summary.endswith(".") and metric.label for metric in metrics_for(task).values())
    assert np.unique([metric.label for metric in metrics_for("classification").values()]).size == 4
