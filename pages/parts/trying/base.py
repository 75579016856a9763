"""What a way to bring a sample is: a class with the data sets that it fits, and what it draws."""

from __future__ import annotations

from typing import ClassVar

from trainers.data import DataSet
from trainers.runs.run import Run


class Trial:
    """One way to bring new samples. A subclass is one file of this folder."""

    title: ClassVar[str]  # of its tab
    order: ClassVar[int]

    def fits(self, dataset: DataSet) -> bool:
        """Whether samples of this data can be brought so."""
        raise TypeError(f"{type(self).__name__} must say what it fits.")

    def draw(self, run: Run) -> None:
        """The widgets, and what is predicted. It is part of a fragment of the page."""
        raise TypeError(f"{type(self).__name__} must draw something.")
