"""What the templates on text must reach, each trained once as it is."""

from __future__ import annotations

import pytest

import builder
import trainers
from tests.trainers.conftest import needs_mirror

pytestmark = [pytest.mark.slow, needs_mirror]


def trained(name: str) -> trainers.Run:
    run = trainers.start(trainers.Job.from_document(builder.template(name)))
    run.wait(550)
    assert run.state == "finished", run.progress().message
    return run


def test_a_character_model_has_a_low_loss() -> None:
    run = trained("char_lstm")
    metrics = run.metrics()
    losses = metrics[(metrics["split"] == "validation") & (metrics["metric"] == "loss")]["value"]
    assert losses.min() < 1.7
    assert len(run.texts()) > 1


def test_film_reviews_are_classified() -> None:
    # 1,066 test sentences: the standard deviation of an accuracy of 0.76 is 0.013
    assert trained("text_cnn").scores()["accuracy"] >= 0.72
