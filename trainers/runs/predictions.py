"""The predictions of a trained network beside the targets: wrong samples first, and the decision surface in the plane.

predicted = predict(run)                 # the validation samples
predicted.order                          # wrong with high confidence first
predicted.confusion                      # how often each class is predicted for each true class
surface(run)                             # for points in the plane: what is predicted everywhere
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import Kind
from trainers.data.fingerprint import CHANGED, differences, fingerprint, fits
from trainers.data.splits import Prepared, Split
from trainers.data.tokens import encode
from trainers.engine.learner import evaluation_batch_size
from trainers.events import SplitName
from trainers.objectives.model_outputs import Answers, answers_for
from trainers.runs.card import read_card
from trainers.runs.run import Run, RunError
from trainers.tasks import TASKS
from trainers.tasks.base import Names

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.tasks import Task

KEPT = 12  # results kept in memory; a page asks for the same ones again and again
Result = TypeVar("Result")
EACH = (  # the fields of Predictions with a row for each sample
    "targets",
    "predicted",
    "probabilities",
    "indices",
    "naive",
    "target_probabilities",
    "losses",
)


@dataclass(frozen=True)
class Predictions:
    """What the network predicts for one part of the data, beside the targets. N samples, C classes.

    What wrong, error, confidence and texts mean is said by the task, `entry`.
    """

    split: SplitName
    task: str
    kind: Kind
    classes: tuple[str, ...]
    features: tuple[str, ...]
    target_names: tuple[str, ...]  # what the numbers to predict are called
    inputs: tuple[NDArray[Any], ...]  # one for each Input, (N, *shape), in the data set's own units
    targets: NDArray[Any]  # as in trainers.data.base.Arrays, numbers in the data set's own units
    predicted: NDArray[Any]  # like `targets`
    probabilities: NDArray[np.float32] | None  # (N, C) of classes and labels; None where they would be too large
    indices: NDArray[np.int64]  # the positions of the samples in the whole data set
    naive: NDArray[Any] | None = None  # predictions made without a network, like `targets`
    vocabularies: tuple[tuple[str, ...], ...] = ()  # the tokens of each input that is text
    target_vocabulary: tuple[str, ...] = ()  # the tokens of targets that are text
    target_probabilities: NDArray[np.float32] | None = None  # of the true class at each place, like `targets`
    losses: NDArray[np.float32] | None = None  # (N,), by the paradigm's loss, of targets as they are in training
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # further facts of each sample, (N, …)

    @property
    def entry(self) -> Task:
        """The task."""
        return TASKS[self.task]

    @property
    def names(self) -> Names:
        """What classes, numbers and tokens are called."""
        return Names(self.classes, self.target_names, self.target_vocabulary)

    @functools.cached_property
    def confidence(self) -> NDArray[np.float32] | None:
        """The probability of the predicted class; None where a sample has no single class."""
        return self.entry.confidence(self)

    @functools.cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Which samples are wrong as a whole; none of a task where samples are neither right nor wrong."""
        return self.entry.wrong(self)

    @functools.cached_property
    def error(self) -> NDArray[Any]:
        """How large the error of each sample is: the share of its labels or pixels that is wrong, or the distance of
        its numbers from the targets in standard deviations."""
        return self.entry.error(self)

    @functools.cached_property
    def order(self) -> NDArray[np.int64]:
        """The most informative samples first: wrong with high confidence, correct with low confidence, then the others.
        Without a confidence those with the largest errors."""
        confidence = self.confidence
        if confidence is None:
            return np.argsort(-self.error, kind="stable")
        return np.lexsort((np.where(self.wrong, -confidence, confidence), ~self.wrong))

    @functools.cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts: row = the true class, column = the predicted class; the diagonal is correct. Each pixel of a mask and
        each token counts."""
        size = max(len(self.classes or self.target_vocabulary), 2)
        pairs = self.targets.astype(np.int64) * size + self.predicted
        return np.bincount(pairs[self.targets >= 0].ravel(), minlength=size * size).reshape(size, size)

    @property
    def overlaps(self) -> NDArray[np.float64]:
        """For each class the intersection of predicted and true area over their union; NaN where it is in neither."""
        both = np.diag(self.confusion).astype(float)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - both
        found: NDArray[np.float64] = np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)
        return found

    def only(self, places: NDArray[np.int64]) -> Predictions:
        """Some of the samples."""
        changed: dict[str, Any] = {name: getattr(self, name) for name in EACH}
        changed = {name: values[places] for name, values in changed.items() if values is not None}
        changed["inputs"] = tuple(given[places] for given in self.inputs)
        changed["attributes"] = {name: values[places] for name, values in self.attributes.items()}
        return dataclasses.replace(self, **changed)


@dataclass(frozen=True)
class Surface:
    """What is predicted at each point of a rectangle: class `predicted[j, i]` at (x[i], y[j]), with this confidence."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    classes: tuple[str, ...]
    training: tuple[NDArray[np.float32], NDArray[np.int64]]  # points and their classes
    validation: tuple[NDArray[np.float32], NDArray[np.int64]]


def predict(run: Run, split: SplitName = "validation") -> Predictions:
    """The predictions of a run's best weights for one part of its data. Kept until the run has better weights.

    Raises:
        RunError: there are no weights yet, no samples in this part, or the network predicts no targets.
        DataError: the data set cannot be loaded any more.
    """
    return kept(run, ("predict", split), lambda: _predict(run, split))


def _predict(run: Run, split: SplitName) -> Predictions:
    job, dataset, prepared = run.job, run.job.dataset, prepared_data(run)
    part: Split = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run has no {split} samples. Give {split} a share of the data and train again.")
    part = job.paradigm.as_evaluated(job, part)
    found = _gathered(_answers(run, part.inputs, part.targets))
    targets, unit = part.targets.numpy(), prepared.target_standardisation
    if unit is not None:
        found["predicted"], targets = unit.revert(found["predicted"]), unit.revert(targets)
    naive = TASKS[prepared.task].naive(dataset, prepared, part)
    return Predictions(
        split,
        prepared.task,
        dataset.kind,
        prepared.classes,
        dataset.feature_names,
        dataset.target_names,
        reverted(prepared, part),
        targets,
        indices=part.indices,
        naive=None if naive is None else naive.numpy(),
        vocabularies=dataset.vocabularies,
        target_vocabulary=dataset.target_vocabulary,
        attributes={name: values.numpy() for name, values in part.attributes.items()},
        **found,
    )


def _answers(run: Run, inputs: tuple[Tensor, ...], targets: Tensor) -> Iterator[Answers]:
    """What the network's outputs stand for, in pieces that fit into memory. RunError: they are no predictions."""
    for answers in answers_for(run.job, run.model(), inputs, targets, evaluation_batch_size(run.job, 1)):
        if answers is None:
            raise RunError(f"A run trained by “{run.job.paradigm.label}” has no predictions of targets.")
        yield answers


def _gathered(pieces: Iterator[Answers]) -> dict[str, Any]:
    """The fields of Predictions that come from answers; of compact tasks without the probabilities of all classes."""
    import torch

    parts: dict[str, list[Tensor]] = {}
    for answers in pieces:
        found = {
            "predicted": answers.predicted,
            "probabilities": None if answers.target.entry.compact else answers.probabilities,
            "target_probabilities": answers.target_probabilities,
            "losses": answers.losses,
        }
        for name, values in found.items():
            parts.setdefault(name, []).extend([] if values is None else [values])
    return {name: torch.cat(values).numpy() if values else None for name, values in parts.items()}


def has_surface(run: Run) -> bool:
    """Whether the run's samples are points in the plane that belong to classes."""
    dataset = run.job.dataset
    return dataset.input_shape == (2,) and TASKS[dataset.task].splits_by_class


def surface(run: Run, resolution: int = 160, margin: float = 0.15) -> Surface:
    """What is predicted on a grid around the points of a two-dimensional data set.

    Raises:
        RunError: the samples are not points with classes, or there are no weights yet.
    """
    if not has_surface(run):
        raise RunError(f"{run.job.dataset.title} has no decision surface: its samples are not points with a class.")
    return kept(run, ("surface", resolution, margin), lambda: _surface(run, resolution, margin))


def _surface(run: Run, resolution: int, margin: float) -> Surface:
    import torch

    prepared = prepared_data(run)
    x, y, given, training = grid(run, resolution, margin)
    pieces = list(_answers(run, (given,), torch.zeros(len(given), dtype=torch.int64)))
    probabilities = torch.cat([answers.probabilities for answers in pieces if answers.probabilities is not None])
    shape = (resolution, resolution)
    validation = (reverted(prepared, prepared.validation)[0], prepared.validation.targets.numpy())
    return Surface(
        x,
        y,
        torch.cat([answers.predicted for answers in pieces]).numpy().reshape(shape),
        probabilities.numpy().max(axis=1).reshape(shape),
        prepared.classes,
        training,
        validation,
    )


def grid(
    run: Run, resolution: int, margin: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], Tensor, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The axes of a grid around the points of a run, its points as the network takes them, row by row, and the training
    points with their classes."""
    import torch

    prepared = prepared_data(run)
    training, validation = (reverted(prepared, part)[0] for part in (prepared.training, prepared.validation))
    points = np.concatenate([training, validation])
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
    """The run's data, split as for training. That of the last run is kept in memory."""
    return _data.get(run.id, run.job.prepare)


def data_change(run: Run) -> str:
    """What differs between the data that a run was trained on and the data now, and what that means, in sentences.

    Empty: nothing differs, or the run is of an earlier version. It prepares the data. RunError: there are no weights.
    DataError: the data cannot be loaded.
    """

    def compare() -> str:
        card = read_card(run.store.run_folder(run.id)) or {}
        old = card.get("data_fingerprint")
        if not old:
            return ""
        new = fingerprint(run.job.dataset, prepared_data(run))
        found = differences(old, new)
        if not found:
            return ""
        end = "Metrics and predictions of this run come from different data: train the document again."
        if not fits(old, new):
            end = "The network does not fit them: restore the data, or train the document again."
        return f"{CHANGED} Since this run was trained, {run.job.dataset.title} has {', '.join(found)}. {end}"

    return kept(run, ("data_change",), compare)


def sample_inputs(run: Run, split: SplitName, number: int) -> tuple[Tensor, ...]:
    """One sample of a split as the network takes it, (1, …) for each input. RunError: the split has no samples."""
    part: Split = getattr(prepared_data(run), split)
    if not len(part):
        raise RunError(f"This run has no samples in the {split} split.")
    number %= len(part)
    return tuple(given[number : number + 1].clone() for given in part.inputs)


def encode_text(run: Run, text: str) -> list[int]:
    """The numbers of a text's tokens, as many as the network takes. TokenError: it has unknown characters."""
    dataset = run.job.dataset
    length = dataset.signals[dataset.text_input].shape[0]
    text = text.lower() if dataset.lower else text
    return encode(text, dataset.vocabularies[dataset.text_input], dataset.tokens)[:length]


def reverted(prepared: Prepared, part: Split) -> tuple[NDArray[Any], ...]:
    """A part's inputs in the data set's own units."""
    return tuple(
        given.numpy() if figures is None else figures.revert(given.numpy())
        for given, figures in zip(part.inputs, prepared.standardisation, strict=True)
    )


def reverted_samples(prepared: Prepared, part: Split, places: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """The same of some of its samples, by their places in the part; the others are not read."""
    some = tuple(given[places] for given in part.inputs)
    return reverted(prepared, dataclasses.replace(part, inputs=some))


@dataclass
class _Memory:
    """A few results by key; the least recently used is removed first. Two tabs wait for one computation."""

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
_results = _Memory(KEPT)


def forget() -> None:
    """Forget every result that is kept in memory, so that it is made anew."""
    for memory in (_data, _results):
        with memory.guard:
            memory.results.clear()


def check_weights(run: Run) -> None:
    """Read the run's best weights, once for each version of them.

    Raises:
        RunError: there are none, or they were damaged; it says what to do.
    """
    path = run.weights_path
    key = (str(path), path.stat().st_mtime_ns if path.exists() else 0)
    _results.get(("weights", *key), run.check_weights)


def splits_with_samples(run: Run) -> list[SplitName]:
    """The splits of the run's data that have samples, those that it was not trained on first.

    Raises:
        DataError: the data set cannot be loaded any more.
    """
    prepared = prepared_data(run)
    every: tuple[SplitName, ...] = ("validation", "test", "training")
    return [split for split in every if len(getattr(prepared, split))]


def kept(run: Run, what: tuple[Any, ...], make: Callable[[], Result]) -> Result:
    """A result that belongs to the weights that are on disk now."""
    try:
        weights = (run.store.run_folder(run.id) / "best.safetensors").stat().st_mtime_ns
    except OSError:
        raise run.without_weights() from None
    return _results.get((str(run.store.folder), run.id, weights, *what), make)
