"""The metrics of a long run for charts: a selection of each, with its ends, and what is written later."""

from __future__ import annotations

import itertools

import pytest

from trainers.events import Metric
from trainers.runs import metric_series
from trainers.runs.store import Store


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(metric_series, "ALL", 500)
    monkeypatch.setattr(metric_series, "POINTS", 40)
    return Store()


def _events(steps: range) -> list[Metric]:
    found = []
    for step in steps:
        found.append(Metric(step, step // 10 + 1, "training", "loss", 1 / step))
        if step % 10 == 0:
            found += [Metric(step, step // 10, "validation", name, step + 0.5) for name in ("loss", "accuracy")]
    return found


def test_of_a_short_run_nothing_is_left_out(store: Store) -> None:
    run = store.create("short", "{}", 0, 1)
    store.write(run, _events(range(1, 300)))
    found = store.metrics_after(run, 0, 0)
    assert found is not None and len(found) == len(store.metrics(run)) == 299 + 2 * 29


def test_of_a_long_run_some_of_each_metric_are_read(store: Store) -> None:
    other = store.create("other", "{}", 0, 1)
    run = store.create("long", "{}", 0, 1)
    store.write(run, [Metric(-20, 1, "training", "early", 3.0)])
    for start in range(1, 4001, 500):
        store.write(run, _events(range(start, start + 500)))
        store.write(other, _events(range(start, start + 7)))
    store.write(run, [Metric(4000, 400, "test", "accuracy", 0.75)])
    found = store.metrics_after(run, 0, 0)
    assert found is not None and found == sorted(found, key=lambda row: row["row_id"])
    everything = {tuple(row.values()) for row in store.metrics(run)}
    assert {tuple(row.values())[1:] for row in found} <= everything, "each is one that was written"
    for split, metric, first, last in (
        ("training", "loss", 1, 4000),
        ("validation", "loss", 10, 4000),
        ("validation", "accuracy", 10, 4000),
        ("test", "accuracy", 4000, 4000),
        ("training", "early", -20, -20),
    ):
        steps = [row["step"] for row in found if (row["split"], row["metric"]) == (split, metric)]
        assert steps[0] == first and steps[-1] == last
        assert len(steps) == len(set(steps))
        assert len(steps) <= 43
        if len(steps) > 1:
            assert len(steps) > 35 and max(b - a for a, b in itertools.pairwise(steps)) <= 110
    newest = found[-1]
    assert (newest["split"], newest["value"]) == ("test", 0.75)
    store.write(run, _events(range(4001, 4011)))
    more = store.metrics_after(run, newest["row_id"], newest["step"])
    assert more is not None and len(more) == 12
    store.delete_after(run, 3990)
    assert store.metrics_after(run, newest["row_id"], newest["step"]) is None, "it was deleted: all is read again"
    again = store.metrics_after(run, 0, 0)
    assert again is not None and max(row["step"] for row in again) == 3990


def test_rare_metrics_of_a_long_run_are_found_without_reading_the_others(store: Store) -> None:
    """The plan of each query goes through the index, and the operations of SQLite do not grow with the run."""

    def operations(rows: int) -> int:
        run = store.create("long", "{}", 0, 1)
        store.write(run, [Metric(step, 1, "training", "loss", 0.5) for step in range(1, rows)])
        store.write(run, [Metric(step, 1, "validation", "loss", 0.5) for step in (rows // 2, rows)])
        counted = [0]

        def count() -> int:
            counted[0] += 1
            return 0

        with store.transaction() as connection:
            connection.set_progress_handler(count, 100)
            found = metric_series.read(connection, run)
        assert [row[1] for row in found if row[3] == "validation"] == [rows // 2, rows]
        return counted[0]

    few, many = operations(2_000), operations(40_000)
    assert many < 1.5 * few


def test_what_is_deleted_after_a_step_is_counted_for_every_metric(store: Store) -> None:
    run, other = store.create("one", "{}", 0, 1), store.create("other", "{}", 0, 1)
    store.write(run, _events(range(1, 51)))
    store.write(other, _events(range(1, 51)))
    assert store.delete_after(run, 30) == 20 + 2 * 2
    assert max(row["step"] for row in store.metrics(run)) == 30 and len(store.metrics(run)) == 30 + 2 * 3
    assert len(store.metrics(other)) == 50 + 2 * 5
