"""Guesses: what a metric is for predictions that ignore the inputs. A network that is no better has learned nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PERFECT = 0.998  # of the way to perfect predictions
SURE = 2.0  # standard deviations by which a score must be above the guess: less may be chance


@dataclass(frozen=True)
class Guess:
    """The value of one metric for a prediction that is the same for every sample, or known without a network."""

    metric: str  # its stored name
    label: str
    value: float
    words: str  # "always predicting the most common class"
    margin: float = 0.0  # by which a finite number of samples moves the metric by chance
    best: float = 1.0  # of a perfect prediction
    logarithmic: bool = False
    advice: str = ""  # what to try where a network is no better; empty: what is usual
    reachable: float = 1.0  # how far good networks usually get on the way to perfect predictions of noisy data

    @property
    def higher_is_better(self) -> bool:
        return self.best > self.value

    def beaten_by(self, score: float) -> bool:
        """Whether a score is better, by more than chance."""
        margin = min(
            self.margin, abs(self.best - self.value) / 2
        )  # few samples: a perfect score is better all the same
        return (score - self.value if self.higher_is_better else self.value - score) > margin

    def progress(self, score: float) -> float:
        """The share of the way from the guess to what good networks usually reach: 0 is the guess."""
        value, best, score = (self._scaled(number) for number in (self.value, self.best, score))
        return (score - value) / (best - value) / self.reachable if best != value else 0.0

    def _scaled(self, number: float) -> float:
        return math.log(max(number, 1e-12)) if self.logarithmic else number


def share_margin(value: float, samples: int) -> float:
    """By how much a share of so many samples is above its expected value by chance, at most."""
    return SURE * math.sqrt(max(value * (1 - value), 0.0) / max(samples, 1))


def beaten(guesses: Iterable[Guess], scores: Mapping[str, float]) -> bool | None:
    """Whether the scores are better than any of the guesses; None: there is no score to compare."""
    known = [guess.beaten_by(scores[guess.metric]) for guess in guesses if guess.metric in scores]
    return any(known) if known else None


def progress(guesses: Iterable[Guess], scores: Mapping[str, float]) -> float | None:
    """How far the scores are from the guesses to good predictions, by the guess that is beaten by most."""
    known = [guess.progress(scores[guess.metric]) for guess in guesses if guess.metric in scores]
    return max(known) if known else None


def is_perfect(guesses: Iterable[Guess], scores: Mapping[str, float]) -> bool:
    """Whether the predictions are as good as perfect, by one of the scores that can be compared."""
    known = [guess.progress(scores[guess.metric]) * guess.reachable for guess in guesses if guess.metric in scores]
    return max(known, default=0.0) >= PERFECT
