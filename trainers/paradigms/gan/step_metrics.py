"""Figures of every step of a learner, such as the losses of two networks: kept on the device, told on a clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainers.engine.loop import bucket
from trainers.events import Metric

if TYPE_CHECKING:
    from torch import Tensor

LAST = 100  # steps that the figures at the end of an epoch are the mean of


class StepMetrics:
    """Numbers with names, written down in every step without waiting for the device.

    Their curves have the same points as the loss curve: every one of the first steps, then means of ever more steps.
    """

    def __init__(self, names: tuple[str, ...], steps_per_epoch: int) -> None:
        self.names, self.steps_per_epoch = names, max(steps_per_epoch, 1)
        self.step = 0  # up to which the numbers were brought off the device
        self._pending: list[Tensor] = []
        self._sums, self._count = [0.0] * len(names), 0
        self._ready: list[Metric] = []
        self._last: deque[list[float]] = deque(maxlen=LAST)

    def write(self, *values: Tensor) -> None:
        """The numbers of one step, in the order of the names."""
        import torch

        self._pending.append(torch.stack([value.detach().float() for value in values]))

    def metrics(self) -> Iterator[Metric]:
        """The points of the curves that are new."""
        self._collect()
        ready, self._ready = self._ready, []
        yield from ready

    def recent(self) -> dict[str, float]:
        """The means over the last steps."""
        self._collect()
        rows = list(zip(*self._last, strict=True))
        return {name: sum(column) / len(column) for name, column in zip(self.names, rows, strict=False)}

    def _collect(self) -> None:
        """Bring what was written down off the device, in one go."""
        import torch

        if not self._pending:
            return
        rows = torch.stack(self._pending).tolist()
        self._pending.clear()
        for row in rows:
            self.step += 1
            self._count += 1
            self._sums = [total + value for total, value in zip(self._sums, row, strict=True)]
            self._last.append(row)
            if self.step % bucket(self.step) == 0:
                self._end_bucket()

    def _end_bucket(self) -> None:
        epoch = (self.step - 1) // self.steps_per_epoch + 1
        for name, total in zip(self.names, self._sums, strict=True):
            self._ready.append(Metric(self.step, epoch, "training", name, total / self._count))
        self._sums, self._count = [0.0] * len(self.names), 0

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs to go on in the same curves."""
        self._collect()
        last = [list(row) for row in self._last]
        return {"step": self.step, "sums": list(self._sums), "count": self._count, "last": last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self._sums, self._count = state["step"], list(state["sums"]), state["count"]
        self._last.extend(list(row) for row in state["last"])
