"""Verdicts on the uncertainty of a network: overconfidence, predictions that do not differ, a dominant prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from trainers.events import Verdict
from trainers.verdicts.advice import DECAY, DROPOUT, EARLY_STOPPING, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

if TYPE_CHECKING:
    from trainers.paradigms.bayesian.evaluation import PredictiveDistribution
    from trainers.tasks.target import Target

OVERCONFIDENT = 0.1  # calibration error from which on a verdict reports it
SAME_PREDICTIONS = 0.01  # share of the entropy: with less mutual information than that, the predictions hardly differ
LOW_ENTROPY = 0.02  # nats: below it the predictions may agree, since there is no uncertainty to be found
DOMINANT_PRIOR = 2.0  # times the prediction error: a KL divergence above it is reported
EPSILON = 1e-12


class Overconfident(VerdictRule):
    """The confidence of the network is higher than its accuracy, by a calibration error of more than 0.1.

    A probability of 90 % should be right in nine of ten cases. Networks that memorise samples are too sure.

    Example: a large perceptron on 100 samples of moons with noise, trained for 500 epochs.
    Fix: scale the temperature, stop earlier, or regularise more.
    """

    title: ClassVar[str] = "Overconfidence"

    def find(
        self, circumstances: Circumstances, found: PredictiveDistribution, error: float, truth: Any
    ) -> list[Verdict]:
        confidence, accuracy = float(found.confidence.mean()), float((found.predicted == truth).mean())
        if error < OVERCONFIDENT or confidence <= accuracy:
            return []
        message = (
            f"The network is overconfident: its mean confidence is {confidence:.0%}, its validation accuracy "
            f"{accuracy:.0%} (calibration error {error:.2f})."
        )
        temperature = "scale the temperature (the Inspect page shows the best one)"
        return [
            self.verdict(
                circumstances, None, message, advise(circumstances, temperature, EARLY_STOPPING, DROPOUT, DECAY)
            )
        ]


class SamePredictions(VerdictRule):
    """The predictions of the members, or of the stochastic passes, hardly differ, so they do not show uncertainty.

    Example: Monte Carlo dropout with a rate of 0.01.
    Fix: raise the dropout rate, or the standard deviations of the weights; use another initialisation.
    """

    title: ClassVar[str] = "Predictions that do not differ"

    def find(self, circumstances: Circumstances, found: PredictiveDistribution, method: str) -> list[Verdict]:
        total, information = float(found.entropy.mean()), float(found.mutual_information.mean())
        if total < LOW_ENTROPY or information >= SAME_PREDICTIONS * total:
            return []
        what, advice = {
            "ensemble": (
                "The members of the ensemble agree on all samples",
                "Choose another initialisation, use larger networks, or train them longer.",
            ),
            "dropout": (
                "The stochastic passes hardly differ: the dropout rate is too small to measure uncertainty",
                "Raise the dropout rate; 0.2 to 0.5 is usual.",
            ),
            "weights": (
                "The stochastic passes hardly differ: the distributions of the weights are too narrow",
                "Raise kl_weight or initial_std, so that the weights keep a larger standard deviation.",
            ),
        }[method]
        message = f"{what} (mutual information is {information / max(total, EPSILON):.1%} of the entropy)."
        return [self.verdict(circumstances, None, message, advice)]


class DominantPrior(VerdictRule):
    """The KL divergence is most of the loss, and the predictions are hardly better than guessing.

    Example: Bayes by Backprop on 100 samples with a kl_weight of 1.
    Fix: lower kl_weight, or use more samples.
    """

    title: ClassVar[str] = "Dominant prior"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "Underfitting", "NeverPredicted")

    def find(self, circumstances: Circumstances, divergence: float, loss: float, target: Target) -> list[Verdict]:
        guessing = float(np.log(max(target.classes, 2))) if target.classes else 1.0
        if divergence < DOMINANT_PRIOR * loss or loss < guessing / 2:
            return []
        message = (
            f"The prior dominates the loss: the KL divergence of the weights is {divergence:.2f} per sample, the "
            f"prediction error {loss:.2f}. So the weights stay close to the prior instead of fitting the data."
        )
        lower = Advice("lower kl_weight (0.1, 0.01)")
        more = "use more samples: the divergence is divided among them"
        return [self.verdict(circumstances, None, message, advise(circumstances, lower, more))]
