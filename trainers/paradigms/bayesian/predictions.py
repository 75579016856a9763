"""Predictions of a trained Bayesian network with their uncertainty, beside those of a single network.

found = predict_with_uncertainty(run, "validation")
found.distribution.entropy                   # of each sample, for classes
uncertainty_surface(run)                     # for points in the plane: the uncertainty everywhere
out_of_distribution(run, "fashion_mnist")    # the uncertainty for samples of another data set
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.data import DATASETS, DataSet, dataset
from trainers.engine.learner import evaluation_batch_size
from trainers.events import SplitName
from trainers.paradigms.bayesian import evaluation
from trainers.paradigms.bayesian.evaluation import (
    Numbers,
    OutOfDistributionScores,
    PredictiveDistribution,
    class_probabilities,
    predictive_distribution,
)
from trainers.paradigms.bayesian.paradigm import Bayesian
from trainers.runs.predictions import Predictions, grid, has_surface, kept, predict, prepared_data
from trainers.runs.run import Run, RunError
from trainers.sampling import evenly_spaced

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.objectives.losses import Loss

MOST = 1500  # samples of a split, evenly spaced
MOST_OTHER = 500  # out-of-distribution samples
NOISE = "noise"


@dataclass(frozen=True)
class UncertainPredictions:
    """The mean predictions for one split, with the uncertainty of each.

    Classes have `distribution`, and in `single` the probabilities of a single network, without stochastic passes.
    Numbers have, in the data set's unit, the standard deviation of the predictions `std`, (N, k), that of the noise in
    the data `noise_std`, (k,), estimated from the validation split, and `single` with its own `single_noise_std`.
    """

    predictions: Predictions
    single: Numbers
    distribution: PredictiveDistribution | None = None
    std: Numbers | None = None
    noise_std: Numbers | None = None
    single_noise_std: Numbers | None = None

    @property
    def total_std(self) -> Numbers:
        """Standard deviation of each number: of the predictions and of the noise in the data together."""
        assert self.std is not None and self.noise_std is not None
        return np.asarray(np.sqrt(self.std**2 + self.noise_std**2))

    @property
    def uncertainty(self) -> Numbers:
        """One number for each sample by which samples are sorted: the entropy, or the largest standard deviation."""
        if self.distribution is not None:
            return self.distribution.entropy
        assert self.std is not None and self.noise_std is not None
        return np.asarray((self.std / self.noise_std).max(axis=1))


@dataclass(frozen=True)
class UncertaintySurface:
    """The uncertainty at each point (x[i], y[j]) of a rectangle: measures[name][j, i]."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    predicted: NDArray[np.int64]
    measures: dict[str, Numbers]  # "entropy", "mutual information", "standard deviation"
    classes: tuple[str, ...]
    points: tuple[NDArray[np.float32], NDArray[np.int64]]  # of the training split, and their classes


@dataclass(frozen=True)
class OutOfDistribution:
    """Predictions for samples of another data set, beside those for the validation samples of the run's own."""

    title: str
    inputs: NDArray[np.float32]  # (N, *shape), in their data set's unit
    distribution: PredictiveDistribution
    own: PredictiveDistribution
    by_entropy: OutOfDistributionScores
    by_mutual_information: OutOfDistributionScores


def predict_with_uncertainty(run: Run, split: SplitName = "validation") -> UncertainPredictions:
    """Several predictions for each of at most MOST samples of a split.

    Raises:
        RunError: no weights yet, or no samples in this split. DataError: the data set cannot be loaded any more.
    """
    return kept(run, ("predict_with_uncertainty", split), lambda: _predict_with_uncertainty(run, split))


def _predict_with_uncertainty(run: Run, split: SplitName) -> UncertainPredictions:
    loss, whole = _loss(run), predict(run, split)
    places = evenly_spaced(len(whole.targets), MOST)
    found = whole.only(places)
    part = getattr(prepared_data(run), split)
    outputs, single = _passes(run, tuple(given[places] for given in part.inputs))
    if found.task == "regression":
        return _numbers(run, split, found, outputs, single)
    target = run.job.paradigm.target(run.job.dataset)
    distribution = predictive_distribution(class_probabilities(outputs, loss, target))
    found = dataclasses.replace(
        found, predicted=distribution.predicted, probabilities=distribution.mean.astype(np.float32)
    )
    return UncertainPredictions(found, class_probabilities(single, loss, target), distribution)


def _numbers(run: Run, split: SplitName, found: Predictions, outputs: Tensor, single: Tensor) -> UncertainPredictions:
    loss, shape = _loss(run), found.targets.shape
    values, one = (_in_data_unit(run, given, loss, (-1, *shape)) for given in (outputs, single))
    mean, std = values.mean(axis=0), values.std(axis=0)
    if split == "validation":
        noise = evaluation.noise_std(mean, std, found.targets)
        single_noise = evaluation.noise_std(one[0], np.zeros_like(std), found.targets)
    else:
        held = predict_with_uncertainty(run, "validation")
        assert held.noise_std is not None and held.single_noise_std is not None
        noise, single_noise = held.noise_std, held.single_noise_std
    found = dataclasses.replace(found, predicted=mean.astype(np.float32))
    return UncertainPredictions(found, one[0], None, std, noise, single_noise)


def uncertainty_surface(run: Run, resolution: int = 110) -> UncertaintySurface:
    """The uncertainty on a grid around the points of a two-dimensional data set.

    Every pass uses the same random numbers for all points, so that it is one smooth function of the plane.
    RunError: the samples are not points with classes, or there are no weights yet.
    """
    if not has_surface(run):
        raise RunError(f"{run.job.dataset.title} has no surface: its samples are not points with a class.")
    return kept(run, ("uncertainty_surface", resolution), lambda: _uncertainty_surface(run, resolution))


def _uncertainty_surface(run: Run, resolution: int) -> UncertaintySurface:
    x, y, given, training = grid(run, resolution, 0.3)
    outputs, _ = _passes(run, (given,), shared=True)
    target = run.job.paradigm.target(run.job.dataset)
    found = predictive_distribution(class_probabilities(outputs, _loss(run), target))
    shape = (resolution, resolution)
    measures = {
        "entropy": found.entropy,
        "mutual information": found.mutual_information,
        "standard deviation": found.std,
    }
    shaped = {name: values.reshape(shape) for name, values in measures.items()}
    return UncertaintySurface(x, y, found.predicted.reshape(shape), shaped, prepared_data(run).classes, training)


def other_data_sets(run: Run) -> dict[str, str]:
    """Titles of the data sets whose samples fit the run's network, by name: those with other classes first, noise last.
    Empty for networks with several inputs, and for tokens, since no other data set has the same vocabulary."""
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


def out_of_distribution(run: Run, name: str) -> OutOfDistribution:
    """Predictions for samples of another data set, scaled like the run's own.

    Raises:
        RunError: the samples do not fit the network, or there are no weights. DataError: they cannot be loaded.
    """
    if name not in other_data_sets(run):
        raise RunError(f"Samples of {name[:70]} do not fit this network.")
    return kept(run, ("out_of_distribution", name), lambda: _out_of_distribution(run, name))


def _out_of_distribution(run: Run, name: str) -> OutOfDistribution:
    import torch

    prepared, own = prepared_data(run), predict_with_uncertainty(run, "validation").distribution
    if own is None:
        raise RunError("Out-of-distribution samples are detected by the entropy of classes; this network has none.")
    scaling = prepared.standardisation[0]
    if name == NOISE:
        shape = (MOST_OTHER, *prepared.validation.inputs[0].shape[1:])
        scaled = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        inputs, title = scaled if scaling is None else scaling.revert(scaled), "Noise"
    else:
        chosen = dataset({"name": name})
        every = chosen.load().inputs[0]
        inputs, title = every[evenly_spaced(len(every), MOST_OTHER)], chosen.title
        scaled = inputs if scaling is None else scaling.apply(inputs)
    outputs, _ = _passes(run, (torch.from_numpy(np.ascontiguousarray(scaled)),))
    target = run.job.paradigm.target(run.job.dataset)
    found = predictive_distribution(class_probabilities(outputs, _loss(run), target))
    return OutOfDistribution(
        title,
        np.asarray(inputs),
        found,
        own,
        evaluation.out_of_distribution_scores(own.entropy, found.entropy),
        evaluation.out_of_distribution_scores(own.mutual_information, found.mutual_information),
    )


def _passes(run: Run, inputs: tuple[Tensor, ...], shared: bool = False) -> tuple[Tensor, Tensor]:
    """Outputs of the stochastic passes, (T, N, …), and those of a single network."""
    import torch

    from trainers.paradigms.bayesian.stochastic_passes import stochastic_passes

    job, model, paradigm = run.job, run.model(), paradigm_of(run)
    size = len(inputs[0]) if shared else evaluation_batch_size(job, 1)
    outputs = stochastic_passes(model, job.document, inputs, paradigm.samples, job.settings.seed, size, shared)
    if paradigm.method == "ensemble":
        return outputs, outputs[0]
    with torch.no_grad():
        batches = zip(*(given.split(size) for given in inputs), strict=True)  # type: ignore[no-untyped-call]
        return outputs, torch.cat([model(*batch).float() for batch in batches])


def paradigm_of(run: Run) -> Bayesian:
    """The options of a Bayesian run. RunError: it was trained by another paradigm."""
    paradigm = run.job.paradigm
    if not isinstance(paradigm, Bayesian):
        raise RunError(f"A run trained by “{paradigm.label}” has no predictions with their uncertainty.")
    return paradigm


def _loss(run: Run) -> Loss:
    return paradigm_of(run).loss_for(run.job.dataset)


def _in_data_unit(run: Run, outputs: Tensor, loss: Loss, shape: tuple[int, ...]) -> Numbers:
    """The numbers that outputs stand for, in the data set's unit."""
    values = loss.values(outputs).double().numpy().reshape(shape)
    scaling = prepared_data(run).target_standardisation
    return np.asarray(values if scaling is None else scaling.revert(values))
