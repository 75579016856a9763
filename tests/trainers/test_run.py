"""Runs: the same job gives the same results, a pause does not change them, and an error loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import builder
import trainers
import trainers.engine.loop
from builder import Document
from builder.problems import NetloomError
from trainers.engine.failures import explain
from trainers.engine.session import TrainingSession
from trainers.engine.worker import worker_of
from trainers.runs.store import Store

Train = Callable[..., trainers.Run]
OVER = ("finished", "stopped", "failed")


def weights_of(run: trainers.Run) -> dict[str, torch.Tensor]:
    return run.model().state_dict()


def test_a_run_learns_and_reports_metrics(moons: Document, train: Train) -> None:
    run = train(moons, epochs=30)
    assert run.state == "finished"
    assert run.scores()["accuracy"] > 0.9
    metrics = run.metrics()
    assert list(metrics.columns) == ["step", "epoch", "split", "metric", "value"]
    assert set(metrics["split"]) == {"training", "validation", "test"}
    validation = metrics[(metrics["split"] == "validation") & (metrics["metric"] == "accuracy")]
    assert list(validation["epoch"]) == list(range(1, 31))
    for kind in ("activations", "gradients", "weights"):
        probes = run.probes(kind)  # type: ignore[arg-type]
        assert list(probes.columns) == ["step", "node", "statistic", "value"]
        assert {"fc1", "last"} <= set(probes["node"])
    assert {"fc1", "bend1", "last"} <= set(run.histograms())
    model = run.model()
    assert not model.training
    assert model(torch.zeros(3, 2)).shape == (3, 2)
    assert model.card["scores"]["test accuracy"] == pytest.approx(run.scores()["accuracy"])


def test_the_same_job_gives_the_same_numbers(moons: Document, train: Train) -> None:
    one, two = train(moons), train(moons)
    deterministic = one.metrics(), two.metrics()
    pd.testing.assert_frame_equal(*deterministic)
    other = train(moons, seed=1)
    assert not other.metrics()["value"].equals(one.metrics()["value"])


def _noisy(document: Document, **training: Any) -> Document:
    """With dropout, so that the random state matters as well as that of the optimizer."""
    from builder.edits import InsertBefore

    document = InsertBefore(builder.Node(name="drop", type="Dropout"), "last").apply(document)
    return document.changed(training={**document.training, **training})


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "SGD", "lr": 0.05, "momentum": 0.9, "nesterov": True},
        {"name": "Adam", "lr": 0.01},
        {"name": "LBFGS", "max_iter": 3},
        {"name": "Adagrad"},
    ],
    ids=lambda entry: entry["name"],
)
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "reduce_on_plateau"])
def test_a_paused_run_equals_an_uninterrupted_one(
    moons: Document, train: Train, optimizer: Any, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = _noisy(moons, optimizer=optimizer, schedule={"name": schedule}, epochs=3)
    straight = train(document)
    job = trainers.Job.from_document(document)

    # pause after every few steps and start again from the file, as after a restart of the server
    store = Store()
    run = store.create("paused", job.to_json(), 0, 3)
    state = "paused"
    for _ in range(100):
        torch.rand(7)  # other code uses random numbers in between
        session = TrainingSession(run, job, store)
        session.prepare()
        loop = session.loop
        assert loop is not None
        stop_at = loop.position.step + 5
        write = loop.on_tick

        def on_tick(
            events: Any, loop: Any = loop, write: Any = write, stop_at: int = stop_at, s: Any = session
        ) -> bool:
            leave = write(events)
            if loop.position.step >= stop_at and loop.position.epoch < 3:
                s.request = "pause"
                return True
            return bool(leave)

        loop.on_tick = on_tick
        monkeypatch.setattr(trainers.engine.loop, "FLUSH_SECONDS", 0.0)  # look at the clock after every step
        state = session.train()
        session.save()
        if state == "finished":
            session.finish()
            break
    assert state == "finished"
    paused = trainers.open_run(run)
    for name, value in weights_of(straight).items():
        assert torch.equal(value, weights_of(paused)[name]), name
    columns = ["step", "epoch", "split", "metric"]
    pd.testing.assert_frame_equal(
        straight.metrics().sort_values(columns, ignore_index=True),
        paused.metrics().sort_values(columns, ignore_index=True),
    )


def _long(document: Document) -> Document:
    return document.changed(training={**document.training, "epochs": 100_000})


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_pause_resume_stop(moons: Document) -> None:
    run = trainers.start(trainers.Job.from_document(_long(moons)))
    _until(lambda: run.progress().step > 20)
    run.pause()
    assert run.wait(10) == "paused"
    step = run.progress().step
    time.sleep(0.4)
    assert run.progress().step == step
    run.resume()
    _until(lambda: run.progress().step > step)
    assert run.state == "running"
    assert run.progress().seconds_left is not None
    assert run.progress().samples_per_second > 0
    run.stop()
    assert run.wait(10) == "stopped"
    assert run.scores()
    assert run.model() is not None


def test_one_run_trains_at_a_time_and_a_paused_run_lets_the_next_one_train(moons: Document, train: Train) -> None:
    alone = train(moons)
    first = trainers.start(trainers.Job.from_document(_long(moons)))
    _until(lambda: first.progress().step > 5)
    second = trainers.start(trainers.Job.from_document(moons))
    time.sleep(0.3)
    assert second.state == "queued"
    first.pause()
    assert second.wait(60) == "finished"
    pd.testing.assert_frame_equal(second.metrics(), alone.metrics())
    first.stop()
    assert first.wait(10) == "stopped"


def test_a_run_is_found_again_by_its_id_and_listed(moons: Document, train: Train) -> None:
    run = train(moons)
    again = trainers.open_run(run.id)
    pd.testing.assert_frame_equal(again.metrics(), run.metrics())
    assert [listed.id for listed in trainers.runs()] == [run.id]
    assert again.document.name == "Test"
    with pytest.raises(trainers.StoreError, match="no run"):
        trainers.open_run("20200101-000000-deadbeef")
    again.delete()
    assert trainers.runs() == []


@pytest.mark.parametrize("hostile", ["../../etc/passwd", "a/b", "", "x" * 300, "'; DROP TABLE runs; --"])
def test_an_id_that_no_run_can_have_is_not_used_as_a_path(hostile: str, moons: Document, train: Train) -> None:
    train(moons)
    with pytest.raises(trainers.StoreError):
        trainers.open_run(hostile)
    with pytest.raises(trainers.StoreError):
        Store().run_folder(hostile)
    assert len(trainers.runs()) == 1


def test_a_learning_rate_that_gives_nan_fails_with_advice(moons: Document, train: Train) -> None:
    document = moons.changed(training={**moons.training, "optimizer": {"name": "SGD", "lr": 100.0, "momentum": 0.9}})
    deep = document.changed(training={**document.training, "paradigm": {"name": "supervised"}, "epochs": 2000})
    run = train(deep)
    progress = run.progress()
    if progress.state != "failed":  # cross-entropy on logits rarely overflows
        pytest.skip("a learning rate of 100 gives no NaN on this machine")
    assert "NaN or infinite at step" in progress.message
    assert "learning rate 100" in progress.message and "10" in progress.message
    assert len(run.metrics())


def test_regression_with_a_large_learning_rate_fails_with_advice(train: Train) -> None:
    from tests.trainers.conftest import perceptron

    document = perceptron(
        [10], 1, data={"name": "diabetes", "batch_size": 32}, optimizer={"name": "SGD", "lr": 50.0}, epochs=50
    )
    run = train(document)
    progress = run.progress()
    assert progress.state == "failed"
    assert "NaN or infinite at step" in progress.message and "try 5" in progress.message
    assert "fc1" in progress.message or "last" in progress.message


def test_an_error_names_the_step_if_there_was_one(moons: Document) -> None:
    job = trainers.Job.from_document(moons)
    session = TrainingSession(Store().create("errors", job.to_json(), 0, 1), job, Store())
    assert explain(NetloomError("The file is damaged."), session) == "The file is damaged."
    assert explain(ValueError("wrong"), session).startswith("Error in the preparation of the run: wrong.")
    session.prepare()
    assert explain(NetloomError("fc: wrong shape."), session) == "Error in step 1. fc: wrong shape."
    assert explain(trainers.DataError("The file is damaged."), session) == "The file is damaged."
    assert explain(MemoryError("not enough memory"), session).startswith("Out of memory in step 1")


def test_early_stopping_keeps_the_best_weights(moons: Document, train: Train) -> None:
    run = train(moons, epochs=500, early_stopping={"patience": 3})
    progress = run.progress()
    assert progress.state == "finished" and progress.epoch < 500
    assert "lowest in epoch" in progress.message
    losses = run.metrics().query("split == 'validation' and metric == 'loss'")["value"]
    best = int(losses.reset_index(drop=True).idxmin()) + 1
    assert f"epoch {best}." in progress.message


@pytest.mark.parametrize("size", [1, 7, "full"])
def test_single_sample_mini_batch_and_full_batch(moons: Document, train: Train, size: Any) -> None:
    run = train(moons, epochs=2, data={"batch_size": size})
    samples = 180
    steps = {1: 2 * samples, 7: 2 * -(-samples // 7), "full": 2}[size]
    assert run.progress().step == steps


def test_max_steps(moons: Document, train: Train) -> None:
    assert train(moons, max_steps=5).progress().step == 5


def test_building_a_model_uses_no_random_numbers(moons: Document, train: Train) -> None:
    run = train(moons)
    before = torch.get_rng_state()
    run.model()
    assert torch.equal(before, torch.get_rng_state())


def test_the_command_line_gives_the_same_numbers(moons: Document, train: Train, tmp_path: Path) -> None:
    path = tmp_path / "moons.json"
    path.write_text(builder.dump(moons))
    environment = {**os.environ, "NETLOOM_HOME": str(tmp_path / "other")}
    command = [sys.executable, "-m", "trainers", "train", str(path), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["state"] == "finished"
    assert result["test"] == pytest.approx(train(moons).scores(), abs=0)


def test_the_worker_is_removed_when_the_run_is_over(moons: Document, train: Train) -> None:
    run = train(moons)
    _until(lambda: worker_of(run.id) is None)
    assert run.state == "finished"


def test_threads_sleep_while_they_wait() -> None:
    """torch reads the setting when it is imported, so it must be set before."""
    code = "import os, sys, trainers; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules, end=' ')"
    code += "; print('GOMP_SPINCOUNT' in os.environ)"
    for setting, expected in ((None, ["passive", "False", "True"]), ("active", ["active", "False", "False"])):
        names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
        environment = {key: value for key, value in os.environ.items() if key not in names}
        environment |= {"OMP_WAIT_POLICY": setting} if setting else {}
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert result.stdout.split() == expected
