"""Verdicts on the predictions for one split of the data. A task asks those that suit its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trainers.events import Verdict
from trainers.verdicts.advice import LARGER, LONGER, WEIGHT_CLASSES, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule, listed

if TYPE_CHECKING:
    from torch import Tensor

MIN_SAMPLES = 5  # of a class; if it has fewer, it means little that the class is never predicted
RARE = 0.5  # of the mean number of samples of a class


class NeverPredicted(VerdictRule):
    """The network never predicts one or several of the classes, although at least five validation samples have them.

    These classes are not rare, so it has not learned what tells them from others, or their targets are wrong.

    Example: digits, trained for too few steps: no sample is predicted as an 8.
    Fix: train longer, and look at the samples.
    """

    title: ClassVar[str] = "Class that is never predicted"

    def find(self, circumstances: Circumstances, message: str, them: str) -> Verdict:
        """`message` names the classes; `them`: "it" or "them"."""
        look = f"look at the samples of {them}: can a person tell the target from the input?"
        return self.verdict(circumstances, None, message, advise(circumstances, LONGER, LARGER, look))


class RareNeverPredicted(NeverPredicted):
    """The network never predicts rare classes, although at least five validation samples have them.

    Rare classes add little to the loss, so a network may ignore them and still have a low loss and a high accuracy.

    Example: 1,000 samples of one class and 50 of another: every sample is predicted as the frequent class.
    Fix: set `class_weights` to "balanced", or collect more samples of the rare classes.
    """

    title: ClassVar[str] = "Rare class that is never predicted"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "NeverPredicted")

    def find(self, circumstances: Circumstances, message: str, them: str) -> Verdict:
        more = Advice(f"collect more samples of {them}")
        return self.verdict(circumstances, None, message, advise(circumstances, WEIGHT_CLASSES, LONGER, more))


def never_predicted(
    circumstances: Circumstances,
    predicted: Tensor,
    true: Tensor,
    classes: tuple[str, ...],
    thing: str = "class",
    where: str = "samples",
) -> tuple[Verdict, ...]:
    """Whether classes are never predicted. `predicted` and `true` count for each class how often it is predicted and
    how often it is the target."""
    missing = [number for number in range(len(classes)) if not predicted[number] and true[number] >= MIN_SAMPLES]
    if not missing or len(classes) < 2:
        return ()
    several = {"class": "classes", "label": "labels"}.get(thing, thing)
    things, them = (thing, "it") if len(missing) == 1 else (several, "them")
    names, count = listed([classes[number] for number in missing]), int(true[missing].sum())
    rare = float(true[missing].float().mean()) < RARE * float(true.float().mean())
    message = f"Never predicted: {things} {names}, although {count:,} validation {where} have {them}."
    rule = RareNeverPredicted() if rare else NeverPredicted()
    return (rule.find(circumstances, message + (" They are rare." if rare else ""), them),)


class OnlyOnePredicted(VerdictRule):
    """The network predicts the same class for every pixel, although the masks have several.

    If most pixels belong to one class, such as the background, predicting it everywhere already has a low loss.

    Example: small shapes on a large background, trained with cross-entropy for a few steps.
    Fix: set `class_weights` to "balanced", or use the Dice or focal loss.
    """

    title: ClassVar[str] = "Masks of one class"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "NeverPredicted", "RareNeverPredicted")

    def find(
        self, circumstances: Circumstances, predicted: Tensor, true: Tensor, classes: tuple[str, ...]
    ) -> tuple[Verdict, ...]:
        """`predicted` and `true` count the pixels of each class in the predictions and in the targets."""
        missing = (predicted == 0) & (true >= MIN_SAMPLES)
        if int((predicted > 0).sum()) != 1 or not missing.any() or len(classes) < 2:
            return ()
        message = f"Every pixel is predicted as {classes[int(predicted.argmax())]}."
        job = circumstances.job
        loss = None if job is None else job.paradigm.loss_for(job.dataset)
        overlap = Advice("use the Dice or focal loss", lambda _: loss is None or not loss.favours_rare)
        return (self.verdict(circumstances, None, message, advise(circumstances, WEIGHT_CLASSES, overlap, LONGER)),)


only_one_predicted = OnlyOnePredicted().find
