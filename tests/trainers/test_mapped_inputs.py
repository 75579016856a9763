"""Inputs that stay in their file give training the same numbers as those in memory, and hold none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from trainers.data import mapped
from trainers.data.base import Arrays, DataSet, Kind
from trainers.data.batches import Batches
from trainers.data.fingerprint import fingerprint
from trainers.data.mapped import MappedInput
from trainers.data.scaling import Scaling, scale
from trainers.data.splits import prepare, split_given


class _Stored(DataSet):
    """Images of bytes in a file."""

    name: ClassVar[str] = "stored"
    title: ClassVar[str] = "Stored"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = "here"
    licence: ClassVar[str] = "MIT"
    arrays: ClassVar[Arrays]

    samples: int = 60

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3, 5, 4)

    @property
    def classes(self) -> tuple[str, ...]:
        return ("a", "b")

    def load(self) -> Arrays:
        return type(self).arrays


@pytest.fixture
def stored(tmp_path: Path) -> _Stored:
    random = np.random.default_rng(0)
    made = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (60, 3, 5, 4))
    made[:] = random.integers(0, 200, made.shape)
    made.flush()
    images = np.load(tmp_path / "images.npy", mmap_mode="c")
    _Stored.arrays = Arrays((images,), np.arange(60) % 2)
    return _Stored()


@pytest.mark.parametrize("scaling", ["standard", "unit", "signed", "none"])
def test_mapped_bytes_are_the_numbers_that_they_would_be_in_memory(
    stored: _Stored, scaling: Scaling, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = prepare(stored, scaling=scaling)
    monkeypatch.setattr(mapped, "HELD", 0)
    monkeypatch.setattr(mapped, "BLOCK", 4 * 60 * 7)  # several blocks, the last one smaller
    lazy = prepare(stored, scaling=scaling)
    given: Any = lazy.training.inputs[0]
    assert isinstance(given, MappedInput) and isinstance(held.training.inputs[0], torch.Tensor)
    assert given.dtype == torch.float32 and given.shape == held.training.inputs[0].shape
    torch.testing.assert_close(given[:], held.training.inputs[0], rtol=0, atol=0)
    torch.testing.assert_close(given.mean(dim=0), held.training.inputs[0].mean(dim=0))
    torch.testing.assert_close(torch.cat([given, given]), torch.cat([held.training.inputs[0]] * 2))
    torch.testing.assert_close(given[[3, 1], 0], held.training.inputs[0][[3, 1], 0])
    assert float(given.std()) == pytest.approx(float(held.training.inputs[0].std()))
    floats = np.asarray(stored.load().inputs[0], np.float32)[held.training.indices] / 255
    if scaling != "none":
        expected = scale(floats, scaling, 1)
        torch.testing.assert_close(given[:].numpy(), expected.apply(floats), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(lazy.standardisation[0].mean, expected.mean, rtol=1e-5)  # type: ignore[union-attr]
    before = fingerprint(stored, lazy)
    given.stored[int(given.rows[2]), 0, 0, 0] ^= 1
    assert fingerprint(stored, lazy)["values"]["training"] != before["values"]["training"]


def test_batches_of_mapped_bytes_are_those_of_memory(stored: _Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    held = prepare(stored)
    monkeypatch.setattr(mapped, "HELD", 0)
    lazy = prepare(stored)
    for size in (8, "full"):
        one, two = (list(Batches(each.training, size, 3, "cpu").epoch(1)) for each in (held, lazy))  # type: ignore[arg-type]
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            assert type(second.inputs[0]) is torch.Tensor
            torch.testing.assert_close(first.inputs[0], second.inputs[0], rtol=0, atol=0)
            torch.testing.assert_close(first.targets, second.targets)


def test_mapped_floats_with_gaps_are_filled_as_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.data.scaling import Standardisation

    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    values[2, 1] = np.nan
    np.save(tmp_path / "v.npy", values)
    stored = np.load(tmp_path / "v.npy", mmap_mode="r")
    figures = Standardisation(*(np.array(each, np.float32) for each in ([1, 2], [2, 4], [7, 8])))
    places = np.array([4, 2, 0])
    held = mapped.given_input(stored, places, figures)
    monkeypatch.setattr(mapped, "HELD", 0)
    lazy = mapped.given_input(stored, places, figures)
    torch.testing.assert_close(lazy[:], held)
    assert held[1].tolist() == [1.5, 1.5] and np.isnan(stored[2, 1])


def test_parts_that_the_data_names_are_kept_and_others_taken_from_training() -> None:
    parts = np.array([0] * 40 + [2] * 10, np.int8)
    strata = np.arange(50) % 2
    training, validation, test = split_given(parts, strata, 0.25, 0.1, 0)
    assert sorted(test) == list(range(40, 50)) and len(validation) == 10 and len(training) == 30
    assert not set(training) & set(validation) and set(strata[validation]) == {0, 1}
    nothing = split_given(parts, strata, 0, 0, 0)
    assert len(nothing[0]) == 40 and not len(nothing[1]) and not len(nothing[2])
    every = np.array([0, 0, 1, 2], np.int8)
    assert [part.tolist() for part in split_given(every, np.zeros(4, np.int64), 0.2, 0.1, 0)] == [[0, 1], [2], [3]]
