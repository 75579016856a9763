"""Verdicts on the code of an autoencoder: the same for every sample, dead units, or not used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from trainers.events import Verdict
from trainers.verdicts.advice import LOWER_RATE, Advice, advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.paradigms.autoencoder.paradigm import Autoencoder

DEAD = 1e-4  # of the largest standard deviation of a code unit: a unit with less is dead
SEVERAL, COMPARED = 4, 64  # units of a code: from so many on they can be compared, and at most so many are
SAME = 0.95  # of the variance of the code in one direction, from which all units say the same
LEAST = 1e-6  # standard deviation, below which a unit is dead whatever the others do


class ConstantCode(VerdictRule):
    """The code is the same for every sample, so the decoder can only make the mean sample.

    Its units are dead, or a sparsity penalty pulls all of them to one value.

    Example: a sparse autoencoder with a sparsity weight of 100.
    Fix: lower the sparsity weight or the learning rate.
    """

    title: ClassVar[str] = "Constant code"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "DeadCodeUnits", "UnusedCode")

    def find(self, circumstances: Circumstances, node: str, how: Autoencoder) -> Verdict:
        message = "The code at {node} is the same for every sample: the decoder gets no information from it."
        sparsity = Advice("lower the sparsity weight", lambda _: how.sparsity != "none")
        advice = advise(circumstances, sparsity, LOWER_RATE, "use an activation before the code that does not die")
        return self.verdict(circumstances, node, message, advice)


class EqualCodeUnits(VerdictRule):
    """All units of the code say the same, so that a code of many units is a single number.

    A sparsity penalty that outweighs the reconstruction gives each unit the same mean and nothing else to do.

    Example: a sparse autoencoder of 200 units with a sparsity weight of 100.
    Fix: lower the sparsity weight.
    """

    title: ClassVar[str] = "Equal units of the code"
    effects: ClassVar[tuple[str, ...]] = ("NoBetterThanGuessing", "Underfitting", "DeadCodeUnits", "UnusedCode")

    def find(self, circumstances: Circumstances, node: str, how: Autoencoder, count: int) -> Verdict:
        message = f"All {count} code units at {{node}} say nearly the same: they are little more than one number."
        sparsity = Advice("lower the sparsity weight", lambda _: how.sparsity != "none")
        advice = advise(circumstances, sparsity, LOWER_RATE, "choose another initialisation")
        return self.verdict(circumstances, node, message, advice)


class DeadCodeUnits(VerdictRule):
    """Some units of the code output the same number for every sample, so they carry no information.

    Example: an autoencoder with ReLU before the code and a high learning rate.
    Fix: lower the sparsity weight or the learning rate, or use fewer units.
    """

    title: ClassVar[str] = "Dead units of the code"

    def find(self, circumstances: Circumstances, node: str, how: Autoencoder, dead: int, count: int) -> Verdict:
        message = f"{dead} of {count} code units at {{node}} output the same number for every sample: they are dead."
        sparse = how.sparsity != "none"
        less: Advice | str = "lower the sparsity weight" if sparse else LOWER_RATE
        found = self.verdict(circumstances, node, message, advise(circumstances, less, "use fewer units"))
        return found if 2 * dead >= count else replace(found, severity="info")


class UnusedCode(VerdictRule):
    """Without the code the reconstructions are as good: a connection carries the sample around it.

    Example: an autoencoder with a skip connection from the input to the output.
    Fix: remove the connection around the code.
    """

    title: ClassVar[str] = "Unused code"

    def find(self, circumstances: Circumstances, node: str) -> Verdict:
        message = (
            "The code at {node} is hardly used: with the mean code for every sample the reconstructions are as good."
        )
        return self.verdict(circumstances, node, message, "A connection carries the sample around the code: remove it.")


def diagnose(
    code: Tensor, node: str, how: Autoencoder, circumstances: Circumstances | None = None
) -> tuple[Verdict, ...]:
    """The verdicts on the codes of validation samples, (N, units)."""
    run = circumstances or Circumstances(specs={})
    std = code.std(dim=0, correction=0)
    dead = int((std <= DEAD * std.max().clamp_min(LEAST)).sum())
    count = code.shape[1]
    if dead == count:
        return (ConstantCode().find(run, node, how),)
    if count >= SEVERAL and _share_of_first_direction(code) > SAME:
        return (EqualCodeUnits().find(run, node, how, count),)
    return (DeadCodeUnits().find(run, node, how, dead, count),) if dead else ()


def _share_of_first_direction(code: Tensor) -> float:
    """The share of the variance of the code in its first principal component: 1 for units that all say the same."""
    import torch

    some = code[:, :: -(-code.shape[1] // COMPARED)].double()
    covariance = torch.cov(some.T)
    return float(torch.linalg.eigvalsh(covariance)[-1] / covariance.trace().clamp_min(1e-30))
