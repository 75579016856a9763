"""Verdicts on the metrics of the epochs, and `Assessment`, which collects all verdicts on a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from trainers.events import Event, Probe, Verdict
from trainers.verdicts.network import PROBE_RULES, ProbeStatistics, VerdictRule

EPOCHS = 3  # for which something must hold before it is reported
MIN_PROBES = 3  # before the first verdict on the network
RISE = 1.05  # factor on the lowest validation loss, from which on it counts as rising again
FALL = 0.97  # factor on the training loss of that epoch, below which it counts as falling further
SERIOUS_FIRST = ("error", "warning", "info")


@dataclass(frozen=True)
class Epoch:
    """The metrics of one epoch. `diagnostics` are the verdicts that the learner gave on its predictions."""

    number: int
    training_loss: float
    validation: Mapping[str, float]
    diagnostics: tuple[Verdict, ...] = ()


@dataclass
class History:
    """The epoch with the lowest validation loss, the last epochs, and notes from before the first step."""

    notes: tuple[str, ...] = ()
    best: Epoch | None = None
    last: deque[Epoch] = field(default_factory=lambda: deque(maxlen=EPOCHS))

    def add(self, epoch: Epoch) -> None:
        """Include one more epoch."""
        self.last.append(epoch)
        loss = epoch.validation.get("loss")
        if loss is not None and (self.best is None or loss <= self.best.validation["loss"]):
            self.best = epoch

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts that hold now."""
        if len(self.last) >= EPOCHS:
            for rule in EPOCH_RULES:
                yield from rule.find(self)
            yield from self._lasting_diagnostics()
        yield from (Verdict(None, "info", note, "") for note in self.notes)

    def _lasting_diagnostics(self) -> Iterator[Verdict]:
        """The learner's verdicts that all of the last epochs have, in the newest words: those with the same advice."""
        lasting = set.intersection(*({verdict.advice for verdict in epoch.diagnostics} for epoch in self.last))
        yield from (verdict for verdict in self.last[-1].diagnostics if verdict.advice in lasting)


class EpochRule(VerdictRule):
    """Base of the verdicts on the metrics: `find` reads the history of the epochs."""

    def find(self, history: History) -> Iterator[Verdict]:
        """The verdicts of this kind that hold now."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")


class Overfitting(EpochRule):
    """The validation loss has risen by more than 5 % for three epochs, while the training loss has fallen further.

    The network memorises the training samples instead of what they have in common, so it becomes worse on new ones.

    Example: a perceptron with 1,000 hidden units on 100 samples of moons with noise, trained for 500 epochs.
    Fix: use early stopping, dropout, weight decay, augmentation, more data, or a smaller network.
    """

    title: ClassVar[str] = "Overfitting"

    def find(self, history: History) -> Iterator[Verdict]:
        best, now = history.best, history.last[-1]
        if best is None or now.number - best.number < EPOCHS:
            return
        rise = min(epoch.validation.get("loss", 0.0) for epoch in history.last) / max(best.validation["loss"], 1e-12)
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

    def find(self, history: History) -> Iterator[Verdict]:
        skills = [epoch.validation["skill"] for epoch in history.last if "skill" in epoch.validation]
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
    """Collects the measurements of a run, and gives the verdicts on it."""

    def __init__(self, specs: Mapping[str, Any]) -> None:
        """`specs` are the layers of the nodes, in the order in which they run."""
        self.statistics = ProbeStatistics(specs=specs)
        self.history = History()
        self._probes = 0

    @property
    def has_enough_probes(self) -> bool:
        """Whether there have been enough probes for a verdict on the network."""
        return self._probes >= MIN_PROBES

    def add(self, events: Iterable[Event]) -> tuple[Verdict, ...]:
        """Include the events of one more probed step. Returns the verdicts that hold now."""
        for event in events:
            if isinstance(event, Probe):
                self.statistics.add(event)
        self._probes += 1
        return self.verdicts()

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts on the last probes and epochs, the most serious first."""
        found = [*self.history.verdicts()]
        if self.has_enough_probes:
            found += [verdict for rule in PROBE_RULES for verdict in rule.find(self.statistics)]
        return tuple(sorted(found, key=lambda verdict: SERIOUS_FIRST.index(verdict.severity)))
