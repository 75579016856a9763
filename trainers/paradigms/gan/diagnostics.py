"""What goes wrong between a generator and a discriminator, noticed after every epoch and said in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainers.events import Verdict
from trainers.paradigms.gan.metrics import mean_distance

if TYPE_CHECKING:
    from torch import Tensor

ALIKE = 0.7  # of the data's variety, below which samples are too much alike
SURE = 0.97  # share that a discriminator gets right on both sides, from which on it has won
RESTLESS = 0.45  # of the distance between two samples, by which one moves from epoch to epoch
SETTLING = 8  # epochs in which everything may move


class Diagnostics:
    """Remembers what the generator made of the same noise an epoch ago."""

    def __init__(self, scored_freely: bool = False) -> None:
        self.scored_freely = scored_freely  # the scores have no border: being right on both sides means nothing
        self.before: Tensor | None = None
        self.epochs = 0

    def remarks(
        self, recent: Mapping[str, float], likeness: Mapping[str, float], drawn: Tensor, data: Tensor, classes: int
    ) -> tuple[Verdict, ...]:
        """What is to be said after an epoch; the history says it when it lasts.

        `recent`: figures of the last steps; `likeness`: of the samples beside the data; `drawn`: what the generator
        makes of the same noise each time, and `data`: as many real samples.
        """
        self.epochs += 1
        found = [*self._collapse(likeness, classes), *self._too_sure(recent), *self._restless(drawn, data)]
        self.before = drawn.detach().clone()
        return tuple(found)

    def _collapse(self, likeness: Mapping[str, float], classes: int) -> Iterator[Verdict]:
        there = int(likeness.get("mode_coverage", classes))
        told = f"{there} of {classes} classes are drawn" if there < classes else ""
        if likeness["diversity"] < ALIKE:
            told = f"its samples are only {likeness['variety']:.0%} as varied as the data" + (
                f", {told}" if told else ""
            )
        elif there > 0.7 * classes:
            return
        yield Verdict(
            None,
            "warning",
            f"The generator collapses to a part of the data: {told}.",
            "Lower the generator's learning rate, give the discriminator more steps, or take the Wasserstein game: its "
            "critic sees the difference between one good sample and many.",
        )

    def _too_sure(self, recent: Mapping[str, float]) -> Iterator[Verdict]:
        real, false = recent.get("discriminator_accuracy_real", 0.0), recent.get("discriminator_accuracy_fake", 0.0)
        if not self.scored_freely and min(real, false) > SURE:
            yield Verdict(
                None,
                "warning",
                f"The discriminator wins: it tells {real:.0%} of the real and {false:.0%} of the drawn samples right, "
                "so the generator hardly learns which way to go.",
                "Lower the discriminator's learning rate, smooth its labels (0.1), give it dropout, or a smaller one.",
            )

    def _restless(self, drawn: Tensor, data: Tensor) -> Iterator[Verdict]:
        if self.before is None or self.before.shape != drawn.shape or self.epochs <= SETTLING:
            return
        moved = float((drawn - self.before).flatten(1).norm(dim=1).mean() / mean_distance(data).clamp_min(1e-12))
        if moved > RESTLESS:
            yield Verdict(
                None,
                "warning",
                f"The two chase each other: from the same noise the generator makes something else after every epoch, "
                f"{moved:.0%} as far away as two samples of the data are from each other.",
                "Lower both learning rates, let them fall by a schedule, or average the generator for longer.",
            )

    def state_dict(self) -> dict[str, Any]:
        return {"before": self.before, "epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.before, self.epochs = state["before"], state["epochs"]
