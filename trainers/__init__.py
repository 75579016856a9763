"""Training: data sets, jobs, runs. Knows nothing of pages.

    job = trainers.Job.from_document(builder.template("digits_cnn"), epochs=3)
    run = trainers.start(job)                # trains in a background thread
    run.wait()
    run.metrics()                            # a pandas.DataFrame
    model = run.model()                      # a torch.nn.Module with the best weights

torch is imported on first use, not here.
"""

from __future__ import annotations

import trainers.openmp  # noqa: F401  (before all else: torch reads the setting when it is loaded)
from trainers import train_script as _train_script
from trainers.checks import bind, check
from trainers.data import DataError, datasets
from trainers.events import Progress, Verdict
from trainers.job import Job
from trainers.lookup import newest, open_run, runs, start
from trainers.run import Run, RunError
from trainers.store import StoreError

_train_script.register()  # exports carry a train.py beside the model

__all__ = [
    "DataError", "Job", "Progress", "Run", "RunError", "StoreError", "Verdict", "bind", "check", "datasets", "newest",
    "open_run", "runs", "start",
]  # fmt: skip
