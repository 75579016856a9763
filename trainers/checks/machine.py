"""Checks of what the job needs against what this machine has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.edits import SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck
from trainers.engine.device import resolve_device

if TYPE_CHECKING:
    from trainers.job import Job

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
