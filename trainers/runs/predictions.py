"""What a trained network says about samples it has not learned from: the wrong ones first, and where classes meet.

predicted = predict(run)                 # the validation samples
predicted.order                          # wrong and sure of it first
confusion(predicted)                     # how often each class is taken for each other one
surface(run)                             # for points in the plane: what it says everywhere
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import Kind, Task
from trainers.data.splits import Prepared, Split
from trainers.engine.learner import evaluation_piece
from trainers.events import SplitName
from trainers.objectives.loss import Loss
from trainers.objectives.naive_forecast import naive_forecast
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 12  # answers kept in memory; a page asks for the same ones again and again
Result = TypeVar("Result")


@dataclass(frozen=True)
class Predictions:
    """The network's answers for one part of the data, beside the truth. N samples, C classes, k numbers to predict."""

    split: SplitName
    task: Task
    kind: Kind
    classes: tuple[str, ...]
    features: tuple[str, ...]
    targets_named: tuple[str, ...]  # what the numbers to predict are called
    inputs: tuple[NDArray[Any], ...]  # one for each Input, (N, *shape), in the data set's own units
    targets: NDArray[Any]  # as in trainers.data.base.Arrays, numbers in the data set's own units
    predicted: NDArray[Any]  # like `targets`
    probabilities: NDArray[np.float32] | None  # (N, C) for classes and labels
    indices: NDArray[np.int64]  # where the samples stand in the whole data set
    naive: NDArray[Any] | None = None  # forecasts made without a network, like `targets`
    vocabulary: tuple[str, ...] = ()  # the tokens of a text

    @property
    def confidence(self) -> NDArray[np.float32] | None:
        """The probability of the class that was named; None for all but classes."""
        if self.probabilities is None or self.task != "classification":
            return None
        named: NDArray[np.float32] = self.probabilities[np.arange(len(self.predicted)), self.predicted]
        return named

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which samples got a wrong class or a wrong label; where numbers are predicted none is simply wrong."""
        if self.task not in ("classification", "multilabel"):
            return np.zeros(len(self.targets), dtype=bool)
        unequal = np.asarray(self.predicted != self.targets)
        return np.asarray(unequal.reshape(len(unequal), -1).any(axis=1))

    @functools.cached_property
    def error(self) -> NDArray[Any]:
        """How far off each sample is: the largest error of its numbers, each in spreads of its column; the mean error
        of its forecast; the share of its mask, or of its labels, that is wrong."""
        if self.task in ("classification", "multilabel", "segmentation"):
            unequal = np.asarray(self.predicted != self.targets)
            return np.asarray(unequal.reshape(len(unequal), -1).mean(axis=1))
        columns = tuple(range(self.targets.ndim - 1))
        off = np.abs(self.predicted - self.targets) / np.maximum(self.targets.std(axis=columns), 1e-12)
        return np.asarray(off.max(axis=1) if self.task == "regression" else off.mean(axis=(1, 2)))

    @functools.cached_property
    def order(self) -> NDArray[np.int64]:
        """The most telling first: wrong and sure of it; right but unsure; right and sure. Or the largest errors."""
        confidence = self.confidence
        if confidence is None:
            return np.argsort(-self.error, kind="stable")
        return np.lexsort((np.where(self.wrong, -confidence, confidence), ~self.wrong))


@dataclass(frozen=True)
class Surface:
    """What the network says at every point of a rectangle: class `named[j, i]` at (x[i], y[j]), and how sure it is."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    named: NDArray[np.int64]
    confidence: NDArray[np.float32]
    classes: tuple[str, ...]
    training: tuple[NDArray[np.float32], NDArray[np.int64]]  # points and their classes
    validation: tuple[NDArray[np.float32], NDArray[np.int64]]


def predict(run: Run, split: SplitName = "validation") -> Predictions:
    """The answers of a run's best weights for one part of its data. Kept until the run has better weights.

    Raises:
        RunError: there are no weights yet, no samples in this part, or this way of training has no such answers.
        DataError: the data set cannot be loaded any more.
    """
    return kept(run, ("predict", split), lambda: _predict(run, split))


def _predict(run: Run, split: SplitName) -> Predictions:
    loss = _loss(run)
    job, dataset = run.job, run.job.dataset
    prepared = prepared_data(run)
    part: Split = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run held out no sample for {split}. Give {split} a share of the data and train again.")
    target = job.paradigm.target(dataset)
    predicted, chances = _said(run, loss, part.inputs)
    targets, unit = part.targets.numpy(), prepared.target_standardisation
    if target.task in ("regression", "forecasting"):
        predicted = predicted.reshape(targets.shape)
        if unit is not None:
            predicted, targets = unit.revert(predicted), unit.revert(targets)
    naive = naive_forecast(dataset, prepared, part)
    return Predictions(
        split, prepared.task, dataset.kind, prepared.classes, dataset.feature_names, dataset.target_names,
        reverted(prepared, part), targets, predicted, chances, part.indices,
        None if naive is None else naive.numpy(), dataset.vocabulary,
    )  # fmt: skip


def confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Counts: row = the true class, column = the class that was named. Its diagonal is what was right. Of masks every
    pixel is counted."""
    size = max(len(predictions.classes), 2)
    pairs = predictions.targets.astype(np.int64) * size + predictions.predicted
    return np.bincount(pairs.ravel(), minlength=size * size).reshape(size, size)


def overlaps(predictions: Predictions) -> NDArray[np.float64]:
    """For every class of masks, the intersection of predicted and true area over their union; NaN where it is in
    neither."""
    counts = confusion(predictions)
    both = np.diag(counts).astype(float)
    union = counts.sum(axis=0) + counts.sum(axis=1) - both
    found: NDArray[np.float64] = np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)
    return found


def has_surface(run: Run) -> bool:
    """Whether the run's samples are points in the plane that belong to classes."""
    dataset = run.job.dataset
    return dataset.input_shape == (2,) and dataset.task == "classification"


def surface(run: Run, resolution: int = 160, margin: float = 0.15) -> Surface:
    """What the network says on a grid around the points of a two-dimensional data set.

    Raises:
        RunError: the samples are not points with classes, or there are no weights yet.
    """
    if not has_surface(run):
        raise RunError(f"{run.job.dataset.title} has no decision surface: its samples are not points with a class.")
    return kept(run, ("surface", resolution, margin), lambda: _surface(run, resolution, margin))


def _surface(run: Run, resolution: int, margin: float) -> Surface:
    prepared = prepared_data(run)
    x, y, given, training = grid(run, resolution, margin)
    named, probabilities = _said(run, _loss(run), (given,))
    assert probabilities is not None
    shape = (resolution, resolution)
    held = (reverted(prepared, prepared.validation)[0], prepared.validation.targets.numpy())
    return Surface(
        x, y, named.reshape(shape), probabilities.max(axis=1).reshape(shape), prepared.classes, training, held
    )


def grid(
    run: Run, resolution: int, margin: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], Tensor, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The axes of a grid around the points of a run, its points as the network takes them, row by row, and the points
    that were learned from, with their classes."""
    import torch

    prepared = prepared_data(run)
    training, held = (reverted(prepared, part)[0] for part in (prepared.training, prepared.validation))
    points = np.concatenate([training, held])
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(high - low, 1e-6) * margin
    x, y = (
        np.linspace(low[axis] - room[axis], high[axis] + room[axis], resolution, dtype=np.float32) for axis in (0, 1)
    )
    places = np.stack([values.ravel() for values in np.meshgrid(x, y)], axis=1)
    figures = prepared.standardisation[0]
    given = places if figures is None else figures.apply(places)
    return x, y, torch.from_numpy(given), (training, prepared.training.targets.numpy())


def prepared_data(run: Run) -> Prepared:
    """The run's data, split as it was for training. The last run's is kept."""
    return _data.get(run.id, run.job.prepare)


def reverted(prepared: Prepared, part: Split) -> tuple[NDArray[Any], ...]:
    """A part's inputs in the data set's own units."""
    return tuple(
        given.numpy() if figures is None else figures.revert(given.numpy())
        for given, figures in zip(part.inputs, prepared.standardisation, strict=True)
    )


def _loss(run: Run) -> Loss:
    job = run.job
    loss = job.paradigm.loss_for(job.dataset)
    if loss is None or job.dataset.task == "language":
        raise RunError(f"A run trained by “{job.paradigm.label}” has no predictions to compare with targets.")
    return loss


def _said(run: Run, loss: Loss, inputs: tuple[Tensor, ...]) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """The network's answers, and the probabilities of classes or labels; computed in pieces that fit any memory."""
    import torch

    from trainers.objectives.model_outputs import predicted_classes, probabilities

    job, model = run.job, run.model()
    target = job.paradigm.target(job.dataset)
    found, chances = [], []
    split = [given.split(evaluation_piece(job, 1)) for given in inputs]  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        for piece in zip(*split, strict=True):
            outputs = model(*piece).float()
            if loss.expects == "values":
                found.append(loss.values(outputs))
                continue
            found.append(predicted_classes(outputs, loss.expects, target))
            if target.task != "segmentation":
                chances.append(probabilities(outputs, loss.expects, target))
    return torch.cat(found).numpy(), torch.cat(chances).numpy() if chances else None


@dataclass
class _Memory:
    """A few results by key, the oldest forgotten first. Two tabs that ask at once wait for one computation."""

    size: int
    results: OrderedDict[Any, Any] = field(default_factory=OrderedDict)
    guard: threading.RLock = field(default_factory=threading.RLock)

    def get(self, key: Any, make: Callable[[], Result]) -> Result:
        with self.guard:
            if key not in self.results:
                self.results[key] = make()
            self.results.move_to_end(key)
            while len(self.results) > self.size:
                self.results.popitem(last=False)
            found: Result = self.results[key]
            return found


_data = _Memory(1)
_answers = _Memory(KEPT)


def kept(run: Run, what: tuple[Any, ...], make: Callable[[], Result]) -> Result:
    """A result that belongs to the weights as they lie on disk now."""
    try:
        weights = (run.store.run_folder(run.id) / "best.safetensors").stat().st_mtime_ns
    except OSError:
        raise RunError("This run has no weights yet: they are kept from its first epoch on.") from None
    return _answers.get((str(run.store.folder), run.id, weights, *what), make)
