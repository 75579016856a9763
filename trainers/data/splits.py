"""Divides a data set into training, validation and test part, and standardises it to zero mean and unit variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import GIVEN, Arrays, DataError, DataSet
from trainers.data.scaling import Scaling, Standardisation, channel_axis, fill_values, fit, fit_blocks, joined, scale
from trainers.tasks import TASKS

if TYPE_CHECKING:
    import torch

Indices = NDArray[np.int64]
MANY = 16 * 2**20  # numbers in the training part of a table in a file, above which its columns are looked at one by one


@dataclass(frozen=True)
class Split:
    """One part of a data set: standardised inputs, targets, and where its samples stand in the whole data set."""

    inputs: tuple[torch.Tensor, ...]  # one for each Input: float32 or int64 (N, *signal.shape)
    targets: torch.Tensor  # as in `Arrays`; numbers to predict are standardised
    indices: Indices
    attributes: Mapping[str, torch.Tensor] = field(default_factory=dict)  # further facts of each sample: "group", …

    def __len__(self) -> int:
        return len(self.indices)

    def to(self, device: str) -> Split:
        """The same part on a device."""
        attributes = {name: given.to(device) for name, given in self.attributes.items()}
        return Split(
            tuple(given.to(device) for given in self.inputs), self.targets.to(device), self.indices, attributes
        )


@dataclass(frozen=True)
class Prepared:
    """A data set ready to train on.

    `standardisation` has one entry for each input, None for tokens.
    Numbers to predict are standardised as well, so that one learning rate suits every data set; then
    `target_standardisation` holds mean and standard deviation, and `target_standardisation.revert(model(x))` is in the
    original unit. R2 is the same in either unit. `notes` says in words where the split could not be made as asked.
    """

    training: Split
    validation: Split
    test: Split
    standardisation: tuple[Standardisation | None, ...]
    target_standardisation: Standardisation | None
    classes: tuple[str, ...]
    task: str
    notes: tuple[str, ...] = ()


def prepare(
    dataset: DataSet,
    validation: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
    raw_targets: bool = False,
    scaling: Scaling = "standard",
    limit: int | None = None,
) -> Prepared:
    """Load, split and standardise a data set. The same seed gives the same split, on every machine.

    `validation` and `test` are shares of all samples; 0 leaves a part empty. Classes keep their proportions in every
    part, as `Task.strata` says. Where the authors published a test part (mnist, fashion_mnist), it is the test part
    whatever share `test` names, and `validation` is a share of the rest. `raw_targets` leaves numbers to predict in
    their own unit, for losses over counts. `limit` keeps no more training samples than that, chosen at random with the
    same share of each class; the other parts stay as they are.

    Raises:
        DataError: shares that leave nothing to train on, or a part that would hold no sample; or load() failed.
    """
    import torch

    from trainers.data import mapped

    check_shares(validation, test)
    arrays = dataset.load()
    parts, notes = _indices(dataset, arrays, validation, test, seed, limit)
    figures = figures_of(dataset, arrays, parts[0], scaling)
    facts = {**arrays.attributes, **_weights(arrays, parts[0])}
    targets, target_standardisation = arrays.targets, None
    if TASKS[dataset.task].standardised and not raw_targets:
        target_standardisation = fit(targets[parts[0]], -1)
        targets = target_standardisation.apply(targets)

    def split(indices: Indices) -> Split:
        pairs = zip(arrays.inputs, figures, strict=True)
        inputs = [mapped.given_input(array, indices, figure) for array, figure in pairs]
        attributes = {name: torch.from_numpy(values[indices]) for name, values in facts.items()}
        return Split(tuple(inputs), torch.from_numpy(targets[indices]), indices, attributes)

    training, validating, testing = (split(part) for part in parts)
    return Prepared(
        training, validating, testing, figures, target_standardisation, dataset.classes, dataset.task, notes
    )


def _weights(arrays: Arrays, training: Indices) -> dict[str, NDArray[np.float32]]:
    """How much each sample counts in the loss, with a mean of 1 in the training part. DataError: none of it counts."""
    if "weight" not in arrays.attributes:
        return {}
    given = np.asarray(arrays.attributes["weight"], np.float64)
    mean = float(given[training].mean())
    if not mean > 0:
        raise DataError("No sample of the training part has a weight above 0, so there is nothing to learn from.")
    return {"weight": (given / mean).astype(np.float32)}


def also_in_training(parts: tuple[Indices, Indices, Indices], samples: NDArray[Any]) -> int:
    """How many samples of the validation and the test part are the same as one of the training part. `samples` (N,):
    something for each that is the same for the same sample."""
    training, validation, test = parts
    return int(np.isin(samples[np.concatenate([validation, test])], samples[training]).sum())


def words_on_copies(both: int, usual: bool, torn: int = 0) -> str:
    """What copies do, in sentences. `both`: as `also_in_training` counts; `usual`: the split is the usual one, which a
    document may change; `torn`: how many copies have another class than the sample that they repeat."""
    split = ", with the usual split" if usual else ""
    found = f"Of the validation and the test part {both:,} are in the training part, too{split}: the score is better "
    found += "than it is for new samples." if both else ""
    if not both:
        found = f"None of the validation and the test part is in the training part, too{split}."
    return f"{found} {torn:,} {'has' if torn == 1 else 'have'} another class than the one before." if torn else found


def parts_of(
    dataset: DataSet, arrays: Arrays, validation: float = 0.2, test: float = 0.1, seed: int = 0
) -> tuple[Indices, Indices, Indices]:
    """Which samples are in the training, validation and test part; the same as in `prepare`. DataError: as there."""
    check_shares(validation, test)
    return _indices(dataset, arrays, validation, test, seed, None)[0]


def figures_of(
    dataset: DataSet, arrays: Arrays, training: Indices, scaling: Scaling = "standard"
) -> tuple[Standardisation | None, ...]:
    """What scales each input and fills its missing values, from these training samples. None: it stays as it is."""
    channels = channel_axis(dataset)
    rules = arrays.fills or (None,) * len(arrays.inputs)
    return tuple(
        _figures(array, training, scaling, channels, rule) for array, rule in zip(arrays.inputs, rules, strict=True)
    )


def _figures(
    array: NDArray[Any], places: Indices, scaling: Scaling, channels: int | None, rules: tuple[str, ...] | None
) -> Standardisation | None:
    """What scales an input and fills its missing values, from its training samples. None: it stays as it is."""
    if array.dtype == np.uint8:
        from trainers.data import mapped

        return mapped.byte_figures(array, places, scaling)
    if array.dtype != np.float32:
        return None
    if array.ndim == 2 and isinstance(array, np.memmap) and len(places) * array.shape[1] > MANY:
        each = [_figures_of(array, np.sort(places), column, scaling, rules) for column in range(array.shape[1])]
        return joined(each) if rules is not None or scaling != "none" else None
    if isinstance(array, np.memmap) and rules is None and scaling == "standard" and array[:1].size * len(places) > MANY:
        rows, step = np.sort(places), max(1, MANY // (8 * array[:1].size))
        return fit_blocks(lambda: (array[rows[at : at + step]] for at in range(0, len(rows), step)), channels)
    training = array[places]
    if rules is None:
        return scale(training, scaling, channels) if scaling != "none" else None
    fill = fill_values(training, rules)
    full = np.where(np.isnan(training), fill, training)
    if scaling == "none":
        return Standardisation(np.zeros_like(fill), np.ones_like(fill), fill)
    return replace(scale(full, scaling, channels), fill=fill)


def _figures_of(
    array: NDArray[Any], places: Indices, column: int, scaling: Scaling, rules: tuple[str, ...] | None
) -> Standardisation:
    """What scales and fills one column of a table that is too large to be copied as a whole."""
    values = np.array(array[places, column : column + 1])
    rule = None if rules is None else (rules[column],)
    found = _figures(values, np.arange(len(values)), scaling, None, rule)
    return found or Standardisation(np.zeros(1, np.float32), np.ones(1, np.float32))


def check_shares(validation: float, test: float) -> None:
    """Refuse, in words, shares that are no shares or leave nothing to train on."""
    for name, share in (("validation", validation), ("test", test)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise DataError(f"The {name} share is {share!r}; expected a number from 0 up to, but not including, 1.")
    if validation + test >= 1:
        raise DataError(
            f"The validation share {validation:g} and the test share {test:g} leave nothing to train on: they add up "
            f"to {validation + test:g}. Make them smaller; 0.2 and 0.1 are usual."
        )


def split_in_time(
    count: int, validation: float, test: float, gap: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first samples for training, the next for validation, the last for test, `gap` samples apart."""
    places = np.arange(count)
    testing, validating = round(test * count), round(validation * count)
    kept = count - testing - (gap if testing else 0)
    middle = places[max(kept - validating, 0) : max(kept, 0)]
    first = places[: max(kept - validating - (gap if validating else 0), 0)]
    return first, middle, places[count - testing :]


def split_groups(
    groups: NDArray[Any], validation: float, test: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Whole groups for each part, chosen at random; a part that is asked for gets at least one group."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(groups))
    parts, used = [], 0
    for share in (test, validation):
        wanted = max(1, round(share * len(names))) if share else 0
        parts.append(np.flatnonzero(np.isin(groups, names[used : used + wanted])))
        used += wanted
    training = np.flatnonzero(np.isin(groups, names[used:]))
    return random.permutation(training), random.permutation(parts[1]), random.permutation(parts[0])


def split_indices(
    groups: NDArray[Any], validation: float, test: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Random indices of the training, validation and test part, each with the same proportions of every group."""
    import numpy as np

    random = np.random.default_rng(seed)
    members = [random.permutation(np.flatnonzero(groups == group)) for group in np.unique(groups)]
    parts = []
    for share in (test, validation):
        exact = np.array([share * len(groups) * np.mean(groups == group) for group in np.unique(groups)])
        # one sample of every group stays for training
        counts = np.minimum(np.floor(exact + 1e-9).astype(int), [len(indices) - 1 for indices in members])
        missing = round(share * len(groups)) - counts.sum()
        for group in np.argsort(counts - exact, kind="stable"):  # first the groups that lost most by rounding down
            if missing > 0 and len(members[group]) > counts[group] + 1:
                counts[group] += 1
                missing -= 1
        parts.append(np.concatenate([indices[:count] for indices, count in zip(members, counts, strict=True)]))
        members = [indices[count:] for indices, count in zip(members, counts, strict=True)]
    test_indices, validation_indices = (random.permutation(part) for part in parts)
    return random.permutation(np.concatenate(members)), validation_indices, test_indices


def split_given(
    parts: NDArray[Any], strata: Indices, validation: float, test: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The parts that the data set itself names, by the numbers of `Arrays.parts`.

    A part that it does not name is taken from its training part: `validation` and `test` are shares of that then, with
    the same proportions of every stratum. A share of 0 leaves a part empty, also one that is given.
    """
    training, *others = (np.flatnonzero(parts == number) for number in range(len(GIVEN)))
    shares = [0.0 if len(part) else share for part, share in zip(others, (validation, test), strict=True)]
    if any(shares):
        divided = split_indices(strata[training], shares[0], shares[1], seed)
        free, *taken = (training[some] for some in divided)
        others = [part if len(part) else more for part, more in zip(others, taken, strict=True)]
        training = free
    kept = [part if share else part[:0] for part, share in zip(others, (validation, test), strict=True)]
    return training, kept[0], kept[1]


def _indices(
    dataset: DataSet, arrays: Arrays, validation: float, test: float, seed: int, limit: int | None
) -> tuple[tuple[Indices, Indices, Indices], tuple[str, ...]]:
    """Where the samples of the three parts stand, and notes on classes that are not in every part."""
    task = TASKS[dataset.task]
    free = len(arrays.targets) - arrays.test_count
    strata = task.strata(arrays.targets[:free])
    test_share = 0.0 if arrays.test_count else test
    if arrays.parts is not None:
        parts = split_given(arrays.parts[:free], strata, validation, test_share, seed)
    elif dataset.order == "time":
        parts = split_in_time(free, validation, test_share, arrays.gap)
    elif arrays.groups is not None:
        parts = split_groups(arrays.groups[:free], validation, test_share, seed)
    else:
        parts = split_indices(strata, validation, test_share, seed)
    if not len(parts[0]):
        raise DataError(
            f"The {free} samples of {dataset.name} leave none to train on with a validation share of {validation:g} "
            f"and a test share of {test:g}. Make them smaller."
        )
    for name, share, part in (("validation", validation, parts[1]), ("test", test_share, parts[2])):
        if share and not len(part):
            raise DataError(_empty_part(dataset, strata, name, share))
    if limit is not None and limit < len(parts[0]):
        parts = (_some(dataset, parts[0], strata, limit, seed), parts[1], parts[2])
    notes = _absent(dataset.classes, strata, parts) if task.splits_by_class else ()
    if arrays.test_count and test > 0:
        parts = (parts[0], parts[1], np.arange(free, free + arrays.test_count))
    return parts, notes


def _some(dataset: DataSet, training: Indices, strata: Indices, limit: int, seed: int) -> Indices:
    """So many of the training samples: in time the last ones, else at random with the same share of each class."""
    if dataset.order == "time":
        return training[len(training) - limit :]
    chosen = split_indices(strata[training], 0.0, limit / len(training), seed)[2]
    return training[chosen]


def _empty_part(dataset: DataSet, strata: Indices, name: str, share: float) -> str:
    """Why a part that was asked for has no sample, and what to do."""
    count = len(strata)
    if TASKS[dataset.task].splits_by_class and round(share * count) and np.bincount(strata).max() == 1:
        return (
            f"Each class of {dataset.name} has a single sample, which is needed for training: none is left for the "
            f"{name} part. Add samples of each class, or set the {name} share to 0."
        )
    return (
        f"The {name} share {share:g} of the {count} samples of {dataset.name} is not a single sample. "
        f"Make it at least {1 / count:.2g}, or 0 for no {name} part."
    )


def _absent(classes: tuple[str, ...], labels: Indices, parts: tuple[Indices, Indices, Indices]) -> tuple[str, ...]:
    """A sentence for each class that has no sample at all, or none in one of the parts."""
    present = np.unique(labels)
    nowhere = [
        f"There is no sample of class {name}: the network cannot learn it."
        for label, name in enumerate(classes)
        if label not in present
    ]
    absent = [
        f"No sample of class {classes[label]} is in the {name} part: there are too few of them."
        for name, part in zip(("training", "validation", "test"), parts, strict=True)
        if len(part)
        for label in np.setdiff1d(present, labels[part])
    ]
    return (*nowhere, *absent)
