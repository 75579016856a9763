"""A run of every paradigm that is killed again and again comes to the same end as one that never was.

The kills follow checkpoints at steps that differ for each paradigm, among them the last step of an epoch and of the
run, where the epoch is still open. The jobs are those of tests/fixtures/netloom_1: each paradigm with many options.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import builder
import trainers
import trainers.engine.loop
from trainers import migrate
from trainers.engine.session import TrainingSession
from trainers.runs.run import Run
from trainers.runs.store import Store

OLD = Path(__file__).parents[1] / "fixtures" / "netloom_1"
EXPECTED: dict[str, dict[str, Any]] = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))
JOBS = {facts["document"]: run for run, facts in EXPECTED.items() if facts["state"] == "finished"}
OTHERS = ("Supervised", "Autoencoder", "Transfer", "Bayesian")  # of these kinds, the first is tested always
FIRST = {next(name for name in JOBS if name.startswith(kind)) for kind in OTHERS}
FORGOTTEN = 5  # steps that a kill throws away, at most

pytestmark = pytest.mark.filterwarnings("ignore:.*fused:UserWarning")


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "home"
    shutil.copytree(OLD / "home", folder)
    return folder


@pytest.fixture(autouse=True)
def opened(old_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(old_home))
    monkeypatch.setattr(trainers.engine.loop, "FLUSH_SECONDS", 0.0)  # a tick after every step


def train(run: str, job: trainers.Job, save: int | None, kill: int | None) -> TrainingSession:
    """Train on from the last checkpoint. It writes one at step `save`, and its process ends after step `kill`."""
    session = TrainingSession(run, job, Store())
    session.prepare()
    loop = session.loop
    assert loop is not None
    write = loop.on_tick

    def on_tick(events: Any) -> bool:
        session._save_at = 0.0 if loop.position.step == save else float("inf")
        write(events)
        session.writer.wait()
        if loop.position.step == kill:
            raise KilledError
        return False

    loop.on_tick = on_tick
    try:
        assert session.train() == "finished"
        session.finish()
    finally:
        session.store.close()
    return session


def whole(job: trainers.Job, kills: list[tuple[int, int]]) -> tuple[Run, int]:
    """A run that is killed so often, and the number of its steps."""
    store = Store()
    run = store.create("killed", job.to_json(), 0, job.settings.epochs)
    for save, kill in kills:
        torch.rand(7)  # other code uses random numbers in between
        with pytest.raises(KilledError):
            train(run, job, save, kill)
    session = train(run, job, None, None)
    assert session.loop is not None
    return trainers.open_run(run), session.loop.position.step


def kills_of(steps: int, per_epoch: int, seed: int) -> Iterator[tuple[int, int]]:
    """Where checkpoints are written and where the process ends after them."""
    choose = random.Random(seed)
    ends = [per_epoch, *sorted(choose.sample(range(per_epoch + 1, steps - 1), 2)), steps]
    for save in ends:
        yield save, save if save in (per_epoch, steps) else min(save + choose.randint(0, FORGOTTEN), steps - 1)


def check(job: trainers.Job, seed: int) -> None:
    straight, steps = whole(job, [])
    per_epoch = int(straight.metrics().query("epoch == 1")["step"].max())
    killed, again = whole(job, list(kills_of(steps, per_epoch, seed)))
    assert again == steps
    columns = ["step", "epoch", "split", "metric"]
    # A first training, whose steps are below 0, is done once for both: its weights are kept.
    one, two = (run.metrics().query("step >= 0").sort_values(columns, ignore_index=True) for run in (straight, killed))
    pd.testing.assert_frame_equal(one, two)
    assert killed.scores() == straight.scores()
    assert killed.verdicts() == straight.verdicts()
    weights, others = (
        {
            f"{name}/{key}": value
            for name, module in run.networks().items()
            for key, value in module.state_dict().items()
        }
        for run in (straight, killed)
    )
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FIRST or not name.startswith(OTHERS) else pytest.mark.slow)
        for name in JOBS
    ],
)
def test_a_killed_run_comes_to_the_same_end(name: str, old_home: Path) -> None:
    document = migrate.document(builder.load(old_home / "runs" / JOBS[name] / "job.json"))
    check(trainers.Job.from_document(document), list(JOBS).index(name))


@pytest.mark.parametrize("changes", [{"max_steps": 10}, {"early_stopping": {"patience": 1}, "epochs": 40}], ids=str)
def test_a_run_that_ends_early_is_not_trained_on(changes: dict[str, Any], old_home: Path) -> None:
    """Killed after the last step of `max_steps`, within an epoch, or while the best weights were tested."""
    name = next(name for name in JOBS if name.startswith("Supervised"))
    document = migrate.document(builder.load(old_home / "runs" / JOBS[name] / "job.json"))
    job = trainers.Job.from_document(document, optimizer={"name": "SGD", "lr": 2.0}, **changes)
    check(job, 0)
