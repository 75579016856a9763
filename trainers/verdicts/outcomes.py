"""Verdicts on what came of a run: no better than guessing, under-fitting, over-fitting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from trainers.events import Verdict, VerdictSeverity
from trainers.objectives.guess import Guess, beaten, is_perfect
from trainers.verdicts.advice import (
    AUGMENT,
    DECAY,
    DROPOUT,
    EARLY_STOPPING,
    LARGER,
    LESS_DECAY,
    LESS_DROPOUT,
    LESS_L1,
    LONGER,
    MORE_DATA,
    RAISE_RATE,
    SMALLER,
    advise,
)
from trainers.verdicts.evidence import EPOCHS, WELL, Epoch, Evidence
from trainers.verdicts.rules import EvidenceRule, percent

RISE = 1.05  # factor on the lowest validation loss, from which on it counts as rising again
FALL = 0.97  # factor on the training loss of that epoch, below which it counts as falling further
MATTERS = 0.01  # of the loss of the first step, by which a validation loss must rise for a word on it
LOSES = 0.1  # of the way to perfect predictions, by which the score must be below its best
MEMORISED = 0.6  # of the way from guessing to perfect predictions, on the training split
UNDERFITS = 0.4  # of that way; below it the network does not even fit the training samples
SURE_MARGIN = 0.1  # by which chance moves a score: with more, a split is too small to contradict another one
USUAL_UPDATE = 3e-3  # of the weights in one step: with larger steps a higher learning rate is no advice
GAP = 0.1  # between training and validation; a larger one is no under-fitting


class NoBetterThanGuessing(EvidenceRule):
    """No score is better than that of a prediction that ignores the inputs: the network has learned nothing of use.

    Such predictions are the most common class, the mean, the last values of a series, each token by its frequency.

    Example: the template "Vanishing gradients": an accuracy of 10 % with ten classes.
    Fix: see which verdict names the cause; else check that the targets belong to the inputs.
    """

    title: ClassVar[str] = "No better than guessing"
    severity: ClassVar[VerdictSeverity] = "error"
    outcome: ClassVar[bool] = True
    effects: ClassVar[tuple[str, ...]] = ("Underfitting", "NeverPredicted")

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        if evidence.test:
            if beaten(evidence.test_guesses, evidence.test) is False and self._is_sure(evidence):
                yield from self._on("test", evidence.test_guesses, evidence.test, evidence)
        elif evidence.is_like_guessing:
            last = evidence.epochs.last[-1]
            yield from self._on("validation", last.guesses, last.validation, evidence)

    @staticmethod
    def _is_sure(evidence: Evidence) -> bool:
        """Whether the test split is large enough to say so, where the validation split says something else."""
        best = evidence.epochs.best_progress
        return best is None or best < WELL or max(guess.margin for guess in evidence.test_guesses) < SURE_MARGIN

    def _on(
        self, split: str, guesses: tuple[Guess, ...], scores: Mapping[str, float], evidence: Evidence
    ) -> Iterator[Verdict]:
        run, trained = evidence.circumstances, evidence.training_progress
        guess = next(each for each in guesses if each.metric in scores)
        learned = trained is not None and trained > MEMORISED
        message = (
            f"No better than guessing: the {split} {guess.label} is {scores[guess.metric]:.3g}, and {guess.words} "
            f"gives {guess.value:.3g}."
        )
        if guess.advice:
            advice = guess.advice
        elif learned:
            message += " On the training samples it is much better: the network memorises them."
            advice = advise(run, "check that the targets belong to the inputs", MORE_DATA, DROPOUT, DECAY)
        else:
            look = "check that the targets can be told from the inputs"
            usual = (look, LARGER, LONGER, "change the learning rate")
            advice = advise(run, *((LONGER, RAISE_RATE, look) if evidence.losses.falls else usual))
        yield self.verdict(run, None, message, advice)


class TestUnlikeValidation(EvidenceRule):
    """The network is good on the validation samples and much worse on the test samples.

    Both are new to it, so the two parts differ: other conditions, another time, another way of taking the samples. Or
    the validation samples are not new: some of them, or their groups, are in the training part as well.

    Example: digits whose test samples are upside down.
    Fix: look at the samples of both parts, and split the data so that the parts are alike.
    """

    title: ClassVar[str] = "Test part unlike the validation part"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing",)
    drop: ClassVar[float] = 0.2  # of the way from guessing to perfect predictions, besides what chance explains

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        best = evidence.epochs.best
        if best is None or not evidence.test:
            return
        for guess in best.guesses:
            tested = next((each for each in evidence.test_guesses if each.metric == guess.metric), None)
            before, now = best.validation.get(guess.metric), evidence.test.get(guess.metric)
            if tested is None or before is None or now is None or not (guess.margin and tested.margin):
                continue  # without a margin nobody knows how much is chance
            chance = guess.margin + tested.margin
            if chance >= 2 * SURE_MARGIN:
                continue
            if before - now <= self.drop * (guess.best - guess.value) + chance or guess.progress(before) < WELL:
                continue
            yield self.verdict(
                evidence.circumstances,
                None,
                f"The test samples are unlike the validation samples: the {guess.label} is {before:.3g} on validation "
                f"samples and {now:.3g} on test samples, and both are new to the network.",
                "Look at samples of both parts: do they come from the same source, and is no validation sample, or "
                "another one of its group, also in the training part?",
            )
            return


class Underfitting(EvidenceRule):
    """The network does not even fit the training samples, and its loss no longer falls.

    It is too small, or held back: by too strong a penalty, by dropout, by a learning rate that is too low or too high.

    Example: a network with a single hidden unit on digits.
    Fix: more units or layers, less regularisation, another learning rate.
    """

    title: ClassVar[str] = "Under-fitting"
    effects: ClassVar[tuple[str, ...]] = ("NeverPredicted",)

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        trained, held_out = evidence.training_progress, evidence.progress
        falls = evidence.losses.falls
        if trained is None or held_out is None or len(evidence.epochs.last) < EPOCHS or (falls and not evidence.ended):
            return
        if evidence.share_done < 0.5 or max(trained, held_out) > UNDERFITS or trained - held_out > GAP:
            return
        last = evidence.epochs.last[-1]
        guess = next((each for each in last.guesses if each.metric in last.training), None)
        if guess is None or evidence.is_like_guessing:
            return
        run = evidence.circumstances
        yield self.verdict(
            run,
            None,
            f"The network underfits: even on the training samples the {guess.label} is "
            f"{last.training[guess.metric]:.3g} ({guess.words} gives {guess.value:.3g}), and the loss "
            f"{'was still falling at the last step' if falls else 'no longer falls'}.",
            advise(
                run,
                *([LONGER] if falls else []),
                LARGER,
                LESS_DECAY,
                LESS_L1,
                LESS_DROPOUT,
                *([RAISE_RATE] if evidence.probes.typical_update < USUAL_UPDATE else []),
            ),
        )


class Overfitting(EvidenceRule):
    """The validation loss has risen by more than 5 % for three epochs, while the training loss has fallen further.

    The network memorises the training samples instead of what they have in common, so it becomes worse on new ones.
    While only the loss rises and the score stays, it is a note: the network becomes too sure of its mistakes. While
    there are none, or the loss has risen by less than 1 % of that of the first step at an equal score, nothing is said.

    Example: a perceptron with 1,000 hidden units on 100 samples of moons with noise, trained for 500 epochs.
    Fix: use early stopping, dropout, weight decay, augmentation, more data, or a smaller network.
    """

    title: ClassVar[str] = "Overfitting"

    def find(self, evidence: Evidence) -> Iterator[Verdict]:
        best, last = evidence.epochs.best, evidence.epochs.last
        if best is None or len(last) < EPOCHS or last[-1].number - best.number < EPOCHS:
            return
        rise = min(epoch.validation.get("loss", 0.0) for epoch in last) / max(best.validation["loss"], 1e-12)
        if rise <= RISE or last[-1].training_loss >= FALL * best.training_loss:
            return
        if self._hardly_matters(evidence, best):
            return
        run = evidence.circumstances
        size = f"by {percent(rise - 1)}" if rise < 2 else f"to {min(rise, 1000.0):.1f} times its value"
        advice = advise(run, EARLY_STOPPING, DROPOUT, DECAY, AUGMENT, MORE_DATA, SMALLER)
        found = self.verdict(
            run,
            None,
            f"The network overfits: since epoch {best.number:,} the validation loss has risen {size}, while the "
            "training loss has fallen further. It memorises the training samples.",
            f"The weights of the best epoch are kept. {advice}",
        )
        yield replace(found, severity="info") if self._keeps(evidence) else found

    @staticmethod
    def _keeps(evidence: Evidence) -> bool:
        """Whether there is a score, which is about what it was at its best."""
        score, top = evidence.progress, evidence.epochs.best_progress
        return score is not None and top is not None and score > top - LOSES

    def _hardly_matters(self, evidence: Evidence, best: Epoch) -> bool:
        """Whether the validation samples are predicted without mistakes, or their loss has risen by next to nothing of
        the way that it fell, and the score with it has not become worse."""
        last, first = evidence.epochs.last, evidence.losses.first
        if all(is_perfect(epoch.guesses, epoch.validation) for epoch in last):
            return True
        if first is None or not (evidence.progress is None or self._keeps(evidence)):
            return False
        risen = min(epoch.validation.get("loss", 0.0) for epoch in last) - best.validation["loss"]
        return risen < MATTERS * abs(first)
