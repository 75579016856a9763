"""What several answers to the same samples say of how sure a network can be, and whether it is as sure as it is right.

T draws (with other units left out, other weights, or another network each), N samples, C classes or k numbers:

    found = of_classes(draws)            # (T, N, C) → mean, spread, entropy, mutual information of each sample
    calibration(found.mean, targets)     # confidence against accuracy, and the expected calibration error
    temperature(found.mean, targets)     # by how much the confidence is to be stretched
    rejection(found.entropy, right)      # accuracy where it may leave out what it is unsure of
    coverage(mean, spread, truth)        # of numbers: how often the truth lies in the interval
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BINS = 15  # as in Guo et al. 2017
TINY = 1e-12
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Beliefs:
    """What the draws say of each of N samples.

    `entropy` is how unsure the mean is, in nats. It has two parts: `information` (mutual information between the answer
    and the weights) is how far the draws contradict each other, which more data would mend; the rest is what every one
    of them is unsure of, which it would not. Houlsby et al. 2011, https://arxiv.org/abs/1112.5745
    """

    mean: Numbers  # (N, C)
    spread: Numbers  # (N,): standard deviation over the draws of the probability of the class that is named
    entropy: Numbers  # (N,)
    information: Numbers  # (N,)

    @property
    def named(self) -> NDArray[np.int64]:
        """The class that the mean names."""
        return np.asarray(self.mean.argmax(axis=1))

    @property
    def confidence(self) -> Numbers:
        """The mean probability of that class."""
        return np.asarray(self.mean.max(axis=1))


def of_classes(draws: NDArray[np.floating]) -> Beliefs:
    """Mean, spread, entropy and mutual information from the probabilities of each draw, (T, N, C)."""
    chances = np.asarray(draws, dtype=np.float64)
    mean = chances.mean(axis=0)
    entropy = entropies(mean)
    named = mean.argmax(axis=1)
    spread = chances[:, np.arange(len(mean)), named].std(axis=0)
    return Beliefs(mean, spread, entropy, np.maximum(entropy - entropies(chances).mean(axis=0), 0.0))


def entropies(chances: Numbers) -> Numbers:
    """Entropy in nats over the last axis."""
    return np.asarray(-(chances * np.log(np.maximum(chances, TINY))).sum(axis=-1))


def surprise(chances: Numbers, targets: NDArray[np.int64]) -> float:
    """Negative log-likelihood: the mean of minus the logarithm of what the true class was given."""
    given = chances[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(given, TINY)).mean())


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy, in bins of equal width; bins without a sample are left out."""

    confidence: Numbers  # the mean of each bin
    accuracy: Numbers
    count: NDArray[np.int64]
    error: float  # the expected calibration error: the mean gap between the two, samples weighted alike


def calibration(chances: Numbers, targets: NDArray[np.int64], bins: int = BINS) -> Calibration:
    """Whether the network is right as often as it is sure. Guo et al. 2017, https://arxiv.org/abs/1706.04599"""
    sure = np.clip(chances.max(axis=1), 0.0, 1.0)
    right = chances.argmax(axis=1) == targets
    place = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    held = count > 0
    confidence, accuracy = (
        np.bincount(place, values, minlength=bins)[held] / count[held] for values in (sure, right.astype(float))
    )
    return Calibration(confidence, accuracy, count[held], calibration_error(chances, targets, bins))


def calibration_error(chances: Numbers, targets: NDArray[np.int64], bins: int = BINS) -> float:
    """The expected calibration error, by torchmetrics."""
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    given, truth = torch.from_numpy(np.asarray(chances, np.float32)), torch.from_numpy(np.asarray(targets))
    found = multiclass_calibration_error(given, truth, chances.shape[1], bins, "l1", validate_args=False)
    return float(found)


def temperature(chances: Numbers, targets: NDArray[np.int64]) -> float:
    """The temperature that makes the truth most likely: above 1 the network is too sure, below 1 not sure enough.

    One number, fitted on samples that were not learned from; no answer changes, only how sure it is. Guo et al. 2017.
    """
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

    def cost(logarithm: float) -> float:
        return surprise(tempered(chances, float(np.exp(logarithm))), targets)

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def tempered(chances: Numbers, degree: float) -> Numbers:
    """The probabilities as a softmax of their logarithms, divided by the temperature, gives them."""
    scores = np.log(np.maximum(chances, TINY)) / degree
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def rejection(doubt: Numbers, score: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """The mean score of the rest (1 where it is right: accuracy) against the share that is left out, the most doubtful
    first; shares from 0 on."""
    ordered = score[np.argsort(doubt, kind="stable")].astype(float)
    kept = np.arange(1, len(ordered) + 1)
    mean = np.cumsum(ordered) / kept
    return (1 - kept / len(ordered))[::-1], mean[::-1]


def noise(mean: Numbers, spread: Numbers, truth: Numbers) -> Numbers:
    """What is left of the error, as a standard deviation of each number (k,), when what the draws disagree by is taken
    off: the scatter of the data itself. All are (N, k), of samples that were not learned from."""
    left = ((truth - mean) ** 2 - spread**2).mean(axis=0)
    least = 1e-3 * ((truth - mean) ** 2).mean(axis=0) + TINY
    return np.asarray(np.sqrt(np.maximum(left, least)))


def interval(mean: Numbers, total: Numbers, level: float) -> tuple[Numbers, Numbers]:
    """The bounds between which the truth is expected to lie with this probability, for a normal distribution."""
    half = NormalDist().inv_cdf((1 + level) / 2) * total
    return mean - half, mean + half


def coverage(mean: Numbers, total: Numbers, truth: Numbers, level: float = 0.9) -> float:
    """How often the truth does lie in that interval."""
    low, high = interval(mean, total, level)
    return float(((low <= truth) & (truth <= high)).mean())


def surprise_of_numbers(mean: Numbers, total: Numbers, truth: Numbers) -> float:
    """Negative log-likelihood of the truth under normal distributions."""
    total = np.maximum(total, TINY)
    return float((((truth - mean) / total) ** 2 / 2 + np.log(total) + np.log(2 * np.pi) / 2).mean())


@dataclass(frozen=True)
class Separation:
    """How well a figure tells strangers from a network's own samples."""

    auroc: float  # how surely a stranger has the higher one; 0.5 is chance
    border: float  # above it a sample is flagged; one in twenty of the own ones is, too
    flagged: NDArray[np.bool_]  # which of the strangers are


def separation(own: Numbers, strangers: Numbers) -> Separation:
    """Tell strangers by a figure that should be higher for them, such as the entropy."""
    from sklearn.metrics import roc_auc_score

    truth = np.concatenate([np.zeros(len(own)), np.ones(len(strangers))])
    border = float(np.quantile(own, 0.95))
    return Separation(
        float(roc_auc_score(truth, np.concatenate([own, strangers]))), border, np.asarray(strangers > border)
    )
