"""How sure a trained network can be: several answers to each sample, beside those of one network alone.

found = believed(run, "validation")
found.beliefs.entropy                    # of each sample, for classes
doubts(run)                              # for points in the plane: how sure it is everywhere
strangers(run, "fashion_mnist")          # what it says of samples of another data set
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.data import DATASETS, DataSet, dataset
from trainers.engine.learner import evaluation_piece
from trainers.events import SplitName
from trainers.objectives.loss import Loss
from trainers.paradigms.bayesian import uncertainty
from trainers.paradigms.bayesian.uncertainty import Beliefs, Numbers, Separation
from trainers.runs.predictions import Predictions, grid, has_surface, kept, predict, prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor

MOST = 1500  # samples that are asked several times, spread evenly over their part
STRANGERS = 500
NOISE = "noise"


@dataclass(frozen=True)
class Believed:
    """The mean answers to one part of the data, and how sure one can be of each.

    For classes `beliefs` and `alone` (the probabilities of one network without draws) are there, for numbers the rest,
    in the data set's unit: (N, k) `spread` of the draws, `scatter` (k,) of the data itself as the validation part shows
    it, and `alone` the numbers of one network with `alone_scatter`.
    """

    found: Predictions
    alone: Numbers
    beliefs: Beliefs | None = None
    spread: Numbers | None = None
    scatter: Numbers | None = None
    alone_scatter: Numbers | None = None

    @property
    def total(self) -> Numbers:
        """Standard deviation of each number: what the draws differ by, and the data's own scatter."""
        assert self.spread is not None and self.scatter is not None
        return np.asarray(np.sqrt(self.spread**2 + self.scatter**2))

    @property
    def doubt(self) -> Numbers:
        """One figure by which samples are ordered, the higher the less sure: entropy, or the widest spread."""
        if self.beliefs is not None:
            return self.beliefs.entropy
        assert self.spread is not None and self.scatter is not None
        return np.asarray((self.spread / self.scatter).max(axis=1))


@dataclass(frozen=True)
class UncertaintySurface:
    """How sure it is at each point (x[i], y[j]) of a rectangle: figures[name][j, i]."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    named: NDArray[np.int64]
    figures: dict[str, Numbers]
    classes: tuple[str, ...]
    points: tuple[NDArray[np.float32], NDArray[np.int64]]  # those it learned from, and their classes


@dataclass(frozen=True)
class Strangers:
    """What it says of samples that are of no class that it knows, beside its own."""

    title: str
    inputs: NDArray[np.float32]  # (N, *shape), in their data set's unit
    beliefs: Beliefs
    own: Beliefs
    by_entropy: Separation
    by_information: Separation


def believed(run: Run, split: SplitName = "validation") -> Believed:
    """Several answers to at most MOST samples of a part of the data.

    Raises:
        RunError: no weights yet, or no samples in this part. DataError: the data set cannot be loaded any more.
    """
    return kept(run, ("believed", split), lambda: _believed(run, split))


def _believed(run: Run, split: SplitName) -> Believed:
    from trainers.paradigms.bayesian.evaluation import chances

    loss, whole = _loss(run), predict(run, split)
    places = _evenly(len(whole.targets), MOST)
    found = _only(whole, places)
    part = getattr(prepared_data(run), split)
    said, alone = _asked(run, tuple(given[places] for given in part.inputs))
    if found.task == "regression":
        return _numbers(run, split, found, said, alone)
    target = run.job.paradigm.target(run.job.dataset)
    beliefs = uncertainty.of_classes(chances(said, loss, target))
    found = dataclasses.replace(found, predicted=beliefs.named, probabilities=beliefs.mean.astype(np.float32))
    return Believed(found, chances(alone, loss, target), beliefs)


def _numbers(run: Run, split: SplitName, found: Predictions, said: Tensor, alone: Tensor) -> Believed:
    loss, shape = _loss(run), found.targets.shape
    values, one = (_reverted(run, outputs, loss, (-1, *shape)) for outputs in (said, alone))
    mean, spread = values.mean(axis=0), values.std(axis=0)
    if split == "validation":
        scatter = uncertainty.noise(mean, spread, found.targets)
        alone_scatter = uncertainty.noise(one[0], np.zeros_like(spread), found.targets)
    else:
        held = believed(run, "validation")
        assert held.scatter is not None and held.alone_scatter is not None
        scatter, alone_scatter = held.scatter, held.alone_scatter
    found = dataclasses.replace(found, predicted=mean.astype(np.float32))
    return Believed(found, one[0], None, spread, scatter, alone_scatter)


def doubts(run: Run, resolution: int = 110) -> UncertaintySurface:
    """How sure it is on a grid around the points of a two-dimensional data set.

    Every draw is one function of the plane, so that what differs is seen as a surface, not as grain.
    RunError: the samples are no points with classes, or there are no weights yet.
    """
    if not has_surface(run):
        raise RunError(f"{run.job.dataset.title} has no surface: its samples are not points with a class.")
    return kept(run, ("doubts", resolution), lambda: _doubts(run, resolution))


def _doubts(run: Run, resolution: int) -> UncertaintySurface:
    from trainers.paradigms.bayesian.evaluation import chances

    x, y, given, training = grid(run, resolution, 0.3)
    said, _ = _asked(run, (given,), alike=True)
    found = uncertainty.of_classes(chances(said, _loss(run), run.job.paradigm.target(run.job.dataset)))
    shape = (resolution, resolution)
    figures = {
        "entropy": found.entropy, "mutual information": found.information, "predictive_std": found.spread,
    }  # fmt: skip
    shaped = {name: values.reshape(shape) for name, values in figures.items()}
    return UncertaintySurface(x, y, found.named.reshape(shape), shaped, prepared_data(run).classes, training)


def others(run: Run) -> dict[str, str]:
    """Data sets whose samples fit into the run's network, by name: those of other classes first; noise always. None for
    networks with several inputs, and for tokens, which no other vocabulary shares."""
    own = run.job.dataset
    if [signal.dtype for signal in own.signals] != ["float"]:
        return {}
    fitting: list[DataSet] = []
    for kind in DATASETS.values():
        candidate = kind()
        if candidate.name != own.name and candidate.kind == own.kind and candidate.signals == own.signals:
            fitting.append(candidate)
    known = [one for one in fitting if one.ready()]
    known.sort(key=lambda one: one.classes == own.classes)
    return {one.name: one.title for one in known} | {NOISE: "Noise"}


def strangers(run: Run, name: str) -> Strangers:
    """What the network says of samples of another data set, scaled as its own are.

    Raises:
        RunError: they do not fit into the network, or there are no weights. DataError: they cannot be loaded.
    """
    if name not in others(run):
        raise RunError(f"Samples of {name[:70]} do not fit into this network.")
    return kept(run, ("strangers", name), lambda: _strangers(run, name))


def _strangers(run: Run, name: str) -> Strangers:
    import torch

    from trainers.paradigms.bayesian.evaluation import chances

    prepared, own = prepared_data(run), believed(run, "validation").beliefs
    if own is None:
        raise RunError("Strangers are told by the entropy of classes; this network predicts numbers.")
    figures = prepared.standardisation[0]
    if name == NOISE:
        shape = (STRANGERS, *prepared.validation.inputs[0].shape[1:])
        scaled = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        inputs, title = scaled if figures is None else figures.revert(scaled), "Noise"
    else:
        chosen = dataset({"name": name})
        every = chosen.load().inputs[0]
        inputs, title = every[_evenly(len(every), STRANGERS)], chosen.title
        scaled = inputs if figures is None else figures.apply(inputs)
    said, _ = _asked(run, (torch.from_numpy(np.ascontiguousarray(scaled)),))
    found = uncertainty.of_classes(chances(said, _loss(run), run.job.paradigm.target(run.job.dataset)))
    return Strangers(
        title, np.asarray(inputs), found, own,
        uncertainty.separation(own.entropy, found.entropy), uncertainty.separation(own.information, found.information),
    )  # fmt: skip


def _asked(run: Run, inputs: tuple[Tensor, ...], alike: bool = False) -> tuple[Tensor, Tensor]:
    """Outputs of the run's draws, (T, N, …), and those of one network without draws."""
    import torch

    from trainers.paradigms.bayesian.stochastic_passes import draws

    job, model = run.job, run.model()
    count: int = getattr(job.paradigm, "draws", 30)
    piece = len(inputs[0]) if alike else evaluation_piece(job, 1)
    said = draws(model, job.document, inputs, count, job.settings.seed, piece, alike)
    if getattr(job.paradigm, "method", "") == "ensemble":
        return said, said[0]
    with torch.no_grad():
        pieces = zip(*(given.split(piece) for given in inputs), strict=True)  # type: ignore[no-untyped-call]
        return said, torch.cat([model(*given).float() for given in pieces])


def _loss(run: Run) -> Loss:
    loss = run.job.paradigm.loss_for(run.job.dataset)
    if loss is None:
        raise RunError(f"A run trained by “{run.job.paradigm.label}” gives no answers that could be compared.")
    return loss


def _reverted(run: Run, outputs: Tensor, loss: Loss, shape: tuple[int, ...]) -> Numbers:
    """The numbers that outputs stand for, in the data set's unit."""
    values = loss.values(outputs).double().numpy().reshape(shape)
    unit = prepared_data(run).target_standardisation
    return np.asarray(values if unit is None else unit.revert(values))


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _only(found: Predictions, places: NDArray[np.int64]) -> Predictions:
    """Some samples of a part."""
    changed: dict[str, Any] = {
        "inputs": tuple(given[places] for given in found.inputs),
        "targets": found.targets[places],
        "predicted": found.predicted[places],
        "indices": found.indices[places],
    }
    if found.probabilities is not None:
        changed["probabilities"] = found.probabilities[places]
    return dataclasses.replace(found, **changed)
