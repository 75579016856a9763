"""Metrics and diagnostics of several predictions for the same samples: their uncertainty and their calibration.

The predictions are stochastic passes (different dropout masks or weights) or the members of an ensemble. T predictions,
N samples, C classes or k numbers:

    found = predictive_distribution(probabilities)   # (T, N, C) → mean, std, entropy, mutual information of each sample
    calibration(found.mean, targets)                 # confidence against accuracy, and the expected calibration error
    fit_temperature(found.mean, targets)             # the temperature that calibrates the probabilities best
    rejection(found.entropy, correct)                # accuracy of the rest when the most uncertain samples are rejected
    coverage(mean, std, truth)                       # of numbers: how often the truth lies in the interval
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.objectives.losses import Loss
    from trainers.tasks.target import Target

Numbers = NDArray[np.float64]
SINGLE = "single_"  # before the names of the metrics of a single network, without stochastic passes
BINS = 15  # as in Guo et al. 2017
EPSILON = 1e-12


@dataclass(frozen=True)
class PredictiveDistribution:
    """The mean prediction for each of N samples and its uncertainty.

    `entropy` is the total uncertainty of the mean prediction, in nats. It has two parts: `mutual_information` (between
    the prediction and the weights) measures the disagreement between the predictions, which more data would reduce; the
    rest is the uncertainty of every single prediction, which it would not. Houlsby et al. 2011,
    https://arxiv.org/abs/1112.5745
    """

    mean: Numbers  # (N, C)
    std: Numbers  # (N,): standard deviation, over the predictions, of the probability of the predicted class
    entropy: Numbers  # (N,)
    mutual_information: Numbers  # (N,)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class with the highest mean probability."""
        return np.asarray(self.mean.argmax(axis=1))

    @property
    def confidence(self) -> Numbers:
        """The mean probability of that class."""
        return np.asarray(self.mean.max(axis=1))


def predictive_distribution(probabilities: NDArray[np.floating]) -> PredictiveDistribution:
    """Mean, standard deviation, entropy and mutual information from the probabilities of each prediction, (T, N, C)."""
    every = np.asarray(probabilities, dtype=np.float64)
    mean = every.mean(axis=0)
    total = entropy(mean)
    predicted = mean.argmax(axis=1)
    std = every[:, np.arange(len(mean)), predicted].std(axis=0)
    return PredictiveDistribution(mean, std, total, np.maximum(total - entropy(every).mean(axis=0), 0.0))


def class_probabilities(outputs: Tensor, loss: Loss, target: Target) -> Numbers:
    """Outputs of one or several predictions, (…, N, C), as probabilities."""
    flat = outputs.reshape(-1, *outputs.shape[outputs.ndim - 1 :]) if outputs.ndim > 1 else outputs
    probabilities = target.entry.probabilities(flat, loss.expects, target)
    assert probabilities is not None
    found = probabilities.double().numpy()
    return np.asarray(found.reshape(*outputs.shape[:-1], found.shape[-1]))


def moments(outputs: Tensor, loss: Loss, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation over the predictions of the numbers that outputs stand for, (N, k) each."""
    values = loss.values(outputs).double().numpy().reshape(-1, *shape)
    return values.mean(axis=0), values.std(axis=0)


# -- classes ----------------------------------------------------------------------------------------------------------


def entropy(probabilities: Numbers) -> Numbers:
    """Entropy in nats over the last axis."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, EPSILON))).sum(axis=-1))


def negative_log_likelihood(probabilities: Numbers, targets: NDArray[np.int64]) -> float:
    """The mean of minus the logarithm of the probability of the true class."""
    true = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(true, EPSILON)).mean())


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy, in bins of equal width; empty bins are left out."""

    confidence: Numbers  # the mean of each bin
    accuracy: Numbers
    count: NDArray[np.int64]
    error: float  # the expected calibration error: the mean difference between the two, each sample weighted the same


def calibration(probabilities: Numbers, targets: NDArray[np.int64], bins: int = BINS) -> Calibration:
    """Whether the accuracy equals the confidence. Guo et al. 2017, https://arxiv.org/abs/1706.04599"""
    confidence = np.clip(probabilities.max(axis=1), 0.0, 1.0)
    correct = probabilities.argmax(axis=1) == targets
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = count > 0
    means, accuracy = (
        np.bincount(place, values, minlength=bins)[used] / count[used] for values in (confidence, correct.astype(float))
    )
    return Calibration(means, accuracy, count[used], calibration_error(probabilities, targets, bins))


def calibration_error(probabilities: Numbers, targets: NDArray[np.int64], bins: int = BINS) -> float:
    """The expected calibration error, by torchmetrics."""
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    given, truth = torch.from_numpy(np.asarray(probabilities, np.float32)), torch.from_numpy(np.asarray(targets))
    found = multiclass_calibration_error(given, truth, probabilities.shape[1], bins, "l1", validate_args=False)
    return float(found)


def fit_temperature(probabilities: Numbers, targets: NDArray[np.int64]) -> float:
    """The temperature with the lowest negative log-likelihood: above 1 the network is overconfident, below 1
    underconfident.

    It is one number, fitted on samples that were not used for training. No prediction changes, only its confidence.
    Guo et al. 2017.
    """
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

    def cost(logarithm: float) -> float:
        return negative_log_likelihood(apply_temperature(probabilities, float(np.exp(logarithm))), targets)

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(probabilities: Numbers, temperature: float) -> Numbers:
    """The softmax of the logarithms of the probabilities, divided by the temperature."""
    scores = np.log(np.maximum(probabilities, EPSILON)) / temperature
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def rejection(uncertainty: Numbers, score: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """The mean score of the samples that are kept (the accuracy, if a score is 1 for a correct prediction) against the
    share that is rejected, the most uncertain first; shares from 0 on."""
    ordered = score[np.argsort(uncertainty, kind="stable")].astype(float)
    kept = np.arange(1, len(ordered) + 1)
    mean = np.cumsum(ordered) / kept
    return (1 - kept / len(ordered))[::-1], mean[::-1]


@dataclass(frozen=True)
class OutOfDistributionScores:
    """How well a measure of uncertainty separates out-of-distribution samples from the data set's own."""

    auroc: float  # the probability that an out-of-distribution sample has the higher value; 0.5 is guessing
    threshold: float  # samples above it are flagged; so is one in twenty of the data set's own
    flagged: NDArray[np.bool_]  # which out-of-distribution samples are flagged


def out_of_distribution_scores(own: Numbers, other: Numbers) -> OutOfDistributionScores:
    """Detect other samples by a measure that should be higher for them, such as the entropy."""
    from sklearn.metrics import roc_auc_score

    truth = np.concatenate([np.zeros(len(own)), np.ones(len(other))])
    threshold = float(np.quantile(own, 0.95))
    auroc = float(roc_auc_score(truth, np.concatenate([own, other])))
    return OutOfDistributionScores(auroc, threshold, np.asarray(other > threshold))


# -- numbers ----------------------------------------------------------------------------------------------------------


def noise_std(mean: Numbers, std: Numbers, truth: Numbers) -> Numbers:
    """Standard deviation of the noise in the data, (k,): what remains of the error when the variance between the
    predictions is subtracted. All arguments are (N, k), of samples that were not used for training."""
    rest = ((truth - mean) ** 2 - std**2).mean(axis=0)
    least = 1e-3 * ((truth - mean) ** 2).mean(axis=0) + EPSILON
    return np.asarray(np.sqrt(np.maximum(rest, least)))


def interval(mean: Numbers, std: Numbers, level: float) -> tuple[Numbers, Numbers]:
    """The bounds between which a normally distributed number lies with this probability."""
    half = NormalDist().inv_cdf((1 + level) / 2) * std
    return mean - half, mean + half


def coverage(mean: Numbers, std: Numbers, truth: Numbers, level: float = 0.9) -> float:
    """The share of the true numbers that lie in that interval."""
    low, high = interval(mean, std, level)
    return float(((low <= truth) & (truth <= high)).mean())


def normal_log_loss(mean: Numbers, std: Numbers, truth: Numbers) -> float:
    """Negative log-likelihood of the truth under normal distributions."""
    std = np.maximum(std, EPSILON)
    return float((((truth - mean) / std) ** 2 / 2 + np.log(std) + np.log(2 * np.pi) / 2).mean())


# -- metrics of a run -------------------------------------------------------------------------------------------------


def classification_metrics(found: PredictiveDistribution, single: Numbers, truth: Any) -> dict[str, float]:
    """Calibration of the mean prediction and of the probabilities of a single network, after each epoch."""
    return {
        "calibration_error": calibration_error(found.mean, truth),
        f"{SINGLE}calibration_error": calibration_error(single, truth),
        "confidence": float(found.confidence.mean()),
        "mutual_information": float(found.mutual_information.mean()),
    }


def final_classification_metrics(found: PredictiveDistribution, single: Numbers, truth: Any) -> dict[str, float]:
    """The same at the end of a run, with likelihood and accuracy."""
    return {
        **classification_metrics(found, single, truth),
        "nll": negative_log_likelihood(found.mean, truth),
        f"{SINGLE}nll": negative_log_likelihood(single, truth),
        f"{SINGLE}accuracy": float((single.argmax(axis=1) == truth).mean()),
    }


def regression_metrics(outputs: Tensor, single: Tensor, loss: Loss, truth: Numbers) -> dict[str, float]:
    """Standard deviation of the predictions and coverage of intervals, after each epoch. The noise in the data is
    estimated from one half of the samples, the coverage from the other."""
    found = {"predictive_std": float(outputs.std(dim=0, correction=0).mean())}
    for several, prefix in ((outputs, ""), (single[None], SINGLE)) if len(truth) > 1 else ():
        mean, std = moments(several, loss, truth.shape)
        noise = noise_std(mean[::2], std[::2], truth[::2])
        total = np.sqrt(std[1::2] ** 2 + noise**2)
        found[f"{prefix}coverage"] = coverage(mean[1::2], total, truth[1::2])
    return found


def final_regression_metrics(
    outputs: tuple[Tensor, Tensor],
    reference: tuple[Tensor, Tensor],
    loss: Loss,
    truth: Numbers,
    reference_truth: Numbers,
) -> dict[str, float]:
    """Coverage and likelihood at the end of a run, in standard deviations of the targets. `outputs` are those of all
    predictions and of a single network; the noise in the data is estimated from the `reference` samples."""
    found = {"predictive_std": float(outputs[0].std(dim=0, correction=0).mean())}
    pairs = ((outputs[0], reference[0], ""), (outputs[1][None], reference[1][None], SINGLE))
    for several, known, prefix in pairs:
        mean, std = moments(several, loss, truth.shape)
        noise = noise_std(*moments(known, loss, reference_truth.shape), reference_truth)
        total = np.sqrt(std**2 + noise**2)
        found[f"{prefix}coverage"] = coverage(mean, total, truth)
        found[f"{prefix}nll"] = normal_log_loss(mean, total, truth)
    return found
