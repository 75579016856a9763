"""No targets: the samples alone, or no samples at all. A paradigm that needs none brings its own loss and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from builder.shapes import Shape
from trainers.tasks.base import Task

if TYPE_CHECKING:
    from trainers.data import DataSet
    from trainers.tasks.target import Target


class NoTargets(Task):
    """Nothing to predict."""

    name: ClassVar[str] = "no_targets"
    label: ClassVar[str] = "No targets"
    supervised: ClassVar[bool] = False

    def target_shape(self, dataset: DataSet) -> Shape:
        return ()

    def describe(self, target: Target) -> str:
        return "no targets"
