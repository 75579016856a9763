"""All losses and metrics: those of this folder and those that a task brings in its file; which of them suit a task."""

from __future__ import annotations

import functools

import trainers.objectives
import trainers.tasks
from builder.registry import discover
from trainers.entry import OptionError
from trainers.objectives.losses import Loss
from trainers.objectives.metrics import Metric
from trainers.objectives.model_outputs import Answers
from trainers.tasks import TASKS

LOSSES: dict[str, type[Loss]] = {
    **discover(trainers.objectives, Loss, lambda loss: loss.name),
    **discover(trainers.tasks, Loss, lambda loss: loss.name),
}


@functools.cache
def _metrics() -> tuple[type[Metric], ...]:
    """The metrics that name tasks themselves."""
    found = [
        metric
        for package in (trainers.objectives, trainers.tasks)
        for metric in discover(package, Metric, lambda kind: f"{kind.__module__}.{kind.__qualname__}").values()
    ]
    return tuple(metric for metric in found if metric.tasks)


def all_losses() -> dict[str, type[Loss]]:
    """Every loss by name, with those of tasks that were added while the program runs."""
    return LOSSES | {loss.name: loss for task in TASKS.values() for loss in task.losses}


def losses_for(task: str) -> dict[str, type[Loss]]:
    """The losses that suit a task by name, the usual one first."""
    named = {loss.name: loss for loss in LOSSES.values() if task in loss.tasks}
    return {loss.name: loss for loss in TASKS[task].losses} | named


def suits(loss: Loss | type[Loss], task: str) -> bool:
    """Whether a loss suits a task."""
    return loss.name in losses_for(task)


def default_loss(task: str) -> Loss:
    """The usual loss of a task: cross-entropy for classes, mean squared error for numbers."""
    loss = next(iter(losses_for(task).values()), None)
    if loss is None:
        raise OptionError(f"The task {TASKS[task].label} has no loss: list one in `losses` of its entry.")
    return loss()


def metrics_for(task: str) -> dict[str, Metric]:
    """The metrics of a task by name, the one to go by first."""
    named = [metric for metric in _metrics() if task in metric.tasks]
    return {metric.name: metric() for metric in (*TASKS[task].metrics, *named)}


def main_metric(task: str) -> Metric:
    """The metric to show first: accuracy for classes, R2 for numbers, the mean IoU for masks."""
    return next(iter(metrics_for(task).values()))


def evaluate_metrics(answers: Answers, costly: bool = True) -> dict[str, float]:
    """Every metric of the task over a whole part of the data, or without the costly ones; none for no samples."""
    return {
        metric.name: float(metric.compute(answers))
        for metric in metrics_for(answers.target.task).values()
        if (costly or not metric.costly) and metric.suits(answers)
    }
