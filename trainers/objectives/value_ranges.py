"""Between which values targets lie after scaling, and whether outputs with certain bounds can be like them."""

from __future__ import annotations

import math

CERTAIN = 0.9  # a probability that a network must be able to give
MANY = 1e6  # a count that nobody predicts
FAR = 1.5  # standard deviations from the mean that standardised numbers often exceed
# By the kind of scaling (trainers/data/scaling.py): the least and the greatest value, and the same in words. Of numbers
# that are not scaled nothing is known.
SCALED: dict[str, tuple[float, float, str]] = {
    "standard": (-FAR, FAR, "on both sides of 0, most of them between −2 and 2"),
    "unit": (0.0, 1.0, "from 0 to 1"),
    "signed": (-1.0, 1.0, "from −1 to 1"),
}


def out_of_reach(scaling: str, low: float, high: float) -> str:
    """Where numbers with this scaling lie, in words, if outputs from `low` to `high` cannot be like all of them."""
    if scaling not in SCALED:
        return ""
    least, greatest, words = SCALED[scaling]
    return "" if low <= least + 0.01 and high >= greatest - 0.01 else words


def one_sided(low: float, high: float, loss: str) -> str:
    """Why logits of one sign alone do not suit a loss; empty: they have both signs."""
    if low < 0 < high:
        return ""
    return f"but the loss {loss} expects logits: negative for what is unlikely, positive for what is likely"


def unsure_of_classes(low: float, high: float, classes: int) -> str:
    """What a softmax of logits between these bounds cannot say; empty: a class can be almost certain."""
    best = 1 / (1 + (classes - 1) * math.exp(max(low - high, -100.0)))
    if best >= CERTAIN:
        return ""
    return f"so that no class can get a probability above {best:.0%}, and the loss stays large"


def unsure_of_yes(least: float, greatest: float) -> str:
    """What probabilities between these cannot say; empty: both yes and no can be almost certain."""
    if least <= 1 - CERTAIN and greatest >= CERTAIN:
        return ""
    return f"so that every probability lies between {least:.0%} and {min(greatest, 1):.0%}"


def limited_counts(low: float, high: float) -> str:
    """Which counts have logarithms between these bounds, if that are not all of them."""
    least, greatest = math.exp(max(low, -700.0)), math.exp(min(high, 700.0))
    if least < 1 and greatest > MANY:
        return ""
    counts = f"at least {least:.3g}" if greatest > MANY else f"from {least:.3g} to {greatest:.3g}"
    return f"and the loss takes them for logarithms of counts: no count but those {counts} can be predicted"


def sigmoid(value: float) -> float:
    """The probability that a logit stands for."""
    return 1 / (1 + math.exp(-max(min(value, 100.0), -100.0)))


def between(low: float, high: float) -> str:
    """A range in words: "only values from 0 to 1", "no value below 0"."""
    if high == float("inf"):
        return f"no value below {_number(low)}"
    if low == -float("inf"):
        return f"no value above {_number(high)}"
    return f"only values from {_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    return f"{value:.2g}"
