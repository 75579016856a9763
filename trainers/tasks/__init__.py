"""The tasks: what a network can be trained to predict. One file for each, found by itself; no torch is needed."""

import sys

from builder.registry import discover
from trainers.tasks.base import Task

TASKS: dict[str, Task] = {
    name: kind() for name, kind in discover(sys.modules[__name__], Task, lambda entry: entry.name).items()
}

__all__ = ["TASKS", "Task"]
