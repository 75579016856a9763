"""Metrics of a GAN: how similar generated samples are to the data, the curves of each step.

The similarities are distances between samples. No pretrained network is needed, so images, points and tables all work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from trainers.engine.loop import bucket
from trainers.events import Metric

PROJECTIONS = 128
COVERED = 0.25  # of a class's expected share of the samples; with fewer it does not count as covered
RECENT_STEPS = 100  # that the metrics of an epoch average


# -- similarity of samples and data -----------------------------------------------------------------------------------


def sliced_wasserstein(samples: Tensor, data: Tensor, generator: torch.Generator | None = None) -> float:
    """The sliced Wasserstein distance between samples and data, in standard deviations of the data; 0 is best.

    Both (N, …) are projected onto random directions, and the sorted projections are compared (Rabin et al., 2011). Two
    halves of the same data have a distance above 0, because they are finite.
    """
    count = min(len(samples), len(data))
    if count < 2:
        return 0.0  # one sample has no standard deviation
    one, other = samples[:count].flatten(1).float(), data[:count].flatten(1).float()
    directions = torch.randn(one.shape[1], PROJECTIONS, generator=generator).to(one.device)
    directions = directions / directions.norm(dim=0)
    distance = ((one @ directions).sort(dim=0).values - (other @ directions).sort(dim=0).values).abs().mean()
    deviation = (other @ directions).std(dim=0).mean().clamp_min(1e-12)
    return float(distance / deviation)


def diversity(samples: Tensor, data: Tensor) -> float:
    """How much samples differ from each other, relative to the data: 1 as much, 0 all the same."""
    return float(mean_distance(samples) / mean_distance(data).clamp_min(1e-12))


def mean_distance(samples: Tensor) -> Tensor:
    """The mean Euclidean distance between two of these samples (N, …)."""
    distances = torch.pdist(samples.flatten(1).float())
    return distances.mean() if distances.numel() else distances.new_zeros(())


def nearest_classes(samples: Tensor, data: Tensor, targets: Tensor) -> Tensor:
    """For each sample the class of the nearest real sample."""
    return targets[torch.cdist(samples.flatten(1).float(), data.flatten(1).float()).argmin(dim=1)]


def covered_classes(nearest: Tensor, classes: int) -> list[bool]:
    """Which classes have at least a quarter of their expected share of the samples."""
    counts = nearest.bincount(minlength=classes)
    return [bool(count >= COVERED * len(nearest) / classes) for count in counts]


# -- metrics of each step ---------------------------------------------------------------------------------------------


class StepMetrics:
    """Metrics of every step, such as both losses. They stay on the device until somebody asks for them.

    Their curves have the same points as the loss curve: every one of the first steps, later means of several steps.
    """

    def __init__(self, names: tuple[str, ...], steps_per_epoch: int) -> None:
        self.names, self.steps_per_epoch = names, max(steps_per_epoch, 1)
        self.step = 0  # the last step whose values were copied from the device
        self._pending: list[Tensor] = []
        self._sums, self._count = [0.0] * len(names), 0
        self._ready: list[Metric] = []
        self._last: deque[list[float]] = deque(maxlen=RECENT_STEPS)

    def add(self, *values: Tensor) -> None:
        """The values of one step, in the order of the names."""
        self._pending.append(torch.stack([value.detach().float() for value in values]))

    def new_points(self) -> Iterator[Metric]:
        """The points of the curves since the last call."""
        self._collect()
        ready, self._ready = self._ready, []
        yield from ready

    def recent(self) -> dict[str, float]:
        """The means over the last steps."""
        self._collect()
        rows = list(zip(*self._last, strict=True))
        return {name: sum(column) / len(column) for name, column in zip(self.names, rows, strict=False)}

    def _collect(self) -> None:
        """Copy the pending values from the device in one go."""
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
        """What a resumed run needs to continue the same curves."""
        self._collect()
        last = [list(row) for row in self._last]
        ready = [[point.step, point.epoch, point.metric, point.value] for point in self._ready]
        return {"step": self.step, "sums": list(self._sums), "count": self._count, "last": last, "ready": ready}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self._sums, self._count = state["step"], list(state["sums"]), state["count"]
        self._last.extend(list(row) for row in state["last"])
        points = state.get("ready", ())  # collected, but not yet in the store
        self._ready = [Metric(step, epoch, "training", name, value) for step, epoch, name, value in points]
