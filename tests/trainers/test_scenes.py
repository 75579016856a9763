"""What networks make while they train is kept small, told by a clock, and read back as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.events import Scene
from trainers.packing import STEPS, packed, unpacked
from trainers.run import Run
from trainers.shutter import Shutter
from trainers.store import Store

SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, max_side=6)
FLOATS = st.floats(-1e6, 1e6, width=32)


@given(arrays.arrays(np.float32, SHAPES, elements=FLOATS))
def test_measurements_come_back_to_within_a_step(array: np.ndarray) -> None:
    back = unpacked(json.loads(json.dumps(packed(array))))
    assert back.shape == array.shape and back.dtype == np.float32
    width = float(array.max()) - float(array.min())
    assert np.abs(back.astype(float) - array).max() <= width / STEPS + 1e-6 * max(1.0, float(np.abs(array).max()))


@given(arrays.arrays(np.int64, SHAPES, elements=st.integers(-(2**31), 2**31 - 1)))
def test_whole_numbers_come_back_as_they_were(array: np.ndarray) -> None:
    np.testing.assert_array_equal(unpacked(packed(array)), array)


def test_values_that_are_no_numbers_do_not_spoil_the_others() -> None:
    array = np.array([0.0, np.nan, np.inf, 1.0], np.float32)
    np.testing.assert_allclose(unpacked(packed(array)), [0, 0, 1, 1], atol=1e-4)


def test_a_damaged_store_cannot_ask_for_all_memory() -> None:
    with pytest.raises(ValueError, match="numbers"):
        unpacked({"shape": [2**30, 2**10], "low": 0, "high": 1, "data": ""})


def test_scenes_are_read_back_by_view_and_step() -> None:
    store = Store()
    run = Run(store.create("Test", '{"format": "netloom/1"}', 10, 1), store)
    for step in (1, 5, 9):
        store.write(run.id, [Scene(step, "samples", {"made": np.full((2, 3), step, np.float32)})])
    store.write(run.id, [Scene(5, "latent", {"class": np.arange(4)})])
    assert run.scenes("samples") == [1, 5, 9] and run.scenes("latent") == [5] and run.scenes("none") == []
    newest, earlier = run.scene("samples"), run.scene("samples", 7)
    assert newest is not None and newest.step == 9 and newest.arrays["made"].mean() == 9
    assert earlier is not None and earlier.step == 5
    assert run.scene("none") is None
    store.forget_after(run.id, 5)
    assert run.scenes("samples") == [1, 5]
    store.close()


def test_looks_are_rare_enough_and_frequent_enough() -> None:
    """A look that takes 0.1 s, asked for every 0.05 s of training."""
    clock = [0.0]
    shutter = Shutter(share=0.02, moments=50, now=lambda: clock[0])
    looks = []
    for _ in range(20_000):
        if shutter.due():
            looks.append(clock[0])
            clock[0] += 0.1
            shutter.taken()
        clock[0] += 0.05
    assert looks[0] == 0.0
    cost = 0.1 * len(looks) / clock[0]
    assert cost <= 0.025
    assert len(looks) >= 100


def test_a_pause_does_not_count() -> None:
    clock = [0.0]
    shutter = Shutter(now=lambda: clock[0])
    assert shutter.due()
    clock[0] += 1.0
    shutter.taken()  # it took a second: the next one is due 50 s later
    clock[0] += 3600
    assert not shutter.due()
