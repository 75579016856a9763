"""Starts runs, and finds them again: by id, by the document that was trained, or all of them."""

from __future__ import annotations

from trainers.job import Job
from trainers.runs.run import Run
from trainers.runs.store import Store


def start(job: Job, origin: str = "") -> Run:
    """Train a job in a background thread. Returns at once; the run is "queued" while another one trains.

    `origin` is the id of the document that is trained, so that its runs are found again under any name.
    """
    from trainers.engine.worker import launch

    store = Store()
    run = store.create(job.document.name, job.to_json(), 0, job.settings.epochs, origin)
    launch(run, job, store)
    return Run(run, store)


def newest(origin: str, name: str) -> Run | None:
    """The newest run of a document: by the document's id, or by its name among the runs that know no id."""
    store = Store()
    query = "SELECT id FROM runs WHERE origin = ? OR (COALESCE(origin, '') = '' AND name = ?)"
    found = store.rows(f"{query} ORDER BY origin = ? DESC, created DESC, rowid DESC LIMIT 1", (origin, name, origin))
    return Run(found[0]["id"], store) if found else None


def runs() -> list[Run]:
    """Every run, the newest first."""
    store = Store()
    return [Run(row["id"], store) for row in store.rows("SELECT id FROM runs ORDER BY created DESC, rowid DESC")]


def open_run(run: str) -> Run:
    """The run with this id. StoreError: there is none."""
    return Run(run)
