"""Shapes, as tuples of integers without the batch axis, and how they are printed in messages."""

from __future__ import annotations

Shape = tuple[int, ...]


def show(shape: Shape) -> str:
    """`(16, 14, 14)` → '16 × 14 × 14'; the empty shape is a single number per sample."""
    return " × ".join(str(size) for size in shape) if shape else "a single number"


def count(number: int, thing: str) -> str:
    """`count(2, "input")` → '2 inputs'."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of `number` that is nearest to `wanted`; if two are equally near, the smaller."""
    low = next(at for at in range(min(wanted, number), 0, -1) if number % at == 0)
    high = next((at for at in range(wanted, min(number, 2 * wanted) + 1) if number % at == 0), low)
    return high if high - wanted < wanted - low else low
