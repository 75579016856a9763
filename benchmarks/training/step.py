"""A training step of a compiled document against the same network written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

import builder
from benchmarks.table import Row
from benchmarks.timing import ratio
from benchmarks.training.architectures import TEMPLATES
from benchmarks.training.networks import PAIRS

STEPS, ROUNDS, BATCH = 40, 41, 64


def rows() -> Iterator[Row]:
    for name, (document, hand_written) in PAIRS.items():
        torch.manual_seed(0)
        batch = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
        yield _row(name, builder.compile(document()), hand_written(), *batch, STEPS)
    for name, (by_hand, shape, target, classes) in TEMPLATES.items():
        torch.manual_seed(0)
        ours, theirs = builder.compile(builder.template(name)), by_hand()
        _same_size(name, ours, theirs)
        batch = torch.randn(BATCH, *shape), torch.randint(0, classes, (BATCH, *target))
        yield _row(f"template {name}", ours, theirs, *batch, STEPS // 4)


def _row(name: str, ours: nn.Module, theirs: nn.Module, inputs: Tensor, targets: Tensor, steps: int) -> Row:
    value, one, other = ratio(_steps(ours, inputs, targets, steps), _steps(theirs, inputs, targets, steps), ROUNDS)
    note = f"{one / steps * 1e3:.3f} ms against {other / steps * 1e3:.3f} ms"
    return Row(f"training step, {name}: compiled / by hand", value, "at most", 1.03, note)


def _same_size(name: str, ours: nn.Module, theirs: nn.Module) -> None:
    """Refuse to compare two networks that are not the same: the template may have been changed since."""
    counts = [sum(weight.numel() for weight in model.parameters()) for model in (ours, theirs)]
    if counts[0] != counts[1]:
        raise ValueError(f"{name} has {counts[0]:,} parameters, the one written by hand {counts[1]:,}: adapt it.")


def _steps(model: nn.Module, inputs: Tensor, targets: Tensor, count: int) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()

    def steps() -> None:
        for _ in range(count):
            value = loss(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()

    return steps
