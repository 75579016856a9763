"""The tasks that can be learned from a table: a column of categories, columns of numbers, several of yes and no."""

from __future__ import annotations

from typing import Literal

from trainers.tasks import TASKS


def tasks_of_tables() -> dict[str, str]:
    """The names of the tasks, and the type of column that each predicts."""
    return {name: task.of_columns for name, task in TASKS.items() if task.of_columns}


def task_for(kind: Literal["category", "number", "yes_no"]) -> str:
    """The task that predicts columns of this type."""
    return next(name for name, predicts in tasks_of_tables().items() if predicts == kind)


def predicts_classes(task: str | None) -> bool:
    """Whether a task predicts a category."""
    return tasks_of_tables().get(task or "") == "category"


def predicts_labels(task: str | None) -> bool:
    """Whether a task predicts several columns of yes and no."""
    return tasks_of_tables().get(task or "") == "yes_no"
