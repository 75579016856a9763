"""What several predictions must improve on real digits: better calibration than a single network, and the detection of
images of clothes."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

import builder
import trainers
from tests.trainers.conftest import needs_mirror
from trainers.paradigms.bayesian.predictions import out_of_distribution

pytestmark = [pytest.mark.slow, needs_mirror]


def trained(name: str, **overrides: Any) -> trainers.Run:
    run = trainers.start(trainers.Job.from_document(builder.template(name), **overrides))
    run.wait(550)
    assert run.state == "finished", run.progress().message
    return run


def test_monte_carlo_dropout_is_better_calibrated_than_a_single_network_and_detects_clothes() -> None:
    run = trained("bayesian_cnn")
    scores = run.scores()
    assert scores["calibration_error"] < scores["single_calibration_error"]
    assert scores["nll"] < scores["single_nll"]
    assert scores["accuracy"] >= 0.94
    found = out_of_distribution(run, "fashion_mnist_sprite")
    assert found.by_entropy.auroc >= 0.9
    assert found.by_entropy.flagged.mean() >= 0.4


def test_an_ensemble_is_better_calibrated_than_its_first_member() -> None:
    """Means of three seeds. One seed may give the first member the smaller calibration error, so it has a margin.

    With fewer samples than the template has, each member overfits more, and several are worth more.
    """
    data = {**builder.template("ensemble").training["data"], "train_samples": 3000}
    runs = [trained("ensemble", seed=seed, data=data).scores() for seed in range(3)]
    scores = {name: statistics.mean(run[name] for run in runs) for name in runs[0]}
    assert scores["calibration_error"] < scores["single_calibration_error"] + 0.002
    assert scores["nll"] < scores["single_nll"]
    assert scores["accuracy"] > scores["single_accuracy"]
