"""Pause and Stop are answered at once, whatever the run does just then, and change no number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

import trainers
from builder import Document
from trainers.engine import session as sessions
from trainers.engine.interruption import Interrupted, Turns, interruptible, wait_for
from trainers.engine.learner import NetworkLearner
from trainers.engine.worker import worker_of
from trainers.job import Job

Train = Callable[..., trainers.Run]
COLUMNS = ["step", "epoch", "split", "metric"]


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _same(one: trainers.Run, two: trainers.Run) -> None:
    frames = [run.metrics().sort_values(COLUMNS, ignore_index=True) for run in (one, two)]
    pd.testing.assert_frame_equal(*frames)
    for (name, value), other in zip(one.model().state_dict().items(), two.model().state_dict().values(), strict=True):
        assert torch.equal(value, other), name


class Held:
    """Something that takes for ever, until it is let go."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.entered.set()
        assert self.released.wait(30)


@pytest.fixture
def slow_evaluation(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """Evaluations that go on and on while `slow["on"]`, forward pass by forward pass."""
    slow = {"on": False, "entered": False, "final": False}
    evaluate = NetworkLearner.evaluate

    def repeated(self: NetworkLearner, split: Any, costly: bool = False) -> dict[str, float]:
        slow["entered"] |= slow["on"]
        while slow["on"] and costly == slow["final"]:
            evaluate(self, split)
        return evaluate(self, split, costly)

    monkeypatch.setattr(NetworkLearner, "evaluate", repeated)
    yield slow
    slow["on"] = False


@pytest.mark.parametrize("max_steps", [None, 20])
def test_a_pause_in_the_middle_of_an_evaluation_changes_no_number(
    moons: Document, train: Train, slow_evaluation: dict[str, bool], max_steps: int | None
) -> None:
    straight = train(moons, max_steps=max_steps)
    slow_evaluation["on"] = True
    run = trainers.start(Job.from_document(moons, max_steps=max_steps))
    for _ in range(2):
        _until(lambda: slow_evaluation["entered"])
        run.pause()
        assert run.wait(10) == "paused"
        slow_evaluation["entered"] = False
        run.resume()
    slow_evaluation["on"] = False
    _until(lambda: run.state == "finished")
    _same(straight, run)


def test_a_run_that_was_paused_in_its_evaluation_continues_in_another_process(
    moons: Document, train: Train, slow_evaluation: dict[str, bool]
) -> None:
    straight = train(moons)
    slow_evaluation["on"] = True
    run = trainers.start(Job.from_document(moons))
    _until(lambda: slow_evaluation["entered"])
    run.pause()
    assert run.wait(10) == "paused"
    worker = worker_of(run.id)
    assert worker is not None
    worker.session.loop = None  # as in a new process: everything comes from the checkpoint
    worker._random = None
    slow_evaluation["on"] = False
    run.resume()
    _until(lambda: run.state == "finished")
    _same(straight, run)


def test_a_stop_leaves_the_evaluation_and_then_the_final_one(moons: Document, slow_evaluation: dict[str, bool]) -> None:
    slow_evaluation |= {"on": True, "final": True}
    run = trainers.start(Job.from_document(moons, epochs=100_000))
    _until(lambda: run.progress().step > 30)
    run.stop()
    _until(lambda: "test split" in run.progress().message)
    assert run.state == "running"
    run.stop()
    assert run.wait(10) == "stopped"
    assert run.scores() == {} and "no test metrics" in run.progress().message
    assert run.model() is not None


def test_a_pause_in_the_final_evaluation_is_resumed_there(
    moons: Document, train: Train, slow_evaluation: dict[str, bool]
) -> None:
    straight = train(moons)
    slow_evaluation |= {"on": True, "final": True}
    run = trainers.start(Job.from_document(moons))
    _until(lambda: "test split" in run.progress().message)
    run.pause()
    assert run.wait(10) == "paused"
    assert "begins again on Resume" in run.progress().message
    slow_evaluation["on"] = False
    run.resume()
    _until(lambda: run.state == "finished")
    _same(straight, run)
    assert run.scores() == straight.scores()


@pytest.mark.parametrize("request_", ["pause", "stop"])
def test_the_loading_of_the_data_is_left_at_once(
    moons: Document, train: Train, monkeypatch: pytest.MonkeyPatch, request_: str
) -> None:
    straight = train(moons)
    held, prepare = Held(), Job.prepare

    def slow(self: Job) -> Any:
        held.wait()
        return prepare(self)

    monkeypatch.setattr(Job, "prepare", slow)
    run = trainers.start(Job.from_document(moons))
    assert held.entered.wait(30)
    getattr(run, request_)()
    # loading is left so quickly that the run may have stopped when its message is read
    words = ("Pausing", "Paused") if request_ == "pause" else ("Stopping", "Stopped")
    assert run.progress().message.startswith(tuple(f"{word} in the middle of" for word in words))
    assert run.wait(10) == ("paused" if request_ == "pause" else "stopped")
    assert "the loading of the data" in run.progress().message
    held.released.set()
    if request_ == "pause":
        run.resume()
        _until(lambda: run.state == "finished")
        _same(straight, run)


def test_a_stop_after_a_resume_never_says_queued(moons: Document) -> None:
    run = trainers.start(Job.from_document(moons, epochs=100_000))
    _until(lambda: run.progress().step > 5)
    run.pause()
    assert run.wait(10) == "paused"
    seen = []
    run.stop()
    while run.state != "stopped":
        seen.append(run.state)
    assert "queued" not in seen
    assert run.scores()


def test_queued_runs_pause_stop_and_come_in_the_order_in_which_they_were_started(moons: Document) -> None:
    first, *others = [trainers.start(Job.from_document(moons, epochs=100_000)) for _ in range(4)]
    _until(lambda: first.progress().step > 5)
    second, third, fourth = others
    second.stop()
    assert second.wait(10) == "stopped" and "before it started" in second.progress().message
    third.pause()
    assert third.wait(10) == "paused" and "before its turn" in third.progress().message
    assert first.state == "running"
    third.resume()
    assert third.state == "queued"
    first.pause()
    _until(lambda: fourth.progress().step > 5)  # the third one asked after it
    assert third.state == "queued"
    first.stop()  # its best weights wait for their turn to be evaluated, and Stop leaves that out
    _until(lambda: "when the run that trains now has ended" in first.progress().message)
    first.stop()
    assert first.wait(10) == "stopped" and first.scores() == {}
    for run in (fourth, third):
        run.stop()
        assert run.wait(10) == "stopped"


def test_the_first_training_of_a_transfer_is_left_in_the_middle_and_leaves_no_weights(
    moons: Document, home: Any
) -> None:
    paradigm = {"name": "transfer", "source": {"data": {"name": "circles"}, "epochs": 5000}, "head": "keep"}
    run = trainers.start(Job.from_document(moons.changed(training={**moons.training, "paradigm": paradigm})))
    _until(lambda: "First training" in run.progress().message)
    run.stop()
    assert run.wait(10) == "stopped"
    assert not list(home.glob("first_trainings/*.safetensors"))  # only checkpoints, to go on from


def test_hooks_are_gone_and_modes_restored_after_an_interruption() -> None:
    def check() -> None:
        raise Interrupted

    network = nn.Sequential(nn.Linear(2, 2), nn.TransformerEncoderLayer(2, 1, batch_first=True))
    network[0].eval()
    with pytest.raises(Interrupted), interruptible({"main": network}, check):
        network.eval()
        network(torch.zeros(1, 3, 2))
    assert [module.training for module in (network, network[0], network[1])] == [True, False, True]
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_layers_made_of_others_are_not_watched_since_torch_takes_another_path_with_hooks() -> None:
    layer = nn.TransformerEncoderLayer(4, 1, batch_first=True)
    with interruptible({"main": nn.Sequential(layer)}, lambda: None):
        assert not any(module._forward_pre_hooks for module in layer.modules())


def test_what_the_work_raises_is_raised_and_an_abandoned_one_is_left() -> None:
    assert wait_for(lambda: 3, lambda: None) == 3
    with pytest.raises(TimeoutError, match="mine"):
        wait_for(lambda: (_ for _ in ()).throw(TimeoutError("mine")), lambda: None)
    held = Held()

    def check() -> None:
        if held.entered.is_set():
            raise Interrupted

    with pytest.raises(Interrupted):
        wait_for(held.wait, check)
    held.released.set()


def test_turns_are_given_in_order() -> None:
    turns, order = Turns(), []
    assert turns.take("first", lambda: False, lambda: order.append("never"))
    waiting = threading.Event()

    def wait_in_line(name: str) -> None:
        assert turns.take(name, lambda: False, waiting.set)
        order.append(name)
        turns.give_back(name)

    threads = []
    for name in ("second", "third"):
        waiting.clear()
        threads.append(threading.Thread(target=wait_in_line, args=(name,)))
        threads[-1].start()
        assert waiting.wait(10)
    assert not turns.take("left", lambda: True, lambda: None)
    turns.give_back("first")
    for thread in threads:
        thread.join(10)
    assert order == ["second", "third"]


def test_other_processes_are_heard_during_an_evaluation(
    moons: Document, slow_evaluation: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ASK_SECONDS", 0.05)
    slow_evaluation["on"] = True
    run = trainers.start(Job.from_document(moons))
    _until(lambda: slow_evaluation["entered"])
    run.store.request(run.id, "pause")
    assert run.wait(10) == "paused"
    slow_evaluation["on"] = False
