"""Training: data sets, jobs, runs. Knows nothing of pages.

    job = trainers.Job.from_document(builder.template("digits_cnn"), epochs=3)
    run = trainers.start(job)                # trains in a background thread
    run.wait()
    run.metrics()                            # a pandas.DataFrame
    model = run.model()                      # a torch.nn.Module with the best weights

torch is imported on first use, not here.
"""

from __future__ import annotations

import trainers.early_interrupt
import trainers.engine.c_libraries  # noqa: F401  (first of all: torch reads this setting when it is imported)
from trainers.binding import bind
from trainers.data import DataError, datasets
from trainers.data.own.adding import add_data
from trainers.data.own.library import remove as remove_data
from trainers.data.own.recommending import recommend
from trainers.data.own.report import Report, data_report
from trainers.events import Progress, Verdict
from trainers.job import Job, check
from trainers.paradigms import PARADIGMS
from trainers.runs.run import Run, RunError, newest, open_run, runs, start
from trainers.runs.store import StoreError
from trainers.tasks import TASKS

__all__ = [
    "PARADIGMS",
    "TASKS",
    "DataError",
    "Job",
    "Progress",
    "Report",
    "Run",
    "RunError",
    "StoreError",
    "Verdict",
    "add_data",
    "bind",
    "check",
    "data_report",
    "datasets",
    "newest",
    "open_run",
    "recommend",
    "remove_data",
    "runs",
    "start",
]
