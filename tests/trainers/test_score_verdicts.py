"""Verdicts on the metrics and predictions of a run: reported when they hold for some epochs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

import trainers
from tests.pages.trained import chain
from trainers.events import Verdict
from trainers.objectives.model_outputs import Answers
from trainers.tasks import TASKS
from trainers.tasks.target import Target
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import EPOCHS, Epoch


def history(training: Iterable[float], validation: Iterable[float], **scores: float) -> Assessment:
    made = Assessment(Circumstances(specs={}))
    for number, (mine, held_out) in enumerate(zip(training, validation, strict=True), 1):
        made.evidence.epochs.add(Epoch(number, mine, {"loss": held_out, **scores}))
    return made


def messages(made: Assessment) -> str:
    return " ".join(verdict.message for verdict in made.verdicts())


def test_overfitting_is_a_rising_validation_loss_while_the_training_loss_falls() -> None:
    falling = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1]
    text = messages(history(falling, [1.0, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9]))
    assert "overfits: since epoch 3" in text
    assert "overfits" not in messages(history(falling, falling))
    assert "overfits" not in messages(history(falling, [1.0, 0.8, 0.7, 0.71, 0.70, 0.71, 0.70]))  # a plateau
    assert "overfits" not in messages(history([1.0, 0.8, 0.6, 0.7, 0.9, 1.2, 1.5], [1, 0.8, 0.7, 0.8, 0.9, 1.2, 1.5]))
    assert "overfits" not in messages(history(falling[:4], [0.5, 0.8, 0.9, 0.4]))


def test_a_forecast_without_skill() -> None:
    assert "no better than the naive" in messages(history([1.0] * 4, [1.0] * 4, skill=-0.1))
    assert not messages(history([1.0] * 4, [1.0] * 4, skill=0.2))
    assert not messages(history([1.0] * (EPOCHS - 1), [1.0] * (EPOCHS - 1), skill=-0.1))


def test_diagnostics_are_reported_when_they_stay_in_the_newest_words() -> None:
    made = Assessment(Circumstances(specs={}))
    for number in range(1, 6):
        found = (Verdict(None, "warning", f"word {number}", "advice"),) if number != 2 else ()
        made.evidence.epochs.add(Epoch(number, 1.0, {"loss": 1.0}, found))
        assert messages(made) == ("word 5" if number == 5 else "")


def test_notes_are_reported_from_the_start() -> None:
    made = Assessment(Circumstances(specs={}), ("Class weights: a 1, b 2.",))
    assert messages(made) == "Class weights: a 1, b 2."


def diagnostics(task: str, predicted: torch.Tensor, targets: torch.Tensor, names: str) -> tuple[Verdict, ...]:
    """The verdicts of a task on these predictions; `names` has a letter for each class."""
    target = Target(task, len(names), tuple(targets.shape[1:]))
    return TASKS[task].diagnostics(Answers(predicted, targets, target, "logits", decided=True), tuple(names))


def test_a_class_that_is_never_predicted() -> None:
    targets = torch.tensor([0] * 20 + [1] * 20 + [2] * 3)
    (verdict,) = diagnostics("classification", torch.zeros(43), targets, "abc")
    assert "class b," in verdict.message and "20 validation samples" in verdict.message  # three of c are too few
    assert not diagnostics("classification", targets.clone(), targets, "abc")


def test_a_label_that_is_never_predicted_and_masks_of_one_class() -> None:
    labels = torch.ones(10, 2)
    (verdict,) = diagnostics("multilabel", torch.tensor([[1, 0]] * 10), labels, "ab")
    assert "label b" in verdict.message
    masks = torch.randint(0, 3, (4, 8, 8))
    (verdict,) = diagnostics("segmentation", torch.zeros(4, 8, 8), masks, "abc")
    assert "Every pixel is predicted as a." in verdict.message and "Dice" in verdict.advice


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_class_weights_are_reported(weights: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    conv = ("Conv2d", {"out_channels": 4, "padding": 1})
    document = chain({"name": "shapes_to_segment", "samples": 60, "size": 16}, conv=conv)
    paradigm = {"name": "supervised", "class_weights": weights}
    run = trainers.start(trainers.Job.from_document(document, paradigm=paradigm, epochs=2))
    assert run.wait(60) == "finished", run.progress().message
    text = " ".join(verdict.message for verdict in run.verdicts())
    assert ("Class weights: background 0.2" in text) == (weights == "balanced"), text
