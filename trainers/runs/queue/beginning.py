"""Where a run trains: in a thread of this process if none trains there and no run waits, else in a worker process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from builder.problems import NetloomError
from trainers.events import Progress
from trainers.job import Job
from trainers.runs.facts import facts
from trainers.runs.ownership import Owner
from trainers.runs.queue.jobs import complaint, document_of
from trainers.runs.queue.supervisor import most_workers, supervisor
from trainers.runs.queue.waiting import Queue
from trainers.runs.store import RunTakenError, Store

On = Literal["auto", "thread", "process"]


class NoDeviceError(NetloomError):
    """The device of a job is not there. The message says which ones are."""


def goes_into_queue(store: Store, on: On) -> bool:
    """Whether a run that is started or resumed now waits in the queue, for a worker process or this one."""
    if on != "auto":
        return on == "process"
    return most_workers() > 0 and (not thread_is_free() or Queue(store).count() > 0)


def create(
    job: Job,
    store: Store,
    origin: str = "",
    on: On = "auto",
    priority: int = 0,
    fill: Callable[[Path], None] = lambda folder: None,
) -> str:
    """Create a run and let it train, or wait for its turn. Returns its id; see `trainers.start`.

    `fill` puts into its folder what it needs besides its job.
    """
    queued = goes_into_queue(store, on)
    owner = Owner.new()
    run = ""
    try:
        run = store.create(job.document.name, job.to_json(), 0, job.settings.epochs, origin, owner, facts(job))
        fill(store.run_folder(run))
    except BaseException:
        owner.forget()
        if run:
            store.delete(run)
        raise
    if queued:
        store.release(run, owner)
        enqueue(run, store, priority)
    else:
        launch(run, job, store, owner)
    return run


def thread_is_free() -> bool:
    """Whether no run trains in this process, nor waits for its turn. Where the engine was never imported, none does."""
    is_free: Callable[[], bool] | None = getattr(sys.modules.get("trainers.engine.worker"), "is_free", None)
    return is_free is None or is_free()


def launch(
    run: str, job: Job, store: Store, owner: Owner | None = None, stops: bool = False, other_data: bool = False
) -> None:
    """Train a run in a thread of this process. See trainers/engine/worker.py."""
    from trainers.engine import worker

    worker.launch(run, job, store, owner, stops, other_data)


def enqueue(run: str, store: Store, priority: int | None = None) -> None:
    """Let a run wait for its turn. RunTakenError: somebody trains it."""
    if not Queue(store).add(run, priority):
        raise RunTakenError(f"Run {run} is trained by another process already.")
    supervise(store)


def supervise(store: Store) -> None:
    """Supervise the queue of this home from now on."""
    found = supervisor(store.folder)
    found.take_here = lambda: _take_here(store)
    found.wake()


def _take_here(store: Store) -> bool:
    """Train the next run in a thread of this process, if none trains there."""
    taken = Queue(store).take() if thread_is_free() else None
    return taken is not None and train_taken(*taken, store)


def train_taken(run: str, owner: Owner, store: Store) -> bool:
    """Train a run in a thread of this process, which has taken it from the queue. False: it has failed at once."""
    try:
        document = document_of(store, run)
        if complaint(document):
            raise NoDeviceError(complaint(document))
        launch(run, Job(document), store, owner)
    except (NetloomError, OSError) as error:
        store.write(run, [Progress("failed", message=str(error), updated=time.time())], owner)
        store.release(run, owner)
        return False
    return True
