"""Shapes as people read them: tuples of integers without the batch axis."""

from __future__ import annotations

Shape = tuple[int, ...]


def show(shape: Shape) -> str:
    """`(16, 14, 14)` → '16 × 14 × 14'; the empty shape is one number a sample."""
    return " × ".join(str(size) for size in shape) if shape else "a single number"


def count(number: int, thing: str) -> str:
    """`count(2, "input")` → '2 inputs'."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
