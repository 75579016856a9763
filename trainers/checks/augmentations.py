"""Checks of the augmentations against the data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck

if TYPE_CHECKING:
    from trainers.job import Job


def _without(job: Job, index: int) -> SetTraining:
    """The edit that removes one augmentation."""
    training = job.document.training
    listed = list(training["data"]["augmentation"])
    del listed[index]
    return SetTraining({**training, "data": {**training["data"], "augmentation": listed}})


class UnsuitableAugmentation(JobCheck):
    """An augmentation is for another kind of data.

    Each augmentation changes samples of certain kinds: a flip needs images, a frequency mask needs spectrograms.

    Example: RandomHorizontalFlip on iris, a table.
    Fix: remove the augmentation.
    """

    code = "T160"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for index, augmentation in enumerate(job.augmentations):
            reason = augmentation.unsuited(job.dataset)
            if reason:
                message = f"The augmentation {augmentation.label} {reason}. Remove it."
                yield self.problem(None, message, [_without(job, index)], f"Remove {augmentation.label}")


class AugmentationChangesTarget(JobCheck):
    """An augmentation may change what a sample shows, while its target stays the same.

    The network then trains on samples with wrong targets.

    Example: RandomHorizontalFlip on digits: a mirrored 2 is not a 2.
    Fix: remove the augmentation.
    """

    code = "T161"
    category = "data"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for index, augmentation in enumerate(job.augmentations):
            reason = None if augmentation.unsuited(job.dataset) else augmentation.warning(job.dataset)
            if reason:
                message = f"The augmentation {augmentation.label} {reason}."
                yield self.problem(None, message, [_without(job, index)], f"Remove {augmentation.label}")
