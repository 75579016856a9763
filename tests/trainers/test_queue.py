"""The queue: its order, who takes a run, what becomes of one that was lost, and worker processes that train it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

import trainers
from builder import Document
from trainers.runs import ownership
from trainers.runs.ownership import Owner
from trainers.runs.queue import supervisor as supervisors
from trainers.runs.queue.supervisor import supervisor
from trainers.runs.queue.waiting import LOST, Queue, QueueError, in_words
from trainers.runs.run import Run, interrupted
from trainers.runs.store import Store


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs wait, and nothing takes them."""
    monkeypatch.setattr(supervisors.Supervisor, "wake", lambda self: None)


def enqueue(document: Document, priority: int = 0, **overrides: object) -> Run:
    return trainers.start(trainers.Job.from_document(document, **overrides), on="process", priority=priority)


def order() -> list[str]:
    return [each.run for each in Queue().waiting()]


def test_the_first_in_is_the_next(alone: None, moons: Document) -> None:
    runs = [enqueue(moons) for _ in range(3)]
    assert order() == [run.id for run in runs]
    assert [run.progress().message for run in runs] == [
        "Next in the queue.",
        "2nd in the queue.",
        "3rd in the queue.",
    ]
    assert {run.state for run in runs} == {"queued"}
    assert not interrupted()


def test_a_higher_priority_goes_before(alone: None, moons: Document) -> None:
    late, early, middle = enqueue(moons, -1), enqueue(moons, 5), enqueue(moons)
    assert order() == [early.id, middle.id, late.id]
    Queue().set_priority(late.id, 9)
    assert order() == [late.id, early.id, middle.id]
    with pytest.raises(QueueError, match="from -100 to 100, got 101"):
        Queue().set_priority(late.id, 101)


@pytest.mark.parametrize("position", range(-1, 7))
@pytest.mark.parametrize("moved", range(5))
def test_a_moved_run_is_where_it_was_moved_to(alone: None, moved: int, position: int) -> None:
    store, queue = Store(), Queue()
    runs = [store.create("a", "{}", 0, 1) for _ in range(5)]
    for run, priority in zip(runs, (7, 7, 0, 0, -3), strict=True):
        queue.add(run, priority)
    expected = [run for run in runs if run != runs[moved]]
    expected.insert(min(max(position - 1, 0), 4), runs[moved])
    queue.move(runs[moved], position)
    assert order() == expected
    priorities = [each.priority for each in queue.waiting()]
    assert priorities == sorted(priorities, reverse=True)
    last = store.create("b", "{}", 0, 1)
    queue.add(last, -100)
    assert order() == [*expected, last]


def test_what_does_not_wait_cannot_be_moved(alone: None) -> None:
    run = Store().create("a", "{}", 0, 1)
    for change in (lambda: Queue().move(run, 1), lambda: Queue().set_priority(run, 1)):
        with pytest.raises(QueueError, match="does not wait"):
            change()
    with pytest.raises(QueueError, match="There is no run"):
        Queue().add("20260101-000000-aaaaaaaa")


def test_of_many_that_take_each_gets_another_run(alone: None) -> None:
    store = Store()
    runs = [store.create("a", "{}", 0, 1) for _ in range(20)]
    for run in runs:
        Queue().add(run)
    taken: list[str] = []

    def take() -> None:
        while (found := Queue().take()) is not None:
            taken.append(found[0])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(runs)
    assert Queue().take() is None


def test_a_run_that_waits_is_paused_resumed_and_stopped(alone: None, moons: Document) -> None:
    run = enqueue(moons)
    run.pause()
    assert (run.state, run.progress().message) == ("paused", "Paused before its turn.")
    assert not interrupted()
    assert order() == []
    run.stop()
    assert run.state == "stopped"
    other = enqueue(moons)
    other.stop()
    assert (other.state, other.progress().message) == ("stopped", "Stopped before it started.")
    other.delete()
    assert run.id in [each.id for each in trainers.runs()]


def test_a_waiting_run_that_is_resumed_trains_here_and_now(alone: None, moons: Document) -> None:
    run = enqueue(moons, epochs=1)
    run.resume()
    assert run.wait(60) == "finished"
    assert order() == []


def lost(queue: Queue, monkeypatch: pytest.MonkeyPatch, boot: str | None = None) -> str:
    """Take the next run as a process that has ended since; `boot`: before the machine was started again."""
    taken = queue.take()
    assert taken is not None
    run, owner = taken
    machine = owner.machine if boot is None else owner.machine.replace(owner.machine.split("/")[1], boot)
    gone = Owner(2**22 - 3, "1", machine, "x")
    with queue.store.transaction() as connection:
        connection.execute("UPDATE runs SET owner = ?, beat = 0, state = 'running' WHERE id = ?", (str(gone), run))
    owner.forget()
    return run


def test_what_a_dead_process_has_lost_comes_back_once(
    alone: None, moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other, queue = enqueue(moons), enqueue(moons), Queue()
    assert lost(queue, monkeypatch) == run.id
    assert run.state == "queued"  # nobody has to resume it
    assert not interrupted()
    assert queue.recover() == [run.id]
    assert order() == [run.id, other.id]
    assert queue.recover() == []
    lost(queue, monkeypatch)
    assert queue.recover() == [run.id]
    assert (run.state, run.progress().message) == ("failed", LOST)
    assert order() == [other.id]


def test_a_machine_that_was_started_again_is_not_the_fault_of_a_run(
    alone: None, moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ownership.this_machine().count("/") == 2
    run, queue = enqueue(moons), Queue()
    for _ in range(3):
        lost(queue, monkeypatch, boot="earlier")
        assert queue.recover() == [run.id]
        assert run.state == "queued"


@pytest.mark.parametrize(
    ("position", "words"),
    [(1, "next"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (113, "113th")],
)
def test_positions_in_words(position: int, words: str) -> None:
    assert in_words(position) == f"{words} in the queue"


def test_of_several_processes_only_as_many_work_as_may(alone: None) -> None:
    queue = Queue()
    first, second = queue.register(2), queue.register(2)
    assert first is not None and second is not None and (first.slot, second.slot) == (0, 1)
    assert queue.register(2) is None
    queue.unregister(first)
    again = queue.register(2)
    assert again is not None and again.slot == 0
    assert len(queue.workers()) == 2


def curve(run: Run) -> pd.DataFrame:
    return run.metrics().query("split == 'training'").reset_index(drop=True)


@pytest.mark.slow
def test_a_worker_process_trains_like_a_thread_and_is_resumed_when_it_is_killed(
    moons: Document, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("NETLOOM_WORKERS", "1")
    long = {"epochs": 60, "seed": 3, "threads": 1}
    here = trainers.start(trainers.Job.from_document(moons, **long), on="thread")
    supervisor(home).take_here = lambda: False
    killed, last = enqueue(moons, **long), enqueue(moons, epochs=2)
    watched = supervisor(home)
    monkeypatch.setattr(watched, "take_here", lambda: False)
    try:
        until = time.monotonic() + 60
        while killed.progress().step < 200 and time.monotonic() < until:
            time.sleep(0.02)
        owner = killed.store.owner(killed.id)
        assert owner is not None and owner.process != os.getpid()
        os.kill(owner.process, signal.SIGKILL)
        assert killed.wait(90) == "finished"
        assert last.wait(60) == "finished"
        assert here.wait(60) == "finished"
        assert killed.scores() == here.scores()
        pd.testing.assert_frame_equal(curve(killed), curve(here))
        assert killed.metrics().duplicated(["step", "split", "metric"]).sum() == 0
    finally:
        watched.stop_workers()
