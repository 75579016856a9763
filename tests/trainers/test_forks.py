"""Forks: a run that goes on with more epochs is the longer run; what fits is taken, the rest is listed."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import builder
import trainers
from builder import Document
from trainers.forks.source import ForkError, kept_steps
from trainers.runs.queue.supervisor import Supervisor
from trainers.runs.run import Run

COMMON: dict[str, Any] = {"seed": 5, "threads": 1}


def trained(document: Document, **overrides: Any) -> Run:
    run = trainers.start(trainers.Job.from_document(document, **COMMON, **overrides))
    assert run.wait(120) == "finished", run.progress().message
    return run


def forked(run: Run, *arguments: Any, **overrides: Any) -> Run:
    fork = run.fork(*arguments, **overrides)
    assert fork.wait(120) == "finished", fork.progress().message
    return fork


def last_step(run: Run) -> int:
    return kept_steps(run.store.run_folder(run.id))[0]


def curve(run: Run, after: int = 0) -> pd.DataFrame:
    found = run.metrics().query("step > @after and metric != 'seconds'")
    return found.sort_values(["split", "metric", "step"]).reset_index(drop=True)


def first_loss(run: Run) -> float:
    return float(curve(run).query("split == 'training' and metric == 'loss'")["value"].iloc[0])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
        {"schedule": {"name": "step", "step_size": 2}},
        {"schedule": {"name": "reduce_on_plateau", "patience": 0}},
    ],
    ids=lambda settings: "-".join(settings) or "Adam",
)
def test_more_epochs_give_the_longer_run(moons: Document, settings: dict[str, Any]) -> None:
    document = moons.changed(training={**moons.training, **settings})
    short, long = trained(document, epochs=3), trained(document, epochs=6)
    step = last_step(short)
    more = forked(short, checkpoint=step, epochs=6)
    pd.testing.assert_frame_equal(curve(more), curve(long, after=step))
    assert more.scores() == long.scores()
    assert more.progress().epoch == 6


def test_another_learning_rate_begins_with_the_same_weights_and_batches(moons: Document) -> None:
    run = trained(moons, epochs=2)
    step = last_step(run)
    same, faster = (
        forked(run, checkpoint=step, epochs=3, optimizer={"lr": lr}) for lr in (moons.training["optimizer"]["lr"], 0.5)
    )
    assert first_loss(same) == first_loss(faster)
    assert same.scores() != faster.scores()


def test_a_schedule_over_all_steps_goes_on_where_it_would_be(moons: Document) -> None:
    document = moons.changed(training={**moons.training, "schedule": {"name": "cosine"}})
    short, long = trained(document, epochs=2), trained(document, epochs=4)
    more = forked(short, checkpoint=last_step(short), epochs=4)
    rates = [float(run.metrics().query("metric == 'learning_rate'")["value"].iloc[-1]) for run in (more, long)]
    assert rates[0] == pytest.approx(rates[1])


def note(run: Run) -> str:
    return next(each.message for each in run.verdicts() if each.message.startswith("It continues"))


def test_what_fits_is_taken_and_the_rest_is_listed(moons: Document) -> None:
    run = trained(moons, epochs=1)
    data = json.loads(builder.dump(moons))
    next(node for node in data["nodes"] if node["name"] == "fc1")["params"]["out_features"] = 16
    narrower = builder.load(data)
    fork = forked(run, narrower, checkpoint=last_step(run), epochs=2)
    assert "With initial weights: fc1, last." in note(fork)
    assert "Not taken, since nothing here has their shape: fc1, last." in note(fork)
    assert "The optimizer begins anew." in note(fork)
    assert note(fork).startswith("It continues “Test” (run ") and f"at step {last_step(run)}" in note(fork)


def test_the_best_weights_begin_at_the_first_step(moons: Document) -> None:
    run = trained(moons, epochs=5)
    fork = forked(run, epochs=1)
    assert first_loss(fork) < first_loss(run)
    assert curve(fork)["step"].min() == 1
    assert "from its best weights." in note(fork)


def test_a_fork_needs_its_source_no_longer(moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(moons, epochs=2)
    step = last_step(run)
    expected = forked(run, checkpoint=step, epochs=3)
    monkeypatch.setattr(Supervisor, "wake", lambda self: None)
    waiting = run.fork(checkpoint=step, on="process", epochs=3)
    run.delete()
    waiting.resume()
    assert waiting.wait(60) == "finished"
    pd.testing.assert_frame_equal(curve(waiting), curve(expected))


def test_other_data_begin_at_the_first_step(moons: Document) -> None:
    run = trained(moons, epochs=2)
    fork = forked(run, checkpoint=last_step(run), epochs=1, data={"name": "circles", "samples": 200})
    assert "It begins at the first step, since it trains on other data." in note(fork)
    assert curve(fork)["step"].min() == 1


def test_what_is_not_possible_is_said(moons: Document) -> None:
    run = trained(moons, epochs=2)
    step = last_step(run)
    with pytest.raises(ForkError, match=r"end of epoch 2, and the job has 2 epochs: nothing is left"):
        run.fork(checkpoint=step)
    with pytest.raises(ForkError, match=rf"no checkpoint of step 7\. It has those of steps {step}, and its best"):
        run.fork(checkpoint=7, epochs=9)
    assert [each.id for each in trainers.runs()] == [run.id]
    (run.weights_path).unlink()
    with pytest.raises(ForkError, match="has no weights yet"):
        run.fork()


def one_of_each_paradigm() -> list[str]:
    """The name of the smallest template of each paradigm that needs no other run and no download."""
    found: dict[str, tuple[int, str]] = {}
    for name in builder.templates():
        document = builder.template(name)
        paradigm = str(document.training["paradigm"]["name"])
        if document.training["data"]["name"] in ("digits", "moons", "circles", "spiral", "sines"):
            found[paradigm] = min(found.get(paradigm, (10**9, "")), (len(document.nodes), name))
    return sorted(name for _, name in found.values())


@pytest.mark.parametrize("name", one_of_each_paradigm())
def test_every_paradigm_can_be_forked(name: str) -> None:
    document = builder.template(name)
    run = trained(document, epochs=1, max_steps=4)
    fork = forked(run, checkpoint=last_step(run), epochs=2, max_steps=8)
    assert fork.progress().step == 8
