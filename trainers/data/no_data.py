"""The data set of paradigms that make their own samples, such as an agent that plays: it is empty."""

from __future__ import annotations

from typing import ClassVar

from builder.spec import Signal
from trainers.data.base import DataSet, Kind
from trainers.data.splits import Prepared, Split
from trainers.tasks.no_targets import NoTargets


class _NoData(DataSet):
    """No samples at all. The underscore keeps it out of the data sets that a document can choose."""

    name: ClassVar[str] = "no_data"
    title: ClassVar[str] = "no data set"
    task: ClassVar[str] = NoTargets.name
    kind: ClassVar[Kind] = "points"
    origin: ClassVar[str] = ""
    licence: ClassVar[str] = ""

    @property
    def signals(self) -> tuple[Signal, ...]:
        return ()

    @property
    def target_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def samples(self) -> int:
        return 0


NO_DATA = _NoData()


def no_samples() -> Prepared:
    """Three empty splits."""
    import numpy as np
    import torch

    empty = Split((), torch.zeros(0), np.zeros(0, np.int64))
    return Prepared(empty, empty, empty, (), None, (), NO_DATA.task)
