"""Splits: every sample once, proportions kept, nothing learned from the test part, and wrong shares in words."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data import DATASETS, Arrays, DataError, DataSet, dataset
from trainers.data.base import Kind, Loaded, Task
from trainers.data.splits import Prepared, Standardisation, fit, prepare, split_indices

SMALL = [name for name, entry in DATASETS.items() if not entry.downloaded]


class Counted(DataSet):
    """As many samples of every class as asked for, the last of them an official test part."""

    name: ClassVar[str] = "counted"
    title: ClassVar[str] = "Counted"
    task: ClassVar[Task] = "classification"
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
    assert all_indices(prepared) == list(range(data.samples))
    assert len(prepared.validation) == round(0.2 * data.samples) and len(prepared.test) == round(0.1 * data.samples)
    assert prepared.notes == () and prepared.classes == data.classes and prepared.task == data.task
    arrays = data.load()
    for part in (prepared.training, prepared.validation, prepared.test):
        assert part.inputs[0].dtype == torch.float32 and part.inputs[0].shape == (len(part), *data.input_shape)
        expected = prepared.standardisation[0].apply(arrays.inputs[0][part.indices])
        np.testing.assert_allclose(part.inputs[0].numpy(), expected, atol=1e-6)
    axes = (0, 2, 3) if data.kind == "image" else (0,)
    training = prepared.training.inputs[0].double().numpy()
    np.testing.assert_allclose(training.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(training.std(axis=axes), 1, atol=1e-4)
    if data.task == "classification":
        assert prepared.training.targets.dtype == torch.int64 and prepared.target_standardisation is None
        whole = np.bincount(arrays.targets) / data.samples
        for part in (prepared.training, prepared.validation, prepared.test):
            assert np.abs(np.bincount(part.targets, minlength=len(whole)) - whole * len(part)).max() <= 1.0
    else:
        assert prepared.target_standardisation is not None
        assert prepared.training.targets.shape == (len(prepared.training), data.target_size)
        assert prepared.training.targets.mean().abs() < 1e-5
        back = prepared.target_standardisation.revert(prepared.test.targets).numpy()
        np.testing.assert_allclose(back, arrays.targets[prepared.test.indices], rtol=1e-4)


def test_the_seed_decides() -> None:
    first, again, other = (prepare(dataset({"name": "iris"}), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.training.inputs[0], again.training.inputs[0])
    assert torch.equal(first.test.inputs[0], again.test.inputs[0])
    assert not torch.equal(first.training.inputs[0], other.training.inputs[0])


def test_the_test_part_does_not_reach_the_figures() -> None:
    prepared = prepare(Counted(counts=(50, 50)), 0.2, 0.2, seed=0)
    np.testing.assert_allclose(prepared.standardisation[0].mean[0], prepared.training.indices.mean(), rtol=1e-6)
    assert prepared.standardisation[0].std[1] == 1 and (prepared.test.inputs[0][:, 1] == 0).all()


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
