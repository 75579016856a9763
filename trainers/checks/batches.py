"""Checks of the batch size and the validation split against the data set and the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis
from builder.axes import describe
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck, training_samples
from trainers.checks.output_fixes import set_params
from trainers.engine.learner import evaluation_batch_size

if TYPE_CHECKING:
    from trainers.job import Job


def with_data(job: Job, **values: Any) -> SetTraining:
    """The edit that sets options of `training.data`."""
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
                [with_data(job, batch_size="full")],
                "Use the full batch",
            )


class BatchOfOne(JobCheck):
    """A layer normalises over the batch, and there is a batch in which it gets a single value of each channel.

    Batch normalisation computes the mean and the variance of each channel over the batch and the positions of its
    input. A single value has no variance, so torch raises an error. After global pooling, or for a vector, a batch of
    one sample has a single value; an image has one for each pixel. A last training batch of one sample is left out by
    itself. In evaluation, running statistics are used instead, unless `track_running_stats` is false.

    Example: global average pooling, then BatchNorm2d, with `batch_size` 1.
    Fix: use a batch size of 2 or more, or a layer that normalises each sample by itself, such as LayerNorm.
    """

    code = "T141"
    category = "batch"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        samples = training_samples(job)
        alone = "the batch size is 1" if job.batch_size == 1 else "there is one training sample" if samples == 1 else ""
        for step in analysis.plan.steps:
            if step.name not in analysis.facts or not (alone or step.spec.statistics_in_evaluation()):
                continue
            values = step.spec.values_per_sample(*(analysis.facts[source].signal.shape for source in step.inputs))
            left = None if alone or values != 1 else _single_evaluation(job)
            if values != 1 or not (alone or left):
                continue
            given = analysis.facts[step.inputs[0]].signal
            over = (
                "normalises by means and variances, and gets a single value for each of them in a sample "
                f"({describe(given.shape, given.axes)})"
            )
            if alone:
                yield self.problem(
                    step.name,
                    f"{over}, but {alone}: a single value has no variance, so the first step would fail. Use batches "
                    "of 2 or more samples, or a layer that normalises each sample by itself.",
                    [with_data(job, **self._larger(job))],
                    "Set the batch size to 32" if job.batch_size == 1 else "Use all training samples",
                )
            else:
                yield self.problem(
                    step.name,
                    f"{over}, also in evaluation (track_running_stats is false), but the last batch of the {left} part "
                    "has one sample: a single value has no variance. Keep running statistics.",
                    [set_params(analysis, step.name, {"track_running_stats": True})],
                    "Set track_running_stats to true",
                )
            return

    @staticmethod
    def _larger(job: Job) -> dict[str, Any]:
        return {"batch_size": 32} if job.batch_size == 1 else {"train_samples": None}


def _single_evaluation(job: Job) -> str | None:
    """The part of the data whose last batch in an evaluation has one sample; None: neither has, or nobody knows."""
    if job.dataset.grouped:
        return None
    size = evaluation_batch_size(job, training_samples(job))
    given = job.dataset.given_parts
    official = given.get("test", job.dataset.test_samples)
    rest: Any = job.dataset.samples - official - given.get("validation", 0)
    parts = {"validation": round(rest * job.batching.validation), "test": official or round(rest * job.batching.test)}
    parts = {name: given.get(name, samples) for name, samples in parts.items()}
    return next((name for name, samples in parts.items() if samples % size == 1 or samples == 1), None)


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
                [with_data(job, validation=0.2)],
                "Use 20 % for validation",
            )
