"""How many threads a run computes with. More are not always faster, and the number changes how results are rounded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

import builder
from builder.analysis.infer import analyse

if TYPE_CHECKING:
    from trainers.job import Job

SMALL_STEP = 300_000_000  # floating-point operations of a forward pass over a batch


def thread_count(job: Job, batch_size: int, device: str) -> int | None:
    """How many threads torch computes with; None: torch's default.

    Small steps gain nothing from a second thread, and each of their many short operations waits for it: while pages are
    rendered on the same cores, two threads train a small network ten times slower than one. The number depends on the
    job alone: another number of threads rounds differently, and the app and the command line must give the same
    results.
    """
    if torch.device(device).type != "cpu":
        return None
    return 1 if _parallel_flops(job) * batch_size < SMALL_STEP else None


def _parallel_flops(job: Job) -> int:
    """Floating-point operations for one sample that threads can share: all of the network's; for a recurrent network
    those of a single time step, since each step waits for the one before."""
    flops = builder.summary(job.document).set_index("node")["flops"]
    analysis = analyse(job.document)
    recurrent = [
        int(flops[step.name]) // analysis.facts[step.inputs[0]].signal.shape[0]
        for step in analysis.plan.steps
        if step.spec.family == "recurrent" and step.name in flops
    ]
    return max(recurrent) if recurrent else int(flops.sum())


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with `count` threads inside the `with` block, and with the previous number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
