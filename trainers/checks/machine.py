"""Checks of what the job needs against what this machine has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.analysis.summary import human
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck, training_samples
from trainers.checks.batches import with_data
from trainers.engine.device import resolve_device
from trainers.memory import device_memory, memory_need

if TYPE_CHECKING:
    from trainers.job import Job

SURE = 0.6  # a training needs at least this share of what its parts add up to
COMPILERS = ("c++", "g++", "clang++", "cl")


class NoCompiler(JobCheck):
    """The job uses torch.compile on a CPU, and this machine has no C++ compiler.

    On a CPU torch.compile generates C++ code and compiles it.

    Example: `compile` true and `device` "cpu" in a container without g++.
    Fix: install g++ or clang++, or train without torch.compile.
    """

    code = "T150"
    needs_data = False
    category = "machine"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if not job.settings.compile or resolve_device(job.settings.device) != "cpu":
            return
        if not any(map(shutil.which, COMPILERS)):
            training = {key: value for key, value in job.document.training.items() if key != "compile"}
            yield self.problem(
                None,
                "torch.compile needs a C++ compiler, and this machine has none. Install one (g++ or clang++), or train "
                "without torch.compile.",
                [SetTraining(training)],
                "Train without torch.compile",
            )


class TooLittleMemory(JobCheck):
    """The training needs more memory than this machine has.

    It holds the weights, their gradients, the optimizer's numbers for each weight, the samples, and for every sample of
    a batch what each layer keeps for the gradients. What is not there ends the run, or makes the machine swap. It is a
    warning where less is free than will probably be needed, and an error where it can never fit.

    Example: a batch size of 4096 for a U-Net on images of 256 × 256.
    Fix: use the largest batch size that fits.
    """

    code = "T151"
    category = "machine"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        device = resolve_device(job.settings.device)
        memory = device_memory(device)
        if memory is None:
            return
        free, total = memory
        batch = training_samples(job) if job.batch_size == "full" else job.batch_size
        need = memory_need(job, analysis)
        never = need.counted(batch) * SURE > total
        if not never and need.expected(batch) <= free:
            return
        fitting = min(need.fitting_batch(free), batch)
        parts = {
            "the weights with their gradients and the optimizer": need.weights,
            f"a batch of {batch:,} samples": need.sample * batch,
            "the data set": need.data,
        }
        largest = max(parts, key=lambda part: parts[part])
        where = "this machine" if device == "cpu" else device
        advice = (
            f"A batch size of {fitting:,} fits." if fitting else "Not even one sample at a time fits: make it smaller."
        )
        message = (
            f"The training needs about {human(need.expected(batch), 'B')}, most of it for {largest}, but {where} has "
            f"{human(free, 'B')} free of {human(total, 'B')}. {advice}"
        )
        yield Problem(
            self.code,
            "error" if never else "warning",
            None,
            message,
            (with_data(job, batch_size=fitting),) if fitting else None,
            f"Set the batch size to {fitting:,}" if fitting else "",
            self.category,
        )
