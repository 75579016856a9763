"""What a trained network says about samples it has not learned from: the wrong ones first, and where classes meet.

predicted = predict(run)                 # the validation samples
predicted.order                          # wrong and sure of it first
confusion(predicted)                     # how often each class is taken for each other one
surface(run)                             # for points in the plane: what it says everywhere
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import Kind, Task
from trainers.data.splits import Prepared, Split, prepare
from trainers.events import SplitName
from trainers.losses import Loss
from trainers.paradigms.supervised import Supervised
from trainers.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2048
KEPT = 4  # answers kept in memory; a page asks for the same ones again and again
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
    targets: NDArray[Any]  # int (N,), or float (N, k) in the data set's own units
    predicted: NDArray[Any]  # like `targets`
    probabilities: NDArray[np.float32] | None  # (N, C)
    indices: NDArray[np.int64]  # where the samples stand in the whole data set

    @property
    def confidence(self) -> NDArray[np.float32] | None:
        """The probability of the class that was named; None for regression."""
        if self.probabilities is None:
            return None
        named: NDArray[np.float32] = self.probabilities[np.arange(len(self.predicted)), self.predicted]
        return named

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which samples got a wrong class; for regression none is simply wrong."""
        if self.task != "classification":
            return np.zeros(len(self.targets), dtype=bool)
        return np.asarray(self.predicted != self.targets)

    @property
    def order(self) -> NDArray[np.int64]:
        """The most telling first: wrong and sure of it; right but unsure; right and sure. Or the largest errors."""
        confidence = self.confidence
        if confidence is None:
            error = np.abs(self.predicted - self.targets).max(axis=1)
            return np.argsort(-error, kind="stable")
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
    return _kept(run, ("predict", split), lambda: _predict(run, split))


def _predict(run: Run, split: SplitName) -> Predictions:
    loss = _loss(run)
    prepared = prepared_data(run)
    part: Split = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run held out no sample for {split}. Give {split} a share of the data and train again.")
    outputs = _outputs(run.model(), part.inputs)
    dataset = run.job.dataset
    targets, probabilities = part.targets.numpy(), None
    if prepared.task == "classification":
        predicted, probabilities = _classes(outputs, loss)
    else:
        predicted = outputs.reshape(targets.shape).numpy()
        if prepared.target_standardisation is not None:
            predicted, targets = (prepared.target_standardisation.revert(values) for values in (predicted, targets))
    return Predictions(
        split, prepared.task, dataset.kind, prepared.classes, dataset.feature_names, dataset.target_names,
        reverted(prepared, part), targets, predicted, probabilities, part.indices,
    )  # fmt: skip


def confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Counts: row = the true class, column = the class that was named. Its diagonal is what was right."""
    size = max(len(predictions.classes), 2)
    counts = np.bincount(predictions.targets * size + predictions.predicted, minlength=size * size)
    return counts.reshape(size, size)


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
    return _kept(run, ("surface", resolution, margin), lambda: _surface(run, resolution, margin))


def _surface(run: Run, resolution: int, margin: float) -> Surface:
    import torch

    prepared = prepared_data(run)
    parts = [(reverted(prepared, part)[0], part.targets.numpy()) for part in (prepared.training, prepared.validation)]
    points = np.concatenate([inputs for inputs, _ in parts])
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(high - low, 1e-6) * margin
    x, y = (
        np.linspace(low[axis] - room[axis], high[axis] + room[axis], resolution, dtype=np.float32) for axis in (0, 1)
    )
    grid = np.stack([values.ravel() for values in np.meshgrid(x, y)], axis=1)
    figures = prepared.standardisation[0]
    given = grid if figures is None else figures.apply(grid)
    outputs = _outputs(run.model(), (torch.from_numpy(given),))
    named, probabilities = _classes(outputs, _loss(run))
    shape = (resolution, resolution)
    return Surface(
        x, y, named.reshape(shape), probabilities.max(axis=1).reshape(shape), prepared.classes, parts[0], parts[1]
    )


def prepared_data(run: Run) -> Prepared:
    """The run's data, split as it was for training. The last run's is kept."""
    job = run.job

    def make() -> Prepared:
        return prepare(job.dataset, job.batching.validation, job.batching.test, job.settings.seed)

    return _data.get(run.id, make)


def reverted(prepared: Prepared, part: Split) -> tuple[NDArray[Any], ...]:
    """A part's inputs in the data set's own units."""
    return tuple(
        given.numpy() if figures is None else figures.revert(given.numpy())
        for given, figures in zip(part.inputs, prepared.standardisation, strict=True)
    )


def _loss(run: Run) -> Loss:
    paradigm = run.job.paradigm
    if not isinstance(paradigm, Supervised):
        raise RunError(f"A run trained by {paradigm.label} has no predictions to compare with targets.")
    return paradigm.chosen_loss(run.job.dataset.task)


def _outputs(model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """The network's outputs in float32, computed in pieces that fit any memory."""
    import torch

    split = [given.split(BATCH) for given in inputs]  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        return torch.cat([model(*piece).float() for piece in zip(*split, strict=True)])


def _classes(outputs: Tensor, loss: Loss) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The class named for each sample, and the probabilities of all classes."""
    from trainers.metrics import predicted_classes, probabilities

    return predicted_classes(outputs, loss.expects).numpy(), probabilities(outputs, loss.expects).numpy()


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


def _kept(run: Run, what: tuple[Any, ...], make: Callable[[], Result]) -> Result:
    """A result that belongs to the weights as they lie on disk now."""
    try:
        weights = (run.store.run_folder(run.id) / "best.safetensors").stat().st_mtime_ns
    except OSError:
        raise RunError("This run has no weights yet: they are kept from its first epoch on.") from None
    return _answers.get((str(run.store.folder), run.id, weights, *what), make)
