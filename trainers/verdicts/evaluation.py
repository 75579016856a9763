"""Verdicts on the predictions for one split of the data. A task asks those that suit its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trainers.events import Verdict
from trainers.verdicts.network import VerdictRule

if TYPE_CHECKING:
    from torch import Tensor

MIN_SAMPLES = 5  # of a class; if it has fewer, it means little that the class is never predicted
NAMED = 3  # classes in the message


class NeverPredicted(VerdictRule):
    """The network never predicts one or several of the classes, although at least five validation samples have them.

    Rare classes add little to the loss, so a network may ignore them and still have a low loss and a high accuracy.

    Example: 1,000 samples of one class and 20 of another: every sample is predicted as the frequent class.
    Fix: train longer, or set `class_weights` to "balanced".
    """

    title: ClassVar[str] = "Class that is never predicted"

    def find(
        self, predicted: Tensor, true: Tensor, classes: tuple[str, ...], thing: str = "class", where: str = "samples"
    ) -> tuple[Verdict, ...]:
        """`predicted` and `true` count for each class how often it is predicted and how often it is the target."""
        missing = [number for number in range(len(classes)) if not predicted[number] and true[number] >= MIN_SAMPLES]
        if not missing or len(classes) < 2:
            return ()
        names = ", ".join(classes[number] for number in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        several = {"class": "classes", "label": "labels"}.get(thing, thing)
        things, them, rare = (thing, "it", f"the {thing} is") if len(missing) == 1 else (several, "them", "they are")
        count = int(true[missing].sum())
        return (
            self.verdict(
                None,
                f"Never predicted: {things} {names}{more}, although {count:,} validation {where} have {them}.",
                f"Train longer. If {rare} rare, balance the class weights.",
            ),
        )


class OnlyOnePredicted(VerdictRule):
    """The network predicts the same class for every pixel, although the masks have several.

    If most pixels belong to one class, such as the background, predicting it everywhere already has a low loss.

    Example: small shapes on a large background, trained with cross-entropy for a few steps.
    Fix: set `class_weights` to "balanced", or use the Dice or focal loss.
    """

    title: ClassVar[str] = "Masks of one class"

    def find(self, predicted: Tensor, true: Tensor, classes: tuple[str, ...]) -> tuple[Verdict, ...]:
        """`predicted` and `true` count the pixels of each class in the predictions and in the targets."""
        missing = (predicted == 0) & (true >= MIN_SAMPLES)
        if int((predicted > 0).sum()) != 1 or not missing.any() or len(classes) < 2:
            return ()
        return (
            self.verdict(
                None,
                f"Every pixel is predicted as {classes[int(predicted.argmax())]}.",
                "Balance the class weights, or use the Dice or focal loss: both give rare classes more weight.",
            ),
        )


never_predicted, only_one_predicted = NeverPredicted().find, OnlyOnePredicted().find
