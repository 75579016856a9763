"""What the scores of the epochs mean, in words: overfitting, classes that are never found, forecasts of no use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trainers.events import Verdict

PATIENCE = 3  # epochs for which something must hold before it is said
RISE = 1.05  # times its best value, from which on the validation loss counts as rising again
FALL = 0.97  # times what it was at that best epoch, below which the training loss counts as falling


@dataclass(frozen=True)
class Epoch:
    """One epoch as it was scored; `remarks` is what the learner noticed in its answers."""

    number: int
    training_loss: float
    validation: Mapping[str, float]
    remarks: tuple[Verdict, ...] = ()


@dataclass
class History:
    """The best epoch so far and the last few, and what was to be said before the first."""

    notes: tuple[str, ...] = ()
    best: Epoch | None = None
    last: deque[Epoch] = field(default_factory=lambda: deque(maxlen=PATIENCE))

    def take(self, epoch: Epoch) -> None:
        """Hear of one more epoch."""
        self.last.append(epoch)
        loss = epoch.validation.get("loss")
        if loss is not None and (self.best is None or loss <= self.best.validation["loss"]):
            self.best = epoch

    def verdicts(self) -> Iterator[Verdict]:
        """What holds now."""
        if len(self.last) >= PATIENCE:
            yield from self._overfitting()
            yield from self._no_skill()
            yield from self._remarks()
        yield from (Verdict(None, "info", note, "") for note in self.notes)

    def _overfitting(self) -> Iterator[Verdict]:
        best, now = self.best, self.last[-1]
        if best is None or now.number - best.number < PATIENCE:
            return
        rise = min(epoch.validation.get("loss", 0.0) for epoch in self.last) / max(best.validation["loss"], 1e-12)
        if rise > RISE and now.training_loss < FALL * best.training_loss:
            yield Verdict(
                None,
                "warning",
                f"It overfits: since epoch {best.number:,} the validation loss has risen by {rise - 1:.0%} while the "
                "training loss went on falling. It learns the samples by heart.",
                "The weights of the best epoch are kept. Try early stopping, dropout, more L2, augmentation, more data "
                "or a smaller network.",
            )

    def _no_skill(self) -> Iterator[Verdict]:
        skills = [epoch.validation["skill"] for epoch in self.last if "skill" in epoch.validation]
        if len(skills) == PATIENCE and max(skills) <= 0.0:
            yield Verdict(
                None,
                "warning",
                f"The forecast is no better than the naive one, which repeats what was seen: skill {skills[-1]:.2f}.",
                "Train longer or with another learning rate; show it a longer window or fewer columns. On a random "
                "walk nothing can do better.",
            )

    def _remarks(self) -> Iterator[Verdict]:
        """What the learner noticed in each of the last epochs, in the newest words; told apart by the advice."""
        lasting = set.intersection(*({remark.advice for remark in epoch.remarks} for epoch in self.last))
        yield from (remark for remark in self.last[-1].remarks if remark.advice in lasting)
