"""Verdicts on the metrics of the epochs, and `Assessment`, which collects all verdicts on a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from trainers.events import Verdict
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import EPOCHS, MIN_PROBES, Epochs, Evidence
from trainers.verdicts.network import PROBE_RULES, VerdictRule

RISE = 1.05  # factor on the lowest validation loss, from which on it counts as rising again
FALL = 0.97  # factor on the training loss of that epoch, below which it counts as falling further
SERIOUS_FIRST = ("error", "warning", "info")


class EpochRule(VerdictRule):
    """Base of the verdicts on the metrics: `find` reads the epochs."""

    def find(self, epochs: Epochs) -> Iterator[Verdict]:
        """The verdicts of this kind that hold now."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")


class Overfitting(EpochRule):
    """The validation loss has risen by more than 5 % for three epochs, while the training loss has fallen further.

    The network memorises the training samples instead of what they have in common, so it becomes worse on new ones.

    Example: a perceptron with 1,000 hidden units on 100 samples of moons with noise, trained for 500 epochs.
    Fix: use early stopping, dropout, weight decay, augmentation, more data, or a smaller network.
    """

    title: ClassVar[str] = "Overfitting"

    def find(self, epochs: Epochs) -> Iterator[Verdict]:
        best, now = epochs.best, epochs.last[-1]
        if best is None or now.number - best.number < EPOCHS:
            return
        rise = min(epoch.validation.get("loss", 0.0) for epoch in epochs.last) / max(best.validation["loss"], 1e-12)
        if rise > RISE and now.training_loss < FALL * best.training_loss:
            yield self.verdict(
                None,
                f"The network overfits: since epoch {best.number:,} the validation loss has risen by {rise - 1:.0%}, "
                "while the training loss has fallen further. It memorises the training samples.",
                "The weights of the best epoch are kept. Try early stopping, dropout, weight decay, augmentation, more "
                "data or a smaller network.",
            )


class NoSkill(EpochRule):
    """For three epochs the forecasts have been no better than the naive forecast, which repeats the last values.

    Skill is 1 minus the error of the network divided by the error of the naive forecast: 1 is perfect, 0 is naive.

    Example: a random walk. Its best forecast is its last value, so no network has a positive skill.
    Fix: train longer, change the learning rate, or give the network a longer window.
    """

    title: ClassVar[str] = "Forecast without skill"

    def find(self, epochs: Epochs) -> Iterator[Verdict]:
        skills = [epoch.validation["skill"] for epoch in epochs.last if "skill" in epoch.validation]
        if len(skills) == EPOCHS and max(skills) <= 0.0:
            yield self.verdict(
                None,
                f"The forecast is no better than the naive forecast, which repeats the last values: skill "
                f"{skills[-1]:.2f}.",
                "Train longer or change the learning rate; use a longer window or fewer columns. If the series is a "
                "random walk, no better forecast exists.",
            )


EPOCH_RULES: tuple[EpochRule, ...] = tuple(rule() for rule in EpochRule.__subclasses__())


class Assessment:
    """Collects the evidence on a run, and gives the verdicts."""

    def __init__(self, circumstances: Circumstances, notes: Iterable[str] = ()) -> None:
        """`notes`: facts from before the first step, which are shown with the verdicts."""
        self.evidence = Evidence(circumstances)
        self.notes = tuple(notes)

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that hold now, the most serious first."""
        found = [*self._on_epochs(), *(Verdict(None, "info", note, "") for note in self.notes)]
        if self.evidence.probes.count >= MIN_PROBES:
            found += [verdict for rule in PROBE_RULES for verdict in rule.find(self.evidence)]
        return tuple(sorted(found, key=lambda verdict: SERIOUS_FIRST.index(verdict.severity)))

    def _on_epochs(self) -> Iterator[Verdict]:
        epochs = self.evidence.epochs
        if len(epochs.last) < EPOCHS:
            return
        for rule in EPOCH_RULES:
            yield from rule.find(epochs)
        # The learner's verdicts that all of the last epochs have, in the newest words: those with the same advice.
        lasting = set.intersection(*({verdict.advice for verdict in epoch.diagnostics} for epoch in epochs.last))
        yield from (verdict for verdict in epochs.last[-1].diagnostics if verdict.advice in lasting)
