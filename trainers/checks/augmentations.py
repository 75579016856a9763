"""Do the augmentations suit the data?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck

if TYPE_CHECKING:
    from trainers.job import Job


def _without(job: Job, place: int) -> SetTraining:
    """The edit that takes one augmentation out of the list."""
    training = job.document.training
    listed = list(training["data"]["augmentation"])
    del listed[place]
    return SetTraining({**training, "data": {**training["data"], "augmentation": listed}})


class AugmentationMisfit(JobCheck):
    """An augmentation changes samples of one kind: a flip wants pictures, a frequency mask a spectrogram."""

    code = "T160"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for place, augmentation in enumerate(job.augmentations):
            reason = augmentation.misfit(job.dataset)
            if reason:
                text = f"The augmentation {augmentation.label} {reason}. Remove it."
                yield self.problem(None, text, [_without(job, place)], f"Remove {augmentation.label}")


class AugmentationChangesMeaning(JobCheck):
    """A mirrored 2 is no 2, and a mirrored curve to the left goes to the right: the target no longer holds."""

    code = "T161"
    category = "data"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for place, augmentation in enumerate(job.augmentations):
            reason = None if augmentation.misfit(job.dataset) else augmentation.doubt(job.dataset)
            if reason:
                text = f"The augmentation {augmentation.label} {reason}."
                yield self.problem(None, text, [_without(job, place)], f"Remove {augmentation.label}")
