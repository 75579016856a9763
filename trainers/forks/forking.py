"""Creates a run that begins with the weights of another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import builder
from builder.document import Document
from trainers.forks.source import ForkError, ForkSource, keep, kept_steps
from trainers.job import Job
from trainers.runs.queue.beginning import On, create
from trainers.runs.store import Store


def fork(
    store: Store,
    run: str,
    before: Document,
    document: Document | None,
    checkpoint: int | None,
    on: On,
    overrides: Mapping[str, Any],
) -> str:
    """Create the fork of a run; its id.

    Parameters:
        before: what the run trains.
        document: what the fork trains. None: the same.
        checkpoint: the step of one of its checkpoints; the fork goes on from there, with the same batches. None: its
            best weights; the fork begins at the first step.
        on: where it trains, see `trainers.start`.
        overrides: settings that are other ones, see `Job.from_document`.

    Raises:
        ForkError: there is no such checkpoint, or nothing is left to train.
        DocumentError, GraphError: the job cannot run.
    """
    job = Job.from_document(document or before, **overrides)
    row = store.row(run)
    source = ForkSource(run, str(row["name"]), checkpoint, builder.dump(before))
    _check_length(job, before, row, source)
    folder = store.run_folder(run)
    return create(job, store, row["origin"] or "", on, fill=lambda target: keep(source, folder, target))


def _check_length(job: Job, before: Document, row: Mapping[str, Any], source: ForkSource) -> None:
    """ForkError: the checkpoint is at the end of what the job trains."""
    if source.step is None or not row["steps"] or job.dataset.name != before.training.get("data", {}).get("name"):
        return
    done = source.step * int(row["epochs"]) / int(row["steps"])
    if done >= job.settings.epochs or source.step >= (job.settings.max_steps or source.step + 1):
        raise ForkError(
            f"The checkpoint of step {source.step:,} is at the end of epoch {round(done):,}, and the job has "
            f"{job.settings.epochs:,} epochs: nothing is left to train. Choose more epochs."
        )


def newest_step(store: Store, run: str) -> int:
    """The step of the newest checkpoint of a run. ForkError: it has none."""
    steps = kept_steps(store.run_folder(run))
    if not steps:
        raise ForkError(f"Run {run} has no checkpoint that can be continued; its best weights can be.")
    return steps[0]
