"""How much memory a training needs, and how much the device that it runs on has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from builder.analysis.infer import Analysis
from builder.analysis.memory import training_memory

if TYPE_CHECKING:
    from trainers.job import Job

MEMORY = Path("/proc/meminfo")
HEADROOM = 1.3  # gradients of activations, working memory of kernels and what the allocator cannot use
BASE = 300 * 2**20  # bytes: libraries on the device, and the program itself
CGROUPS = (  # limit and use of a container's memory, of cgroups 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class MemoryNeed(NamedTuple):
    """Bytes that a training needs: for weights with all that belongs to them, for each sample of a batch, for data."""

    weights: int
    sample: int
    data: int

    def counted(self, batch: int) -> int:
        """The sum of its parts with this batch size. A training that reuses memory well needs a quarter less."""
        return self.weights + self.sample * batch + self.data

    def expected(self, batch: int) -> int:
        """What it probably needs with this batch size."""
        return round(self.counted(batch) * HEADROOM) + BASE

    def fitting_batch(self, available: int) -> int:
        """The largest batch size, a power of two, that probably fits; 0: not even one sample does."""
        return self._batch((available - BASE) / HEADROOM - self.weights - self.data)

    def further_batch(self, free: int) -> int:
        """The same for a training that has its data and weights in memory already, with so much left beside them."""
        return self._batch(free / HEADROOM)

    def _batch(self, room: float) -> int:
        batch = int(room // max(self.sample, 1))
        return 2 ** int(math.log2(batch)) if batch >= 1 else 0


def memory_need(job: Job, analysis: Analysis) -> MemoryNeed:
    """The memory that a job needs. Weights count with their gradients, the optimizer's state and the best weights."""
    networks = job.paradigm.networks
    memory = training_memory(analysis, networks)
    copies = 3 + job.optimizer.states
    trained = max(1, len(job.paradigm.modules(job.document)) // max(len(networks), 1))
    return MemoryNeed(memory.weights * copies * trained, memory.sample, _data_bytes(job))


def _data_bytes(job: Job) -> int:
    """The samples as tensors, with their targets, and once more while they are read and split."""
    if job.dataset.mapped:
        return 0
    numbers = sum(math.prod(signal.shape) * (8 if signal.dtype == "int" else 4) for signal in job.dataset.signals)
    targets = math.prod(job.dataset.target_shape) * (8 if job.dataset.classes else 4)
    return 2 * int(getattr(job.dataset, "samples", 0)) * (numbers + targets)


def device_memory(device: str) -> tuple[int, int] | None:
    """Bytes that are free on a device, and all that it has. None: this machine does not say."""
    if device.partition(":")[0] == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(held), int(total)  # what torch holds and does not use is free for the next run
    return main_memory()


def main_memory() -> tuple[int, int] | None:
    """Bytes of this machine's memory that are available, and all of it; no more than its container may use."""
    free, total = kibibytes(MEMORY, "MemAvailable"), kibibytes(MEMORY, "MemTotal")
    if free is None or total is None:
        try:
            page = os.sysconf("SC_PAGE_SIZE")
            free, total = os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page
        except (AttributeError, OSError, ValueError):
            return None
    for limit, used in _group_limits():
        total, free = min(total, limit), min(free, max(limit - used, 0))
    space = _address_space()
    return (free if space is None else min(free, max(space, 0))), total


def _group_limits() -> Iterator[tuple[int, int]]:
    """Linux: the limit of a container (control group, versions 2 and 1), and what it uses of it."""
    for limit, used in CGROUPS:
        try:
            yield int(Path(limit).read_text(encoding="ascii")), int(Path(used).read_text(encoding="ascii"))
        except (OSError, ValueError):  # "max": there is no limit
            continue


def _address_space() -> int | None:
    """Unix: what `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:
        return None
    limit, used = resource.getrlimit(resource.RLIMIT_AS)[0], kibibytes(Path("/proc/self/status"), "VmSize")
    return None if limit == resource.RLIM_INFINITY or used is None else limit - used


def kibibytes(path: Path, name: str) -> int | None:
    """Bytes of an entry, such as MemAvailable, in a file of Linux that counts in kB. None: there is none."""
    try:
        line = next(line for line in path.read_text().splitlines() if line.startswith(f"{name}:"))
        return 1024 * int(line.split()[1])
    except (OSError, StopIteration, ValueError, IndexError):
        return None
