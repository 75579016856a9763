"""What tables of runs show: stored when a run ends, worked out once for runs of older versions, read in one query."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import trainers
from builder import Document
from trainers.events import Metric, Progress
from trainers.runs import facts as facts_module
from trainers.runs import summaries as module
from trainers.runs.run import Run
from trainers.runs.store import Store
from trainers.runs.summaries import number_of_runs, summaries, summary

Train = Callable[..., trainers.Run]
METRICS = [
    Metric(1, 1, "training", "loss", 2.0),
    Metric(1, 1, "validation", "loss", 1.5),
    Metric(1, 1, "validation", "accuracy", 0.5),
    Metric(2, 2, "validation", "loss", 1.0),
    Metric(2, 2, "validation", "accuracy", 0.75),
    Metric(3, 3, "validation", "loss", 1.25),
    Metric(3, 3, "validation", "accuracy", math.nan),
    Metric(3, 3, "test", "loss", 1.1),
    Metric(3, 3, "test", "accuracy", 0.7),
]


def made(store: Store, document: Document, name: str = "one", state: str = "finished", facts: bool = True) -> str:
    """A run that has these metrics."""
    job = trainers.Job.from_document(document)
    run = store.create(name, job.to_json(), 3, 3, facts=facts_module.facts(job) if facts else None)
    store.write(run, [*METRICS, Progress(state, 3, 3, 3, 3)])
    return run


def forget(store: Store) -> None:
    """Make the store one of an older version."""
    with contextlib.closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DROP TABLE summaries")
        connection.execute("DROP TABLE jobs")
        connection.execute("PRAGMA user_version=1")


def count_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose metrics are read from now on."""
    read: list[str] = []
    original = Store.best_values
    monkeypatch.setattr(Store, "best_values", lambda self, *runs: (read.extend(runs), original(self, *runs))[1])
    return read


def test_the_values_are_stored_when_a_run_ends(moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    run = made(store, moons)
    read = count_reads(store, monkeypatch)
    found = summaries()[0]
    assert (found.id, found.name, found.data, found.metric.name) == (run, "one", "moons", "accuracy")
    assert (found.best_loss, found.best, found.score) == (1.0, 0.75, 0.7)
    assert found.scores == Run(run).scores() == {"loss": 1.1, "accuracy": 0.7}
    assert found.progress == Run(run).progress() and found.complete
    assert not read


def test_a_trained_run_has_the_values_of_its_metrics(moons: Document, train: Train) -> None:
    run = train(moons, epochs=2)
    found, values = summary(run), run.metrics()
    validation = values[values["split"] == "validation"]
    assert found.best_loss == validation[validation["metric"] == "loss"]["value"].min()
    assert found.best == validation[validation["metric"] == "accuracy"]["value"].max()
    tested = values[values["split"] == "test"]
    assert run.scores() == dict(zip(tested["metric"], tested["value"], strict=True)) and found.scores == run.scores()


@pytest.mark.parametrize("facts", [True, False])
def test_runs_of_an_older_version_are_read_once(moons: Document, monkeypatch: pytest.MonkeyPatch, facts: bool) -> None:
    store = Store()
    runs = [made(store, moons, facts=facts) for _ in range(3)]
    before = summaries()
    forget(store)
    read = count_reads(store, monkeypatch)
    assert summaries() == before
    assert read == runs[::-1]
    assert summaries() == before and len(read) == 3


def test_a_table_spends_little_time_on_runs_of_an_older_version(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    for _ in range(4):
        made(store, moons)
    forget(store)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    counts = [sum(run.complete for run in summaries(seconds=1.5)) for _ in range(3)]
    assert counts == [2, 4, 4]
    forget(store)
    assert all(run.complete for run in summaries(seconds=math.inf))


def test_a_damaged_folder_is_read_again_when_it_was_repaired(moons: Document) -> None:
    store = Store()
    run = made(store, moons, facts=False)
    file = store.run_folder(run) / "job.json"
    text = file.read_text(encoding="utf-8")
    for damaged in (text[:50], "[]", '{"training": 7}', '{"training": {"data": 3}}', None):
        forget(store)
        file.unlink() if damaged is None else file.write_text(damaged, encoding="utf-8")
        found = summaries()[0]
        assert found.data == "" and found.metric.name == "loss" and found.best == found.best_loss == 1.0
    file.write_text(text, encoding="utf-8")
    assert summaries()[0].metric.name == "accuracy"


def test_a_run_that_trains_shows_its_values_now(moons: Document) -> None:
    store = Store()
    run = made(store, moons, state="running")
    assert summaries()[0].best_loss == 1.0
    store.write(run, [Metric(4, 4, "validation", "loss", 0.5)])
    assert summaries()[0].best_loss == 0.5
    store.write(run, [Progress("stopped", 4, 4, 4, 4)])
    store.delete_after(run, 2)  # resumed after all
    store.write(run, [Progress("running", 4, 4, 4, 4)])
    assert summaries()[0].best_loss == 1.0 and summaries()[0].scores == Run(run).scores() == {}


def test_runs_are_found_by_their_names_and_in_pages(moons: Document) -> None:
    store = Store()
    for name in ("Alpha", "beta", "100%_ALPHA", "it's"):
        made(store, moons, name)
    assert [run.name for run in summaries(search="alpha")] == ["100%_ALPHA", "Alpha"]
    assert [run.name for run in summaries(search="%_")] == ["100%_ALPHA"]
    assert [run.name for run in summaries(2, 1)] == ["100%_ALPHA", "beta"]
    assert [number_of_runs(search) for search in ("", "'", "a", "gamma")] == [4, 1, 3, 0]


def test_a_deleted_run_leaves_nothing(moons: Document) -> None:
    store = Store()
    Run(made(store, moons)).delete()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        for table in ("runs", "metrics", "summaries"):
            assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)


def test_the_main_metric_of_many_runs_is_found_with_one_job(
    moons: Document, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = trainers.Job.from_document(moons).to_json()
    changed = json.dumps({**json.loads(text), "name": "Another", "nodes": json.loads(text)["nodes"]})
    known = facts_module.facts_of_text(text)
    monkeypatch.setattr(facts_module, "Job", None)
    assert facts_module.facts_of_text(changed) == known


def test_the_summary_of_a_run_that_is_over_is_made_once_and_again_when_the_run_changes(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, made_of = Store(), list[str]()
    first, second = made(store, moons, "first"), made(store, moons, "second", "stopped")
    original = module._made
    monkeypatch.setattr(module, "_made", lambda row, progress: (made_of.append(row["id"]), original(row, progress))[1])
    before = {run.id: run for run in summaries(store=store)}
    assert sorted(made_of) == sorted([first, second])
    made_of.clear()
    assert {run.id: run for run in summaries(store=store)} == before and not made_of
    store.write(second, [Metric(4, 4, "test", "accuracy", 0.9), Progress("finished", 4, 4, 4, 4)])  # it was resumed
    after = {run.id: run for run in summaries(store=store)}
    assert made_of == [second] and after[first] is before[first]
    assert after[second].score == 0.9 and after[second].progress.state == "finished"
    store.write(first, [Progress("running", 1, 3, 1, 3)])  # and this one is trained again
    assert {run.id: run.progress.state for run in summaries(store=store)}[first] != "finished"
