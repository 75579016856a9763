"""Inputs that stay in their file give training the same numbers as those in memory, and hold none of them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from tests.trainers.test_loop import Counting, loop
from trainers.data import mapped
from trainers.data.base import Arrays, DataError, DataSet, Kind
from trainers.data.batches import Batches, ahead
from trainers.data.fingerprint import fingerprint
from trainers.data.mapped import MappedInput
from trainers.data.scaling import Scaling, fit, fit_blocks, scale
from trainers.data.splits import prepare, split_given
from trainers.engine import loop_state
from trainers.engine.loop import Loop


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


class Stateless(Counting):
    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of 60 bytes each, blocks of 4 of them, 3 blocks mixed, in a memory that is too small for them."""
    monkeypatch.setattr(mapped, "HELD", 0)
    monkeypatch.setattr(mapped, "ORDERED", 4 * 60)
    monkeypatch.setattr(mapped, "MIXED", 0.72)
    monkeypatch.setattr(mapped, "main_memory", lambda: (0, 1000))


def test_a_file_that_is_large_beside_the_memory_is_read_in_blocks(
    stored: _Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = prepare(stored, test=8 / 60).training
    in_blocks(monkeypatch)
    lazy = prepare(stored, test=8 / 60).training
    batches = Batches(lazy, 5, 3, "cpu")
    epochs = [list(batches.epoch(number)) for number in range(2)]
    orders: list[Any] = [torch.cat([batch.positions for batch in epoch]) for epoch in epochs]  # type: ignore[misc]
    for epoch, order in zip(epochs, orders, strict=True):
        assert sorted(order.tolist()) == list(range(len(held)))
        torch.testing.assert_close(torch.cat([b.inputs[0] for b in epoch]), held.inputs[0][order], rtol=0, atol=0)
        torch.testing.assert_close(torch.cat([batch.targets for batch in epoch]), held.targets[order])
        rows = np.sort(lazy.indices)  # 40: ten blocks
        blocks = {int(row): place // 4 for place, row in enumerate(rows)}
        read = [blocks[int(lazy.indices[place])] for place in order]
        for start, stop in ((0, 8), (8, 20), (20, 28), (28, 40)):  # two or three blocks after one another are mixed
            some = read[start:stop]
            assert len(set(some)) == (stop - start) // 4 and some != sorted(some)
    assert not torch.equal(orders[0], orders[1])
    again = list(batches.epoch(1, start=4))
    assert [batch.positions.tolist() for batch in again] == [batch.positions.tolist() for batch in epochs[1][4:]]  # type: ignore[union-attr]


def test_a_run_keeps_its_order_on_another_machine_and_those_of_earlier_versions_mix_all_samples(
    stored: _Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(seed: int = 3) -> Loop:
        found = loop(Stateless())[0]
        found.batches = Batches(prepare(stored).training, 5, seed, "cpu")
        return found

    monkeypatch.setattr(mapped, "HELD", 0)
    whole = made()
    with monkeypatch.context() as small:
        in_blocks(small)
        divided = made()
    assert (whole.batches.blocks, divided.batches.blocks) == (None, (4, 3))  # type: ignore[attr-defined]
    for kept, other in ((divided, whole), (whole, divided)):
        state = loop_state.capture(kept, "cpu")
        state["blocks"] = json.loads(json.dumps(state["blocks"]))
        loop_state.restore(other, state, "cpu")
        assert other.batches.blocks == kept.batches.blocks  # type: ignore[attr-defined]
    del state["blocks"]
    loop_state.restore(divided, state, "cpu")
    assert divided.batches.blocks is None  # type: ignore[attr-defined]


def test_what_is_read_ahead_comes_in_order_with_its_errors_and_ends_when_it_is_left() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    def reading() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "netloom reading"]

    assert list(ahead(numbers())) == list(range(100)) and len(made) == 100
    made.clear()
    taken = ahead(numbers())
    assert [next(taken), next(taken)] == [0, 1]
    taken.close()  # type: ignore[attr-defined]
    for thread in reading():
        thread.join(10)
    assert not reading() and len(made) < 10

    def broken() -> Iterator[int]:
        yield 1
        raise DataError("The file is gone.")

    found = []
    with pytest.raises(DataError, match="The file is gone"):
        for number in ahead(broken()):
            found.append(number)
    assert found == [1]


def test_the_thread_that_reads_ahead_computes_alone_and_takes_no_threads_from_others() -> None:
    counts: list[int] = []

    def numbers() -> Iterator[int]:
        for _ in range(3):
            yield torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(ahead(numbers())) == [1, 1, 1]
        other = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert [torch.get_num_threads(), *counts] == [2, 2]
    finally:
        torch.set_num_threads(before)


def test_a_process_that_ends_in_the_middle_of_an_epoch_ends_in_order() -> None:
    code = """
import torch
from trainers.data.batches import ahead
batches = ahead(torch.ones(3, 500, 500).mul_(2).sum() for _ in range(10**6))
print(len([next(batches) for _ in range(20)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "20", "")


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


@pytest.mark.parametrize("channels", [None, 1, -1])
def test_blocks_are_scaled_as_the_whole(channels: int | None) -> None:
    values = np.random.default_rng(0).normal(3, 2, (50, 4, 6, 5)).astype(np.float32)
    values[:, 1, :, 2] = 7  # constant
    whole, pieces = fit(values, channels), fit_blocks(lambda: (values[at : at + 7] for at in range(0, 50, 7)), channels)
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-6)
    np.testing.assert_allclose(pieces.std, whole.std, rtol=1e-6)
