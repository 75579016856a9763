"""Splits: every sample once, proportions kept, nothing learned from the test part, and wrong shares in words."""

from __future__ import annotations

import itertools
import json
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data import DATASETS, Arrays, DataError, DataSet, dataset
from trainers.data.base import Kind, Loaded
from trainers.data.scaling import Standardisation, fit
from trainers.data.sets.forecasts import overlap, windows
from trainers.data.splits import Prepared, prepare, split_groups, split_in_time, split_indices

SMALL = [name for name, entry in DATASETS.items() if not entry.downloaded]


class Counted(DataSet):
    """As many samples of every class as asked for, the last of them an official test part."""

    name: ClassVar[str] = "counted"
    title: ClassVar[str] = "Counted"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "table"
    official_test: ClassVar[int] = 0
    counts: tuple[int, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple("abcdefgh"[: len(self.counts)])

    @property
    def samples(self) -> int:
        return sum(self.counts)

    @staticmethod
    def load_data(counts: tuple[int, ...]) -> Loaded:
        """Column 0 counts the samples, column 1 is constant."""
        targets = np.repeat(np.arange(len(counts)), counts)
        return np.stack([np.arange(len(targets)), np.full(len(targets), 5.0)], axis=1), targets


class Published(Counted):
    """The same with an official test part of its last four samples."""

    name: ClassVar[str] = "published"
    official_test: ClassVar[int] = 4


def all_indices(prepared: Prepared) -> list[int]:
    parts = (prepared.training, prepared.validation, prepared.test)
    return sorted(int(index) for part in parts for index in part.indices)


@pytest.mark.parametrize("name", SMALL)
def test_every_data_set_is_split_and_standardised(name: str) -> None:
    data = dataset({"name": name})
    prepared = prepare(data, 0.2, 0.1, seed=3)
    parts = (prepared.training, prepared.validation, prepared.test)
    used = all_indices(prepared)
    assert len(set(used)) == len(used) == data.samples - 2 * data.gap
    assert len(prepared.validation) == pytest.approx(0.2 * data.samples, rel=0.1, abs=1)
    assert len(prepared.test) == pytest.approx(0.1 * data.samples, rel=0.1, abs=1)
    assert prepared.notes == () and prepared.classes == data.classes and prepared.task == data.task
    arrays = data.load()
    check_inputs(data, arrays, prepared)
    check_targets(data, arrays, prepared)
    if data.order == "time":
        for one, next_one in itertools.pairwise(parts):
            assert int(next_one.indices.min()) - int(one.indices.max()) == data.gap + 1
    if arrays.groups is not None:
        held = [set(arrays.groups[part.indices]) for part in parts]
        assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]


def check_inputs(data: DataSet, arrays: Arrays, prepared: Prepared) -> None:
    """Zero mean and unit variance in the training part, by feature or channel; the other parts with its statistics."""
    for number, (array, figures) in enumerate(zip(arrays.inputs, prepared.standardisation, strict=True)):
        if figures is None:
            assert array.dtype == np.int64
            continue
        for part in (prepared.training, prepared.validation, prepared.test):
            given = part.inputs[number]
            assert given.dtype == torch.float32 and given.shape == (len(part), *data.signals[number].shape)
            np.testing.assert_allclose(given.numpy(), figures.apply(array[part.indices]), atol=1e-6)
        kept = {"image": 1, "sound": 1, "series": array.ndim - 1}.get(data.kind)
        axes = (0,) if kept is None else tuple(axis for axis in range(array.ndim) if axis != kept)
        training = prepared.training.inputs[number].double().numpy()
        np.testing.assert_allclose(training.mean(axis=axes), 0, atol=1e-4)
        np.testing.assert_allclose(training.std(axis=axes), 1, atol=1e-3)


def check_targets(data: DataSet, arrays: Arrays, prepared: Prepared) -> None:
    """Classes in their proportions, numbers to predict at mean 0, everything else as it was."""
    parts = (prepared.training, prepared.validation, prepared.test)
    figures = prepared.target_standardisation
    assert (figures is not None) == (data.task in ("regression", "forecasting"))
    for part in parts:
        back = part.targets if figures is None else figures.revert(part.targets)
        np.testing.assert_allclose(back.numpy(), arrays.targets[part.indices], rtol=1e-3, atol=1e-4)
    if figures is not None:
        mean = prepared.training.targets.mean(dim=tuple(range(prepared.training.targets.ndim - 1)))
        assert mean.abs().max() < 1e-4
    if data.task == "classification" and arrays.groups is None:
        whole = np.bincount(arrays.targets) / data.samples
        for part in parts:
            assert np.abs(np.bincount(part.targets, minlength=len(whole)) - whole * len(part)).max() <= 1.0


def test_the_seed_decides() -> None:
    first, again, other = (prepare(dataset({"name": "iris"}), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.training.inputs[0], again.training.inputs[0])
    assert torch.equal(first.test.inputs[0], again.test.inputs[0])
    assert not torch.equal(first.training.inputs[0], other.training.inputs[0])


def test_the_test_part_does_not_reach_the_figures() -> None:
    prepared = prepare(Counted(counts=(50, 50)), 0.2, 0.2, seed=0)
    figures = prepared.standardisation[0]
    assert figures is not None
    np.testing.assert_allclose(figures.mean[0], prepared.training.indices.mean(), rtol=1e-6)
    assert figures.std[1] == 1 and (prepared.test.inputs[0][:, 1] == 0).all()


def test_a_limit_leaves_training_samples_out_and_nothing_else() -> None:
    data = dataset({"name": "digits"})
    whole, some = prepare(data, 0.2, 0.2, 3), prepare(data, 0.2, 0.2, 3, limit=50)
    assert len(some.training) == 50 and set(np.bincount(some.training.targets).tolist()) <= {4, 5, 6}
    assert set(some.training.indices) <= set(whole.training.indices)
    for one, other in ((whole.validation, some.validation), (whole.test, some.test)):
        np.testing.assert_array_equal(one.indices, other.indices)
    assert len(prepare(data, 0.2, 0.2, 3, limit=10**6).training) == len(whole.training)
    series = dataset({"name": "lorenz", "samples": 300})
    last = prepare(series, limit=7).training.indices
    np.testing.assert_array_equal(last, prepare(series).training.indices[-7:])


def test_a_part_may_be_left_out() -> None:
    prepared = prepare(dataset({"name": "iris"}), validation=0, test=0)
    assert len(prepared.training) == 150 and len(prepared.validation) == len(prepared.test) == 0
    assert prepared.test.inputs[0].shape == (0, 4)


def test_a_published_test_part_is_the_test_part() -> None:
    prepared = prepare(Published(counts=(20, 20)), 0.25, 0.3)
    assert list(prepared.test.indices) == [36, 37, 38, 39]
    assert len(prepared.validation) == 9 and all_indices(prepared) == list(range(40))
    assert len(prepare(Published(counts=(20, 20)), 0.25, 0).test) == 0
    for name in ("mnist", "fashion_mnist"):
        assert DATASETS[name].official_test == 10_000


@pytest.mark.parametrize(
    ("validation", "test", "says"),
    [
        (0.5, 0.5, "leave nothing to train on"),
        (0.9, 0.9, "add up to 1.8"),
        (-0.1, 0.1, "validation share is -0.1"),
        (0.1, 1.0, "test share is 1.0"),
        ("0.2", 0.1, "validation share is '0.2'"),
        (True, 0.1, "validation share is True"),
        (float("nan"), 0.1, "validation share is nan"),
        (0.2, 0.001, "The test share 0.001 of the 150 samples of iris is not a single sample"),
    ],
)
def test_wrong_shares_end_in_a_sentence(validation: Any, test: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        prepare(dataset({"name": "iris"}), validation, test)


def test_a_class_with_too_few_samples_stays_in_training_and_is_noted() -> None:
    prepared = prepare(Counted(counts=(40, 40, 1)), 0.2, 0.1)
    assert 2 in prepared.training.targets
    assert prepared.notes == (
        "No sample of class c is in the validation part: there are too few of them.",
        "No sample of class c is in the test part: there are too few of them.",
    )


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    validation=st.floats(0, 0.49),
    test=st.floats(0, 0.49),
    seed=st.integers(0, 2**32 - 1),
)
def test_split_indices_use_every_sample_once(counts: list[int], validation: float, test: float, seed: int) -> None:
    groups = np.repeat(np.arange(len(counts)), counts)
    parts = split_indices(groups, validation, test, seed)
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))
    assert set(groups[parts[0]]) == set(groups)
    for part, share in zip(parts[1:], (validation, test), strict=True):
        assert len(part) <= round(share * len(groups))
        assert (np.abs(np.bincount(groups[part], minlength=len(counts)) - share * np.array(counts)) < 2).all()


def test_standardisation_travels_as_json_and_treats_tensors_as_arrays() -> None:
    values = np.random.default_rng(0).normal(3, 7, (20, 2, 4, 4)).astype(np.float32)
    figures = fit(values, channels=1)
    assert figures.mean.shape == (2, 1, 1)
    again = Standardisation.from_dict(json.loads(json.dumps(figures.as_dict())))
    np.testing.assert_array_equal(again.apply(torch.from_numpy(values)).numpy(), figures.apply(values))
    np.testing.assert_allclose(figures.revert(figures.apply(values)), values, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="not numbers"):
        Counted(counts=(2, 2)).checked(np.full((4, 2), bad), np.zeros(4))
    assert isinstance(Counted(counts=(2, 2)).checked(np.zeros((4, 2)), np.zeros(4)), Arrays)


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0, 0.49), st.floats(0, 0.49), st.integers(0, 60))
def test_a_split_in_time_keeps_order_and_distance(count: int, validation: float, test: float, gap: int) -> None:
    parts = split_in_time(count, validation, test, gap)
    assert len(parts[2]) == round(test * count) and len(parts[1]) <= round(validation * count)
    parts_used = [part for part in parts if len(part)]
    for part in parts_used:
        np.testing.assert_array_equal(part, np.arange(part[0], part[-1] + 1))
    for one, next_one in itertools.pairwise(parts_used):
        assert next_one[0] - one[-1] >= gap + 1


@settings(deadline=None)
@given(
    groups=st.lists(st.integers(0, 12), min_size=1, max_size=200),
    validation=st.floats(0, 0.49),
    test=st.floats(0, 0.49),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_group_is_on_one_side_only(groups: list[int], validation: float, test: float, seed: int) -> None:
    labels = np.array(groups)
    parts = split_groups(labels, validation, test, seed)
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))
    held = [set(labels[part]) for part in parts]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]


@given(window=st.integers(1, 30), horizon=st.integers(1, 20), stride=st.integers(1, 15))
def test_windows_on_two_sides_of_a_gap_share_no_row(window: int, horizon: int, stride: int) -> None:
    rows = np.arange(window + horizon + 60 * stride)[:, None]
    seen, ahead = windows(rows, window, horizon, stride)
    assert seen.shape == (61, window, 1) and ahead.shape == (61, horizon, 1) and ahead[0, 0, 0] == window
    apart = overlap(window, horizon, stride) + 1
    if apart < len(seen):
        assert ahead[0].max() < seen[apart].min()
    assert apart == 1 or ahead[0].max() >= seen[apart - 1].min()  # no sample is left out for nothing


def test_one_sample_of_each_class_and_an_empty_class_end_in_words() -> None:
    with pytest.raises(DataError, match="Each class of counted has a single sample, which is needed for training"):
        prepare(Counted(counts=(1, 1, 1)), 0.3, 0.3)
    assert len(prepare(Counted(counts=(1, 1, 1)), 0, 0).training) == 3
    notes = prepare(Counted(counts=(20, 0, 20)), 0.2, 0.1).notes
    assert notes == ("There is no sample of class b: the network cannot learn it.",)


def test_more_parts_than_speakers_end_in_a_sentence() -> None:
    with pytest.raises(DataError, match="leave none to train on"):
        prepare(dataset({"name": "digit_pairs", "samples": 300}), 0.5, 0.49)
