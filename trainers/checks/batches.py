"""Checks of the batch size and the validation split against the data set and the network."""

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
    """The batch size is larger than the number of training samples.

    A batch of the training split cannot have more samples than the split.

    Example: `batch_size` 500 with a data set of 100 samples.
    Fix: use a smaller batch size, or "full" for full-batch gradient descent.
    """

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
    """The batch size is 1, and a layer normalises over the batch.

    Batch normalisation computes the mean and variance of each feature over the batch. The variance of one sample is
    zero, so torch raises an error.

    Example: BatchNorm1d after a Linear layer, with `batch_size` 1.
    Fix: use a batch size of 2 or more, or LayerNorm instead of BatchNorm1d.
    """

    code = "T141"
    category = "batch"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if job.batch_size != 1:
            return
        for step in analysis.plan.steps:
            if step.spec.has_batch_statistics and len(analysis.facts[step.name].signal.shape) == 1:
                yield self.problem(
                    step.name,
                    "computes the mean and variance over the batch, but the batch size is 1. Use 2 or more.",
                    [_with_data(job, batch_size=32)],
                    "Set the batch size to 32",
                )
                return


class NoValidationMetric(JobCheck):
    """Early stopping, or a schedule that waits for a plateau, has no validation metric.

    Both compare the validation metric of each epoch with the best one so far. They need validation samples, and a
    paradigm with a metric that measures how good the network is.

    Example: `early_stopping` with `validation` 0; or `early_stopping` for a GAN, whose losses do not measure quality.
    Fix: use 20 % of the samples for validation, or remove early stopping or the schedule.
    """

    code = "T142"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        on_plateau = job.schedule.per == "validation"
        user = "early stopping" if job.settings.early_stopping else ""
        user = user or (f"the schedule {job.schedule.label}" if on_plateau else "")
        if not user:
            return
        needs = f"{user[0].upper()}{user[1:]} needs a validation metric"
        if job.paradigm.metric_to_keep(job.dataset) is None:
            unwanted = {"early_stopping", "schedule"} if on_plateau else {"early_stopping"}
            training = {key: value for key, value in job.document.training.items() if key not in unwanted}
            yield self.problem(
                None,
                f"{needs}, but the paradigm “{job.paradigm.label}” has none that measures how good the network is.",
                [SetTraining(training)],
                f"Remove {user}",
            )
        elif not job.batching.validation:
            yield self.problem(
                None,
                f"{needs}, but no samples are used for validation.",
                [_with_data(job, validation=0.2)],
                "Use 20 % for validation",
            )
