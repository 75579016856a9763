"""Verdicts on the metrics and predictions of a run: reported when they hold for some epochs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

import trainers
from tests.pages.trained import chain
from trainers.events import Verdict
from trainers.objectives.guess import Guess
from trainers.objectives.model_outputs import Answers
from trainers.tasks import TASKS
from trainers.tasks.target import Target
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import EPOCHS, Epoch


def history(
    training: Iterable[float], validation: Iterable[float], score: float | None = None, guess: float = 0.5
) -> Assessment:
    """The assessment of a run with these losses after each epoch, and one accuracy, which guessing gives `guess`."""
    made = Assessment(Circumstances(specs={}))
    guesses = () if score is None else (Guess("accuracy", "accuracy", guess, "always predicting yes", 0.01),)
    scores = {} if score is None else {"accuracy": score}
    for number, (mine, held_out) in enumerate(zip(training, validation, strict=True), 1):
        made.evidence.epochs.add(Epoch(number, mine, {"loss": held_out, **scores}, (), scores, guesses))
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


def test_overfitting_is_a_note_while_the_score_stays() -> None:
    falling, rising = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1], [1.0, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9]
    made = history(falling, rising, 0.9)
    assert [verdict.severity for verdict in made.verdicts() if verdict.kind == "Overfitting"] == ["info"]
    for number in range(8, 11):
        worse = Epoch(number, 0.1, {"loss": 1.0, "accuracy": 0.7}, (), {}, made.evidence.epochs.last[-1].guesses)
        made.evidence.epochs.add(worse)
    assert [verdict.severity for verdict in made.verdicts() if verdict.kind == "Overfitting"] == ["warning"]


def test_a_validation_loss_that_rises_from_next_to_nothing_is_no_overfitting() -> None:
    falling, rising = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1], [1.0, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9]
    assert not history(falling, rising, 1.0).verdicts()  # no mistakes of which to be too sure
    for score in (None, 0.9):
        made = history([loss / 1000 for loss in falling], [loss / 1000 for loss in rising], score)
        assert "overfits" in messages(made)
        made.evidence.losses.first = 2.3
        assert not made.verdicts()
    made.evidence.epochs.best_progress = 1.0  # the score has become worse
    assert "overfits" in messages(made)
    made = history(falling, rising, 0.9)
    made.evidence.losses.first = 2.3
    assert "overfits" in messages(made)


def test_a_score_no_better_than_guessing_is_said_after_some_epochs() -> None:
    (verdict,) = history([1.0] * 4, [1.0] * 4, 0.5).verdicts()
    assert verdict.severity == "error" and "always predicting yes gives 0.5" in verdict.message
    assert not messages(history([1.0] * 4, [1.0] * 4, 0.6))
    assert not messages(history([1.0] * (EPOCHS - 1), [1.0] * (EPOCHS - 1), 0.5))
    ended = history([1.0], [1.0], 0.5)
    ended.evidence.ended = True
    assert "No better than guessing" in messages(ended)


def test_the_test_split_has_the_last_word_on_guessing() -> None:
    made = history([1.0] * 4, [1.0] * 4, 0.5)
    guesses = (Guess("accuracy", "accuracy", 0.5, "always predicting yes", 0.01),)
    assert not made.tested({"accuracy": 0.8}, guesses)
    assert "the test accuracy is 0.5" in made.tested({"accuracy": 0.5}, guesses)[0].message
    good = history([1.0] * 4, [1.0] * 4, 0.9)
    few = (Guess("accuracy", "accuracy", 0.5, "always predicting yes", 0.4),)  # a test split of six samples
    assert not good.tested({"accuracy": 0.33}, few)
    assert good.tested({"accuracy": 0.33}, guesses)


@pytest.mark.parametrize(
    ("task", "targets", "metric", "value"),
    [
        ("classification", torch.tensor([0, 0, 0, 1]), "accuracy", 0.75),
        ("multilabel", torch.tensor([[1, 0], [1, 0], [1, 1], [0, 0]]), "accuracy", 0.75),
        ("segmentation", torch.tensor([[[0, 0], [0, 1]]]), "iou", 0.375),
        ("regression", torch.randn(9, 2), "r2", 0.0),
        ("forecasting", torch.randn(9, 4, 2), "skill", 0.0),
        ("language", torch.zeros(3, 5, dtype=torch.int64), "perplexity", 18 / 16),
    ],
)
def test_what_guessing_reaches(task: str, targets: torch.Tensor, metric: str, value: float) -> None:
    entry = TASKS[task]
    classes = 0 if entry.class_kind == "none" else 3 if task == "language" else 2
    target = Target(task, classes, tuple(targets.shape[1:]))
    guess = entry.guesses(targets, targets, target)[0]
    assert (guess.metric, guess.value) == (metric, pytest.approx(value))
    assert not guess.beaten_by(guess.value) and guess.beaten_by(guess.best)
    assert guess.progress(guess.value) == 0 and guess.progress(guess.best) >= 1 - 1e-9


def test_underfitting_is_a_low_training_score_and_a_loss_that_stays() -> None:
    made = history([1.0] * 4, [1.0] * 4, 0.65)
    for _ in range(40):
        made.evidence.losses.add(1.0)
    made.evidence.ended = True
    (verdict,) = made.verdicts()
    assert verdict.kind == "Underfitting" and "more units" in verdict.advice
    fits = history([1.0] * 4, [1.0] * 4, 0.9)
    fits.evidence.losses, fits.evidence.ended = made.evidence.losses, True
    assert not fits.verdicts()


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
    target, run = Target(task, len(names), tuple(targets.shape[1:])), Circumstances(specs={})
    return TASKS[task].diagnostics(Answers(predicted, targets, target, "logits", decided=True), tuple(names), run)


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
