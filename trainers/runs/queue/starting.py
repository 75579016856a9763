"""Starts a run: in a thread of this process, or in a worker process."""

from __future__ import annotations

from trainers.job import Job
from trainers.runs.facts import facts
from trainers.runs.ownership import Owner
from trainers.runs.queue.beginning import On, enqueue, goes_into_queue, launch
from trainers.runs.run import Run
from trainers.runs.store import Store


def start(job: Job, origin: str = "", on: On = "auto", priority: int = 0) -> Run:
    """Train a job in the background. Returns at once.

    Parameters:
        origin: the id of the document that is trained, so that its runs are found after it was renamed.
        on: "thread": in a thread of this process, after those that train there. "process": in a worker process, after
            those that wait in the queue. "auto": in a thread, or, where another run trains there, in a process.
        priority: in the queue, from -100 to 100; the highest one is next.
    """
    store = Store()
    queued = goes_into_queue(store, on)
    owner = None if queued else Owner.new()
    try:
        run = store.create(job.document.name, job.to_json(), 0, job.settings.epochs, origin, owner, facts(job))
    except BaseException:
        if owner is not None:
            owner.forget()
        raise
    if queued:
        enqueue(run, store, priority)
    else:
        launch(run, job, store, owner)
    return Run(run, store)
