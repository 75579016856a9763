"""Verdicts on a GAN, once per epoch: mode collapse, a discriminator that is always right, oscillation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainers.events import Verdict
from trainers.paradigms.gan.metrics import mean_distance
from trainers.verdicts.advice import DROPOUT, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.paradigms.gan.paradigm import GAN


COLLAPSED = 0.7  # of the data's diversity; below it the generator has collapsed
ALWAYS_RIGHT = 0.97  # discriminator accuracy on both sides, above which the generator gets hardly any gradient
OSCILLATING = 0.45  # change of a sample per epoch, as a share of the mean distance between two samples of the data
FIRST_EPOCHS = 8  # in which large changes are normal,
LEARNING_EPOCHS = 4  # and in which samples are alike, since the generator has only begun to learn


class ModeCollapse(VerdictRule):
    """The generator makes only a part of the data: its samples are too much alike, or classes are missing.

    The generator only has to mislead the discriminator, and one convincing sample can do that.

    Example: eight Gaussian clouds, of which the generator covers three.
    Fix: lower the generator's learning rate, train the discriminator for more steps, or use the Wasserstein loss.
    """

    title: ClassVar[str] = "Mode collapse"

    def find(
        self, circumstances: Circumstances, how: GAN | None, similarity: Mapping[str, float], classes: int
    ) -> Iterator[Verdict]:
        """`similarity`: of generated samples to the data."""
        covered = int(similarity.get("mode_coverage", classes))
        reasons = []
        if similarity["diversity"] < COLLAPSED:
            reasons.append(f"the diversity of its samples is {similarity['diversity']:.0%} of the data's")
        elif covered > 0.7 * classes:
            return
        if covered < classes:
            reasons.append(f"{covered} of {classes} classes are generated")
        if not reasons:  # a data set without classes
            return
        wasserstein = "use the Wasserstein loss, which distinguishes one good sample from many"
        advice = advise(
            circumstances,
            "lower the generator's learning rate",
            "train the discriminator for more steps",
            *([] if how is not None and how.loss == "wasserstein" else [wasserstein]),
        )
        message = f"Mode collapse: the generator covers only a part of the data; {', '.join(reasons)}."
        yield self.verdict(circumstances, None, message, advice)


class ConfidentDiscriminator(VerdictRule):
    """The discriminator classifies nearly all real and fake samples correctly, so the generator gets no gradient.

    The generator learns from what the discriminator is unsure of. With relative scores, as in the Wasserstein loss,
    high accuracy is no problem.

    Example: a discriminator with a learning rate ten times that of the generator.
    Fix: lower the discriminator's learning rate, smooth its labels, add dropout, or make it smaller.
    """

    title: ClassVar[str] = "The discriminator wins"

    def find(self, circumstances: Circumstances, how: GAN | None, recent: Mapping[str, float]) -> Iterator[Verdict]:
        """`recent`: metrics of the last steps."""
        real, fake = recent.get("discriminator_accuracy_real", 0.0), recent.get("discriminator_accuracy_fake", 0.0)
        if min(real, fake) <= ALWAYS_RIGHT:
            return
        message = (
            f"The discriminator wins: it classifies {real:.0%} of the real and {fake:.0%} of the fake samples "
            "correctly, so hardly any gradient reaches the generator."
        )
        smooth = Advice("smooth its labels (0.1)", lambda _: how is None or how.label_smoothing == 0)
        advice = advise(
            circumstances, "lower the discriminator's learning rate", smooth, DROPOUT, "make the discriminator smaller"
        )
        yield self.verdict(circumstances, None, message, advice)


class Oscillation(VerdictRule):
    """After each epoch the generator makes entirely different samples from the same noise.

    Both networks chase each other in a circle instead of coming closer to the data.

    Example: a GAN on points with a learning rate of 0.01 for both networks.
    Fix: lower both learning rates, reduce them by a schedule, or increase ema_decay.
    """

    title: ClassVar[str] = "Oscillation"

    def find(self, circumstances: Circumstances, how: GAN | None, relative: float) -> Iterator[Verdict]:
        """`relative`: the change of a sample, as a share of the mean distance between two samples of the data."""
        if relative <= OSCILLATING:
            return
        message = (
            "Oscillation: after each epoch the generator makes different samples from the same noise; they change "
            f"by {relative:.0%} of the mean distance between two samples of the data."
        )
        schedule = Advice("reduce them by a schedule", lambda run: run.has_constant_rate)
        average = Advice("increase ema_decay", lambda _: how is None or how.ema_decay < 0.999)
        advice = advise(circumstances, "lower both learning rates", schedule, average)
        yield self.verdict(circumstances, None, message, advice)


class Diagnostics:
    """Finds the verdicts once per epoch. `relative_scores`: only differences of scores matter to the loss."""

    def __init__(
        self, relative_scores: bool = False, circumstances: Circumstances | None = None, how: GAN | None = None
    ) -> None:
        self.relative_scores, self.how = relative_scores, how
        self.circumstances = circumstances or Circumstances(specs={})
        self.previous: Tensor | None = None  # samples from the same noise one epoch ago
        self.epochs = 0

    def verdicts(
        self, recent: Mapping[str, float], similarity: Mapping[str, float], samples: Tensor, data: Tensor, classes: int
    ) -> tuple[Verdict, ...]:
        """The verdicts of one epoch.

        Parameters:
            recent: metrics of the last steps; similarity: of generated samples to the data.
            samples: what the generator makes of the same noise after each epoch; data: as many real samples.
        """
        self.epochs += 1
        given = self.circumstances, self.how
        early = self.circumstances.job is not None and self.epochs <= LEARNING_EPOCHS
        found = [] if early else [*ModeCollapse().find(*given, similarity, classes)]
        found += [] if self.relative_scores else ConfidentDiscriminator().find(*given, recent)
        found += Oscillation().find(*given, self._change(samples, data))
        self.previous = samples.detach().clone()
        return tuple(found)

    def _change(self, samples: Tensor, data: Tensor) -> float:
        """By how much the samples changed since the epoch before, relative to the data; 0 in the first epochs."""
        if self.previous is None or self.previous.shape != samples.shape or self.epochs <= FIRST_EPOCHS:
            return 0.0
        change = (samples - self.previous).flatten(1).norm(dim=1).mean()
        return float(change / mean_distance(data).clamp_min(1e-12))

    def state_dict(self) -> dict[str, Any]:
        return {"before": self.previous, "epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.previous, self.epochs = state["before"], state["epochs"]
