"""Verdicts on a transfer: whether the source helps, and whether frozen features are sufficient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from trainers.events import Verdict, VerdictSeverity
from trainers.verdicts.advice import LOWER_RATE, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

if TYPE_CHECKING:
    from trainers.paradigms.base import ReportedMetric

MARGIN = 0.02  # by which the baseline has to be better, for a verdict
LOW, CONSTANT = 0.8, 0.03  # a training metric below LOW that changed by at most CONSTANT underfits
PATIENCE = 4  # epochs


class NegativeTransfer(VerdictRule):
    """The same network from random weights is better: the source does not help here.

    Example: a network for letters as the source of one for spoken digits, with all its layers frozen.
    Fix: freeze fewer layers, increase backbone_lr_factor, or choose a source that is more similar.
    """

    title: ClassVar[str] = "Negative transfer"

    def find(
        self,
        found: Mapping[str, float],
        first: ReportedMetric,
        prefix: str,
        circumstances: Circumstances | None = None,
        full_rate: bool = False,
    ) -> tuple[Verdict, ...]:
        """`prefix`: of the names of the baseline's metrics; `full_rate`: the backbone learns as fast as the head."""
        own, baseline = found.get(first.name), found.get(prefix + first.name)
        if own is None or baseline is None or found["loss"] <= found[f"{prefix}loss"]:
            return ()
        if (baseline - own if first.higher_is_better else own - baseline) < MARGIN:
            return ()
        run = circumstances or Circumstances(specs={})
        message = (
            f"Negative transfer: the validation {first.label} is {own:.3f} with transfer, {baseline:.3f} from scratch."
        )
        rate = Advice("increase backbone_lr_factor", lambda _: not full_rate)
        similar = "choose a source that is more similar to this data set"
        return (self.verdict(run, None, message, advise(run, "freeze fewer layers", rate, similar)),)


class BaselineDiverged(VerdictRule):
    """The loss of the scratch baseline is NaN or infinite: its curves end, and there is nothing to compare with.

    The run itself goes on. Weights from a source stand a learning rate that random ones do not.

    Example: fine-tuning at a learning rate of 3, which the same network from random weights does not survive.
    Fix: lower the learning rate, or set compare to false.
    """

    title: ClassVar[str] = "Scratch baseline that diverged"
    severity: ClassVar[VerdictSeverity] = "info"
    at_once: ClassVar[bool] = True

    def find(self, epoch: int, circumstances: Circumstances | None = None) -> Verdict:
        """`epoch`: the first one in which its loss was not a number."""
        run = circumstances or Circumstances(specs={})
        message = (
            f"The scratch baseline diverged: its loss is NaN or infinite since epoch {epoch:,}, so its curves end "
            "there. The run itself goes on."
        )
        return self.verdict(run, None, message, advise(run, LOWER_RATE, "set compare to false"))


class FrozenUnderfits(VerdictRule):
    """The metric on the training samples stays low while layers are frozen: their features are not sufficient.

    Example: a head on the first convolution of a source, which knows edges and no shapes.
    Fix: freeze fewer layers, or set unfreeze_at.
    """

    title: ClassVar[str] = "Frozen features are not sufficient"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "Underfitting", "NeverPredicted")

    def find(
        self,
        scores: Sequence[float],
        first: ReportedMetric,
        frozen: str,
        circumstances: Circumstances | None = None,
        unfreezes: bool = False,
    ) -> tuple[Verdict, ...]:
        """`scores`: the training metric after each epoch; `frozen`: the last frozen node; `unfreezes`: at some time."""
        last = scores[-PATIENCE:]
        if len(last) < PATIENCE or not first.higher_is_better or max(last) >= LOW or max(last) - min(last) > CONSTANT:
            return ()
        run = circumstances or Circumstances(specs={})
        message = f"The frozen features are not sufficient: the training {first.label} stays at {last[-1]:.2f}."
        later = (
            "unfreeze them earlier"
            if unfreezes
            else "set unfreeze_at, so that they are trained, too, after some epochs"
        )
        return (self.verdict(run, frozen or None, message, advise(run, "freeze fewer layers", later)),)
