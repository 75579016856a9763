"""Verdicts on the scores of a run: told when they hold for some epochs, and not of healthy runs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

import trainers
from tests.pages.trained import chain
from trainers.events import Verdict
from trainers.objectives.model_outputs import Answers
from trainers.tasks.target import Target
from trainers.verdicts.evaluation import remarks
from trainers.verdicts.history import PATIENCE, Epoch, History


def history(training: Iterable[float], validation: Iterable[float], **scores: float) -> History:
    made = History()
    for number, (mine, held_out) in enumerate(zip(training, validation, strict=True), 1):
        made.take(Epoch(number, mine, {"loss": held_out, **scores}))
    return made


def said(made: History) -> str:
    return " ".join(verdict.message for verdict in made.verdicts())


def test_overfitting_is_a_rising_validation_loss_while_the_training_loss_falls() -> None:
    falling = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1]
    text = said(history(falling, [1.0, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9]))
    assert "overfits: since epoch 3" in text
    assert "overfits" not in said(history(falling, falling))
    assert "overfits" not in said(history(falling, [1.0, 0.8, 0.7, 0.71, 0.70, 0.71, 0.70]))  # a plateau
    assert "overfits" not in said(history([1.0, 0.8, 0.6, 0.7, 0.9, 1.2, 1.5], [1, 0.8, 0.7, 0.8, 0.9, 1.2, 1.5]))
    assert "overfits" not in said(history(falling[:4], [0.5, 0.8, 0.9, 0.4]))


def test_a_forecast_that_saves_nothing() -> None:
    assert "no better than the naive" in said(history([1.0] * 4, [1.0] * 4, skill=-0.1))
    assert not said(history([1.0] * 4, [1.0] * 4, skill=0.2))
    assert not said(history([1.0] * (PATIENCE - 1), [1.0] * (PATIENCE - 1), skill=-0.1))


def test_remarks_are_said_when_they_stay_in_the_newest_words() -> None:
    made = History()
    for number in range(1, 6):
        found = (Verdict(None, "warning", f"word {number}", "advice"),) if number != 2 else ()
        made.take(Epoch(number, 1.0, {"loss": 1.0}, found))
        assert said(made) == ("word 5" if number == 5 else "")


def test_notes_are_told_from_the_start() -> None:
    made = History(notes=("Class weights: a 1, b 2.",))
    assert said(made) == "Class weights: a 1, b 2."


def answers(task: str, predicted: torch.Tensor, targets: torch.Tensor, classes: int) -> Answers:
    shape = tuple(targets.shape[1:])
    return Answers(predicted, targets, Target(task, classes, shape), "logits", decided=True)  # type: ignore[arg-type]


def test_a_class_that_is_never_said() -> None:
    targets = torch.tensor([0] * 20 + [1] * 20 + [2] * 3)
    (remark,) = remarks(answers("classification", torch.zeros(43), targets, 3), ("a", "b", "c"))
    assert "never says class b," in remark.message and "20 samples" in remark.message  # three are too few to matter
    assert not remarks(answers("classification", targets.clone(), targets, 3), ("a", "b", "c"))


def test_a_label_that_is_never_said_and_masks_of_ground_alone() -> None:
    labels = torch.ones(10, 2)
    (remark,) = remarks(answers("multilabel", torch.tensor([[1, 0]] * 10), labels, 2), ("a", "b"))
    assert "never says label b" in remark.message
    masks = torch.randint(0, 3, (4, 8, 8))
    (remark,) = remarks(answers("segmentation", torch.zeros(4, 8, 8), masks, 3), ("ground", "b", "c"))
    assert "says ground for every pixel" in remark.message and "Dice" in remark.advice


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_class_weights_are_told_in_words(weights: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    document = chain({"name": "shapes_to_segment", "samples": 60, "size": 16},
                     conv=("Conv2d", {"out_channels": 4, "padding": 1}))  # fmt: skip
    paradigm = {"name": "supervised", "class_weights": weights}
    run = trainers.start(trainers.Job.from_document(document, paradigm=paradigm, epochs=2))
    assert run.wait(60) == "finished", run.progress().message
    text = " ".join(verdict.message for verdict in run.verdicts())
    assert ("Class weights: ground 0.2" in text) == (weights == "balanced"), text
