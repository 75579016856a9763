"""What is to be noticed in a network's answers for a part of the data: classes and labels that it never says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.events import Verdict

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.objectives.model_outputs import Answers

FEW = 5  # samples of a class, below which never saying it means little
NAMED = 3


def remarks(answers: Answers, classes: tuple[str, ...]) -> tuple[Verdict, ...]:
    """Verdicts on these answers alone; the caller says them when they stay."""
    task = answers.target.task
    if task not in ("classification", "multilabel", "segmentation") or len(classes) < 2:
        return ()
    said, there = _counts(answers, len(classes))
    silent = [number for number in range(len(classes)) if not said[number] and there[number] >= FEW]
    if not silent:
        return ()
    if task == "segmentation" and int((said > 0).sum()) == 1:
        ground = classes[int(said.argmax())]
        advice = "Balance the class weights, or take the Dice or the focal loss: rare pixels then count more."
        return (Verdict(None, "warning", f"It says {ground} for every pixel, and finds nothing else.", advice),)
    thing = "label" if task == "multilabel" else "class"
    names = ", ".join(classes[number] for number in silent[:NAMED])
    more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
    where = "pixels" if task == "segmentation" else "samples"
    return (
        Verdict(
            None,
            "warning",
            f"It never says {thing} {names}{more}, though {int(there[silent].sum()):,} {where} held out have it.",
            f"Train longer; if the {thing} is rare, balance the class weights.",
        ),
    )


def _counts(answers: Answers, classes: int) -> tuple[Tensor, Tensor]:
    """How often each class is said, and how often it is there."""
    if answers.target.task == "multilabel":
        return answers.predicted.sum(dim=0).cpu(), answers.targets.sum(dim=0).cpu()
    said, there = (
        values.reshape(-1).bincount(minlength=classes).cpu() for values in (answers.predicted, answers.targets)
    )
    return said, there
