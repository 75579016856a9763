"""What the templates on real data must reach on their test split: one run each, as short as passes with a margin.

docs/templates.md has the results of whole runs; these are bounds below which something is broken.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import builder
import trainers
from tests.trainers.conftest import needs_mirror
from trainers.data import dataset
from trainers.data.splits import prepare

pytestmark = [pytest.mark.slow, needs_mirror]


def trained(name: str, **overrides: Any) -> trainers.Run:
    run = trainers.start(trainers.Job.from_document(builder.template(name), **overrides))
    run.wait(550)
    assert run.state == "finished", run.progress().message
    return run


class Floor(NamedTuple):
    """A template, the least value of a metric on its test split, and what is shortened to get there quickly."""

    template: str
    metric: str
    least: float
    overrides: dict[str, Any]


FLOORS = (
    Floor("lstm_spoken_digits", "accuracy", 0.90, {"epochs": 12}),
    Floor("gru_remembers", "accuracy", 0.90, {"epochs": 14}),
    Floor("cnn_spoken_digits", "accuracy", 0.90, {"epochs": 9}),
    Floor("forecast", "skill", 0.05, {"epochs": 2}),
    Floor("two_inputs", "r2", 0.75, {"epochs": 8}),
    Floor("fashion_cnn", "accuracy", 0.72, {"epochs": 20}),  # 180 test images: a standard deviation of 0.03
    Floor("unet", "iou", 0.80, {}),
)


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.template)
def test_it_reaches_its_floor(floor: Floor) -> None:
    run = trained(floor.template, **floor.overrides)
    assert run.scores()[floor.metric] >= floor.least


def test_steering_is_a_third_better_than_the_mean_angle() -> None:
    run = trained("steering", epochs=8)
    parts = prepare(dataset(run.document.training["data"]), 0.1, 0.2)
    figures = parts.target_standardisation
    assert figures is not None
    assert parts.test.indices.min() == 800
    angles = figures.revert(parts.test.targets).numpy()
    of_the_mean = float(np.abs(angles - figures.mean).mean())  # the training part's
    assert run.scores()["mae"] <= of_the_mean * 2 / 3


def test_transfer_with_100_samples_is_as_good_as_400_from_scratch(home: Path) -> None:
    """Means of three seeds, each with other samples and another test part; the first training is done once."""
    document = builder.template("transfer_digits")
    data, scores = document.training["data"], {100: [0.0] * 3, 400: [0.0] * 3}
    for seed in range(3):
        way = {**document.training["paradigm"], "compare": False}
        if seed:
            (learned,) = (home / "first_trainings").glob("*.safetensors")
            (home / "weights").mkdir(exist_ok=True)
            shutil.copy(learned, home / "weights" / "first.safetensors")
            way = {**way, "source": None, "weights": "first.safetensors"}
        for limit, begun in ((100, way), (400, {"name": "supervised"})):
            changed = {"data": {**data, "train_samples": limit}, "paradigm": begun, "seed": seed}
            run = trainers.start(trainers.Job(document.changed(training={**document.training, **changed})))
            run.wait(300)
            assert run.state == "finished", run.progress().message
            scores[limit][seed] = run.scores()["accuracy"]
    gained = np.subtract(scores[100], scores[400])
    # the two are alike: what is asked is that the transfer is not worse by more than three standard deviations
    assert gained.mean() >= -max(0.005, 3 * gained.std(ddof=1) / len(gained) ** 0.5), scores
    assert np.mean(scores[100]) >= 0.97
