"""Images that stay in their file, mapped into memory, against the same ones as a tensor in memory.

A small convolutional network takes the same steps on the same batches from either; the sides take turns, some twenty
steps each, in one process, which keeps freed memory as a run does. A second row reads the batches alone.

    python -m benchmarks mapped                       12,000 images of 64 x 64: a minute
    python -m benchmarks mapped --samples 8000        to try it (fewer than 7,300 are held in memory)
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Row

SAMPLES, SIDE, BATCH, STEPS, ROUNDS = 12_000, 64, 64, 20, 31


def rows(samples: int = SAMPLES, rounds: int = ROUNDS) -> Iterator[Row]:
    import numpy as np
    import torch

    from trainers.data import mapped
    from trainers.data.batches import Batches
    from trainers.data.splits import Split
    from trainers.engine.threads import threads

    with threads(None), tempfile.TemporaryDirectory(prefix="netloom-bench-", ignore_cleanup_errors=True) as folder:
        images = np.memmap(Path(folder) / "images.bytes", np.uint8, "w+", shape=(samples, 3, SIDE, SIDE))
        for start in range(0, samples, 1000):
            some = images[start : start + 1000]
            some[:] = np.random.default_rng(start).integers(0, 256, some.shape, dtype=np.uint8)
        places = np.random.default_rng(0).permutation(samples)
        figures = mapped.byte_figures(images, places, "standard")
        lazy: Any = mapped.given_input(images, places, figures)
        if not isinstance(lazy, mapped.MappedInput):
            raise SystemExit(f"{samples:,} images are held in memory: take more.")
        targets = torch.from_numpy(places % 10)
        sides = [Batches(Split((given,), targets, places), BATCH, 0, "cpu") for given in (lazy, lazy.whole())]
        yield _row("training", sides, _trained(), "at least", 0.95, rounds)
        yield _row("reading alone", sides, lambda batch: None, "", 0.0, rounds)
        del images, lazy


def _row(what: str, sides: list[Any], step: Callable[[Any], None], bound: Any, limit: float, rounds: int) -> Row:
    streams = [_endless(side) for side in sides]
    ratios = []
    for number in range(rounds + 1):
        seconds = [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            begun = time.perf_counter()
            for _ in range(STEPS):
                step(next(streams[place]))
            seconds[place] = time.perf_counter() - begun
        ratios.append(seconds[1] / seconds[0])
    ratios = ratios[1:]  # the first round warms up
    note = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return Row(f"images from a file, {what}: throughput against memory", statistics.median(ratios), bound, limit, note)


def _endless(side: Any) -> Iterator[Any]:
    for number in range(10**6):
        yield from side.epoch(number)


def _trained() -> Callable[[Any], None]:
    """A training step of a small convolutional network."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    optimizer, loss = torch.optim.Adam(network.parameters()), nn.CrossEntropyLoss()

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        loss(network(batch.inputs[0]), batch.targets).backward()
        optimizer.step()

    return step
