"""A run has one owner: the second to resume is told who trains, and no row of metrics is written twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import builder
import trainers
from builder import Document
from trainers.events import Metric
from trainers.runs import ownership
from trainers.runs.ownership import Owner
from trainers.runs.store import RunTakenError, Store


def long(document: Document) -> Document:
    return document.changed(training={**document.training, "epochs": 100_000})


def until(condition: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_an_owner_is_written_and_read() -> None:
    owner = Owner.new()
    assert Owner.read(str(owner)) == owner and owner.is_alive(None)
    owner.forget()
    assert not owner.is_alive(time.time())
    old = Owner.read(f"{os.getppid()}:12345")  # as version 0.1.0 wrote it
    assert old is not None and old.machine == "" and not old.is_alive(0.0)
    assert [Owner.read(text) for text in (None, "", "x", "one:two", "1:2:3")] == [None] * 5


def test_another_process_with_the_same_id_is_not_taken_for_the_owner() -> None:
    parent = os.getppid()
    alive = Owner(parent, ownership._started(parent), ownership.this_machine(), "a")
    assert alive.is_alive(0.0)
    later = Owner(parent, "1", ownership.this_machine(), "a")
    assert not later.is_alive(time.time())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux describes its processes in /proc")
def test_a_process_that_was_killed_and_is_not_yet_reaped_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    owner = Owner(process.pid, ownership._started(process.pid), ownership.this_machine(), "a")
    assert owner.is_alive(0.0)
    process.kill()
    until(lambda: not owner.is_alive(time.time()))
    process.wait()
    assert not owner.is_alive(time.time())


def test_an_owner_on_another_machine_is_alive_while_it_reports() -> None:
    owner = Owner(os.getpid(), ownership._started(os.getpid()), "elsewhere/1/2", "a")
    assert owner.is_alive(time.time() - 5) and not owner.is_alive(time.time() - 2 * ownership.SILENT_SECONDS)
    assert owner.describe() == f"process {os.getpid()} on the machine elsewhere"


def test_an_owner_that_lost_its_run_writes_nothing_more(moons: Document) -> None:
    store = Store()
    run = store.create("one", trainers.Job.from_document(moons).to_json(), 0, 1)
    first = store.claim(run)
    assert store.write(run, [Metric(1, 1, "training", "loss", 1.0)], first) is None
    with pytest.raises(RunTakenError, match="in the hands of this process"):
        store.claim(run)
    first.forget()  # as if its process had ended
    second = store.claim(run)
    with pytest.raises(RunTakenError, match=r"trains run .* no longer"):
        store.write(run, [Metric(2, 1, "training", "loss", 1.0)], first)
    store.release(run, first)  # changes nothing: it is not his
    store.write(run, [Metric(3, 1, "training", "loss", 1.0)], second)
    assert [row["step"] for row in store.metrics(run)] == [1, 3]
    store.delete(run)
    with pytest.raises(RunTakenError, match="deleted"):
        store.write(run, [], second)
    second.forget()


def test_of_several_threads_that_resume_one_trains(moons: Document) -> None:
    store = Store()
    run = store.create("one", trainers.Job.from_document(moons, epochs=3000).to_json(), 0, 3000)
    assert trainers.open_run(run).progress().interrupted
    told: list[str] = []
    together = threading.Barrier(6)

    def resume() -> None:
        together.wait()
        try:
            trainers.open_run(run).resume()
            told.append("")
        except RunTakenError as error:
            told.append(str(error))

    threads = [threading.Thread(target=resume) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told)[0] == "" and all(f"this process ({os.getpid()})" in text for text in sorted(told)[1:]), told
    found = trainers.open_run(run)
    until(lambda: found.progress().step > 50)
    found.stop()
    assert found.wait(60) == "stopped"
    with pytest.raises(trainers.RunError, match="has ended"):
        found.resume()
    until(lambda: store.owner(run) is None)


TRAIN = """
import sys, trainers, builder
run = trainers.start(trainers.Job.from_document(builder.load(sys.argv[1])))
print(run.id, flush=True)
while run.wait(600) == "paused":
    pass
"""


def test_a_run_of_another_process_is_controlled_there_and_resumed_here_once_it_was_killed(
    moons: Document, tmp_path: Path, home: Path
) -> None:
    path = tmp_path / "long.json"
    path.write_text(builder.dump(long(moons)))
    environment = {**os.environ, "NETLOOM_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(path)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        run = trainers.open_run(process.stdout.readline().strip())
        until(lambda: run.progress().step > 5)
        with pytest.raises(RunTakenError, match=f"process {process.pid}"):
            run.resume()
        run.pause()
        until(lambda: run.state == "paused")
        with pytest.raises(trainers.RunError, match=f"paused by process {process.pid}"):
            run.delete()
        step = run.progress().step
        run.resume()
        until(lambda: run.progress().step > step and run.state == "running")
        process.kill()
        process.wait()
    assert run.state == "paused" and run.progress().interrupted
    assert "Interrupted" in run.progress().message
    step = run.progress().step
    run.resume()  # here, from the last checkpoint
    until(lambda: run.progress().step > step)
    run.stop()
    assert run.wait(30) == "stopped" and not run.progress().interrupted
    assert run.metrics().query("split == 'training' and metric == 'loss'")["step"].is_unique


def test_an_interrupted_run_is_stopped_without_training(moons: Document) -> None:
    run = trainers.open_run(Store().create("one", trainers.Job.from_document(moons).to_json(), 0, 1))
    assert run.progress().interrupted
    run.stop()
    assert run.state == "stopped" and not run.progress().interrupted


def test_a_paused_run_is_deleted_with_its_thread(moons: Document) -> None:
    run = trainers.start(trainers.Job.from_document(long(moons)))
    until(lambda: run.progress().step > 5)
    run.pause()
    assert run.wait(20) == "paused"
    folder = run.store.run_folder(run.id)
    run.delete()
    assert trainers.runs() == [] and not folder.exists()
