"""A training step of a compiled document against the same network written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

import builder
from benchmarks.networks import PAIRS
from benchmarks.table import Row
from benchmarks.timing import ratio

STEPS, ROUNDS, BATCH = 40, 41, 64


def rows() -> Iterator[Row]:
    for name, (document, hand_written) in PAIRS.items():
        torch.manual_seed(0)
        value, ours, theirs = ratio(_steps(builder.compile(document())), _steps(hand_written()), ROUNDS)
        note = f"{ours / STEPS * 1e3:.3f} ms against {theirs / STEPS * 1e3:.3f} ms"
        yield Row(f"training step, {name}: compiled / by hand", value, "at most", 1.03, note)


def _steps(model: nn.Module) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()
    inputs, targets = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))

    def steps() -> None:
        for _ in range(STEPS):
            value = loss(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()

    return steps
