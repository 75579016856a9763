"""Do batch size, splits and stopping fit the data set and the network?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck, training_samples

if TYPE_CHECKING:
    from trainers.job import Job


def _with_data(job: Job, **values: Any) -> SetTraining:
    training = job.document.training
    return SetTraining({**training, "data": {**training.get("data", {}), **values}})


class BatchTooLarge(JobCheck):
    """A batch cannot hold more samples than there are to train on. Mended by full-batch descent."""

    code = "T140"
    category = "batch"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        samples = training_samples(job)
        if isinstance(job.batch_size, int) and job.batch_size > samples:
            yield self.problem(
                None,
                f"The batch size {job.batch_size:,} is larger than the {samples:,} training samples of "
                f"{job.dataset.title}. Use at most {samples:,}, or the full batch.",
                [_with_data(job, batch_size="full")],
                "Use the full batch",
            )


class BatchOfOne(JobCheck):
    """Batch normalisation needs two samples or more to measure a spread."""

    code = "T141"
    category = "batch"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if job.batch_size != 1:
            return
        for step in analysis.plan.steps:
            if step.spec.has_batch_statistics and len(analysis.facts[step.name].signal.shape) == 1:
                yield self.problem(
                    step.name,
                    "measures mean and spread over the batch, but the batch size is 1. Use 2 or more.",
                    [_with_data(job, batch_size=32)],
                    "Set batch size to 32",
                )
                return


class NothingToWatch(JobCheck):
    """Early stopping, and schedules that wait for a plateau, look at the validation loss: there must be one."""

    code = "T142"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        who = "Early stopping" if job.settings.early_stopping else ""
        who = who or (f"The schedule {job.schedule.label}" if job.schedule.per == "validation" else "")
        if who and job.paradigm.metric_to_keep(job.dataset) is None:
            kept = {
                key: value
                for key, value in job.document.training.items()
                if not (key == "early_stopping" or (key == "schedule" and job.schedule.per == "validation"))
            }
            yield self.problem(
                None,
                f"{who} watches the validation loss, but “{job.paradigm.label}” has none that says how good it is.",
                [SetTraining(kept)],
                f"Do without {who[0].lower()}{who[1:]}",
            )
        elif who and not job.batching.validation:
            yield self.problem(
                None,
                f"{who} watches the validation loss, but no sample is held out for validation.",
                [_with_data(job, validation=0.2)],
                "Hold out 20 %",
            )
