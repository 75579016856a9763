"""Snapshots of what networks produce during the training: when they are taken, how they are stored and read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.array_json import STEPS, decode_array, encode_array
from trainers.engine.snapshot_schedule import LONGEST_GAP, SnapshotSchedule
from trainers.events import Snapshot
from trainers.runs.run import Run
from trainers.runs.store import Store

SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, max_side=6)
FLOATS = st.floats(-1e6, 1e6, width=32)


@given(arrays.arrays(np.float32, SHAPES, elements=FLOATS))
def test_measurements_come_back_to_within_a_step(array: np.ndarray) -> None:
    back = decode_array(json.loads(json.dumps(encode_array(array))))
    assert back.shape == array.shape and back.dtype == np.float32
    width = float(array.max()) - float(array.min())
    assert np.abs(back.astype(float) - array).max() <= width / STEPS + 1e-6 * max(1.0, float(np.abs(array).max()))


@given(arrays.arrays(np.int64, SHAPES, elements=st.integers(-(2**31), 2**31 - 1)))
def test_whole_numbers_come_back_as_they_were(array: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_array(encode_array(array)), array)


def test_nan_and_infinity_do_not_change_other_values() -> None:
    array = np.array([0.0, np.nan, np.inf, 1.0], np.float32)
    np.testing.assert_allclose(decode_array(encode_array(array)), [0, 0, 1, 1], atol=1e-4)


def test_a_damaged_store_cannot_use_up_the_memory() -> None:
    with pytest.raises(ValueError, match="numbers"):
        decode_array({"shape": [2**30, 2**10], "low": 0, "high": 1, "data": ""})


def test_snapshots_are_read_by_view_and_step() -> None:
    store = Store()
    run = Run(store.create("Test", '{"format": "netloom/2"}', 10, 1), store)
    for step in (1, 5, 9):
        store.write(run.id, [Snapshot(step, "samples", {"made": np.full((2, 3), step, np.float32)})])
    store.write(run.id, [Snapshot(5, "latent", {"class": np.arange(4)})])
    assert (
        run.snapshot_steps("samples") == [1, 5, 9]
        and run.snapshot_steps("latent") == [5]
        and run.snapshot_steps("none") == []
    )
    newest, earlier = run.snapshot("samples"), run.snapshot("samples", 7)
    assert newest is not None and newest.step == 9 and newest.arrays["made"].mean() == 9
    assert earlier is not None and earlier.step == 5
    assert run.snapshot("none") is None
    store.delete_after(run.id, 5)
    assert run.snapshot_steps("samples") == [1, 5]
    store.close()


def snapshots(steps: int, step: float, cost: float, first_cost: float | None = None) -> tuple[list[int], float]:
    """The steps at which snapshots are taken, and the share of the time that they took."""
    clock = [0.0]
    schedule, taken, spent = SnapshotSchedule(steps, now=lambda: clock[0]), [], 0.0
    for number in range(1, steps + 1):
        clock[0] += step
        if schedule.due(number):
            took = first_cost if first_cost is not None and not taken else cost
            clock[0] += took
            spent += took
            taken.append(number)
            schedule.taken(number)
    return taken, spent / clock[0]


def test_there_are_about_fifty_snapshots_at_a_small_cost() -> None:
    taken, share = snapshots(20_000, 0.05, 0.1)
    assert taken[0] == 1 and 40 <= len(taken) <= 60
    assert share <= 0.025


@pytest.mark.parametrize("first_cost", [None, 1.0])
def test_the_last_snapshot_is_taken_at_the_end_of_a_short_run(first_cost: float | None) -> None:
    """The first snapshot includes torch's own first calls. A run of one second still has two snapshots."""
    taken, _ = snapshots(300, 0.003, 0.02, first_cost)
    assert len(taken) >= 2 and taken[-1] >= 0.95 * 300


def test_a_pause_does_not_count() -> None:
    clock = [0.0]
    schedule = SnapshotSchedule(1000, now=lambda: clock[0])
    assert schedule.due(1)
    schedule.taken(1)
    clock[0] += 3600
    schedule.due(2)
    assert schedule._spent <= LONGEST_GAP
