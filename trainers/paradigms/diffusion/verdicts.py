"""Verdicts on a diffusion model."""

from __future__ import annotations

from typing import ClassVar

from trainers.events import Verdict
from trainers.verdicts.advice import LONGER, LOWER_RATE, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

COLLAPSED = 0.25  # standard deviation of samples as a share of the data's


class EqualSamples(VerdictRule):
    """The generated samples are almost the same, although the network predicts some of the noise.

    A network that does not know how much noise there is generates the mean of all images.

    Example: a network in which the time step is an Input that leads to the last layer only.
    Fix: train longer, or connect the time step to more layers.
    """

    title: ClassVar[str] = "Equal generated samples"

    def find(self, circumstances: Circumstances, relative: float | None) -> tuple[Verdict, ...]:
        """`relative`: the standard deviation of generated samples as a share of the data's; None: none were made."""
        if relative is None or relative >= COLLAPSED:
            return ()
        message = f"The generated images are almost the same: their standard deviation is {relative:.0%} of the data's."
        time = (
            "connect the time step to more layers: without it the network does not know how much noise there is, and "
            "generates the mean of all images"
        )
        return (self.verdict(circumstances, None, message, advise(circumstances, LONGER, LOWER_RATE, time)),)
