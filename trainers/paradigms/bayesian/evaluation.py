"""How a network that answers several times is scored: its mean answer beside that of one network alone, so that one
sees what asking several times buys. After each epoch a few draws of a few samples tell; in the end all of them do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.engine.learner import part
from trainers.events import Verdict
from trainers.objectives.model_outputs import probabilities
from trainers.paradigms.bayesian import uncertainty
from trainers.paradigms.bayesian.paradigm import SINGLE
from trainers.paradigms.bayesian.stochastic_passes import draws
from trainers.paradigms.bayesian.uncertainty import Beliefs, Numbers, of_classes

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.splits import Split
    from trainers.objectives.loss import Loss
    from trainers.paradigms.bayesian.paradigm import BayesianLearner
    from trainers.tasks.target import Target

QUICK_DRAWS = 4  # after each epoch: enough to see whether draws differ
QUICK_SAMPLES = 512
OVERCONFIDENT = 0.1  # calibration error from which on it is said
UNANIMOUS = 0.01  # of the entropy: less than this share of it comes from draws that differ
UNSURE = 0.02  # nats of entropy below which draws may agree: there is nothing to be unsure of
COSTLY_PRIOR = 2.0  # times the data's loss, from which on the prior is said to rule


def evaluated(
    learner: BayesianLearner, evaluate: Callable[[Split, bool], dict[str, float]], split: Split, costly: bool
) -> dict[str, float]:
    """The scores of a part of the data. `evaluate` scores what one predicts with: a network without draws, or all
    members of an ensemble together."""
    if not costly:
        few = split if learner.divergent else _some(split, QUICK_SAMPLES)
        said = drawn(learner, few, QUICK_DRAWS)
        # a network of mean weights is another one than that whose weights are drawn: it is not asked instead
        found = _together(learner, said, split, False) if learner.divergent else evaluate(split, False)
        scores, remarks = _quick(learner, said, _alone(learner, few, said), few)
        learner.diagnostics = (*learner.diagnostics, *remarks, *_prior(learner, found))
        return found | scores
    said = drawn(learner, split, learner.paradigm.samples)
    return _together(learner, said, split, True) | _full(learner, said, _alone(learner, split, said), split)


def _together(learner: BayesianLearner, said: Tensor, split: Split, costly: bool) -> dict[str, float]:
    """Loss and metrics of the mean answer; the price of the weights is no part of the loss here."""
    outputs = learner.together(said).to(learner.device)
    loss = float(learner.criterion(outputs, split.targets))
    return {"loss": loss, **learner.metrics(outputs, split.targets, split, costly)}


def drawn(learner: BayesianLearner, split: Split, count: int) -> Tensor:
    """Outputs of several draws, (T, N, …) on the CPU; an ensemble has as many as members."""
    return draws(learner.model, learner.job.document, split.inputs, count, learner.job.settings.seed, learner.piece)


def _alone(learner: BayesianLearner, split: Split, said: Tensor) -> Tensor:
    """The outputs of one network without draws, (N, …): the first member of an ensemble."""
    if learner.paradigm.method == "ensemble":
        return said[0]
    import torch

    learner.model.eval()
    try:
        with torch.no_grad():
            pieces = [part(split, start, learner.piece)[0] for start in range(0, len(split), learner.piece)]
            return torch.cat([learner.model(*given).float().cpu() for given in pieces])
    finally:
        learner.model.train()


def _some(split: Split, most: int) -> Split:
    """At most so many samples, spread evenly."""
    if len(split) <= most:
        return split
    import torch

    from trainers.data.splits import Split

    places = torch.linspace(0, len(split) - 1, most, device=split.targets.device).long()
    inputs = tuple(given[places] for given in split.inputs)
    return Split(inputs, split.targets[places], split.indices[places.cpu().numpy()])


def chances(outputs: Tensor, loss: Loss, target: Target) -> Numbers:
    """Outputs of one or several draws, (…, N, C), as probabilities."""
    flat = outputs.reshape(-1, *outputs.shape[outputs.ndim - 1 :]) if outputs.ndim > 1 else outputs
    found = probabilities(flat, loss.expects, target).double().numpy()
    return np.asarray(found.reshape(*outputs.shape[:-1], found.shape[-1]))


def _quick(
    learner: BayesianLearner, said: Tensor, alone: Tensor, split: Split
) -> tuple[dict[str, float], tuple[Verdict, ...]]:
    """What is told after each epoch, and what is to be said of it."""
    if learner.target.task == "regression":
        return _halves(learner, said, alone, split), ()
    truth = split.targets.cpu().numpy()
    beliefs = of_classes(chances(said, learner.objective, learner.target))
    found = _calibrated(beliefs, chances(alone, learner.objective, learner.target), truth)
    return found, (*_overconfident(beliefs, found, truth), *_unanimous(learner, beliefs))


def _halves(learner: BayesianLearner, said: Tensor, alone: Tensor, split: Split) -> dict[str, float]:
    """Spread and coverage of numbers: one half of the samples shows the scatter of the data, the other is covered."""
    truth = split.targets.cpu().double().numpy()
    found = {"predictive_std": float(said.std(dim=0, correction=0).mean())}
    for outputs, prefix in ((said, ""), (alone[None], SINGLE)) if len(truth) > 1 else ():
        mean, spread = moments(outputs, learner.objective, truth.shape)
        scatter = uncertainty.noise(mean[::2], spread[::2], truth[::2])
        total = np.sqrt(spread[1::2] ** 2 + scatter**2)
        found[f"{prefix}coverage"] = uncertainty.coverage(mean[1::2], total, truth[1::2])
    return found


def _calibrated(beliefs: Beliefs, alone: Numbers, truth: Any) -> dict[str, float]:
    return {
        "calibration_error": uncertainty.calibration_error(beliefs.mean, truth),
        f"{SINGLE}calibration_error": uncertainty.calibration_error(alone, truth),
        "confidence": float(beliefs.confidence.mean()),
        "mutual_information": float(beliefs.information.mean()),
    }


def _full(learner: BayesianLearner, said: Tensor, alone: Tensor, split: Split) -> dict[str, float]:
    """The test scores of the mean answer and of one network alone."""
    truth = split.targets.cpu().numpy()
    if learner.target.task == "regression":
        return _numbers(learner, said, alone, truth)
    beliefs, one = (chances(outputs, learner.objective, learner.target) for outputs in (said, alone))
    found = of_classes(beliefs)
    return {
        **_calibrated(found, one, truth),
        "nll": uncertainty.surprise(found.mean, truth),
        f"{SINGLE}nll": uncertainty.surprise(one, truth),
        f"{SINGLE}accuracy": float((one.argmax(axis=1) == truth).mean()),
    }


def _numbers(learner: BayesianLearner, said: Tensor, alone: Tensor, truth: Any) -> dict[str, float]:
    """Coverage and likelihood of intervals, in spreads of the targets; their noise is that of the validation part."""
    held = learner.prepared.validation.to(str(learner.device))
    if not len(held):
        return {"predictive_std": float(said.std(dim=0, correction=0).mean())}
    there = drawn(learner, held, learner.paradigm.samples)
    known = held.targets.cpu().double().numpy()
    found = {"predictive_std": float(said.std(dim=0, correction=0).mean())}
    pairs = ((said, there, ""), (alone[None], _alone(learner, held, there)[None], SINGLE))
    for outputs, reference, prefix in pairs:
        mean, spread = moments(outputs, learner.objective, truth.shape)
        scatter = uncertainty.noise(*moments(reference, learner.objective, known.shape), known)
        total = np.sqrt(spread**2 + scatter**2)
        found[f"{prefix}coverage"] = uncertainty.coverage(mean, total, truth)
        found[f"{prefix}nll"] = uncertainty.surprise_of_numbers(mean, total, truth)
    return found


def moments(outputs: Tensor, loss: Loss, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation over the draws of the numbers that outputs stand for, (N, k) each."""
    values = loss.values(outputs).double().numpy().reshape(-1, *shape)
    return values.mean(axis=0), values.std(axis=0)


def _overconfident(beliefs: Beliefs, found: dict[str, float], truth: Any) -> list[Verdict]:
    error, sure = found["calibration_error"], found["confidence"]
    right = float((beliefs.named == truth).mean())
    if error < OVERCONFIDENT or sure <= right:
        return []
    return [
        Verdict(
            None,
            "warning",
            f"It is overconfident: {sure:.0%} sure on average, but right in {right:.0%} of what was held out "
            f"(calibration error {error:.2f}).",
            "Scale its temperature (Inspect shows by how much), stop earlier, or regularise more.",
        )
    ]


def _unanimous(learner: BayesianLearner, beliefs: Beliefs) -> list[Verdict]:
    """Draws that do not differ say nothing of what the network does not know."""
    entropy, information = float(beliefs.entropy.mean()), float(beliefs.information.mean())
    if entropy < UNSURE or information >= UNANIMOUS * entropy:
        return []
    what, advice = {
        "ensemble": (
            "The members agree on everything",
            "Give them other starts (another initialisation), more room, or train them longer.",
        ),
        "dropout": (
            "The draws hardly differ: the dropout rate is too small to tell anything",
            "Raise the dropout rate; 0.2 to 0.5 is usual.",
        ),
        "weights": (
            "The draws hardly differ: the weights' distributions are too narrow to tell anything",
            "Raise kl_weight or initial_std, so that weights keep some spread.",
        ),
    }[learner.paradigm.method]
    share = information / max(entropy, uncertainty.TINY)
    return [Verdict(None, "warning", f"{what} ({share:.1%} of the entropy comes from draws that differ).", advice)]


def _prior(learner: BayesianLearner, found: dict[str, float]) -> list[Verdict]:
    """The prior rules where the weights' price is most of the loss, and the answers are hardly better than chance."""
    if not learner.divergent:
        return []
    price, loss = float(learner.divergence().detach()), found["loss"]
    chance = 1.0 if learner.target.task == "regression" else float(np.log(max(learner.target.classes, 2)))
    if price < COSTLY_PRIOR * loss or loss < chance / 2:
        return []
    return [
        Verdict(
            None,
            "warning",
            f"The prior rules the loss: the weights' divergence costs {price:.2f} a sample, their errors {loss:.2f}, "
            "so it would rather forget than learn.",
            "Lower kl_weight (0.1, 0.01), or give it more samples: their share of the price falls.",
        )
    ]
