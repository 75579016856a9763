"""Arithmetic that convolution and pooling share: sizes along each spatial axis, in words when they do not fit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from builder.shapes import Shape, show
from builder.spec import Extent, Margin, ShapeError

ExtentPair = Extent | Annotated[tuple[Extent, Extent], Field()]
MarginPair = Margin | Annotated[tuple[Margin, Margin], Field()]
ExtentTriple = Extent | Annotated[tuple[Extent, Extent, Extent], Field()]
MarginTriple = Margin | Annotated[tuple[Margin, Margin, Margin], Field()]

Sizes = int | tuple[int, ...]
CHANNELS = {1: "channels × length", 2: "channels × height × width", 3: "channels × depth × height × width"}


def spread(value: Sizes, axes: int) -> tuple[int, ...]:
    """An int stands for the same number along every axis."""
    return (value,) * axes if isinstance(value, int) else value


def fits(shape: Shape, kernel: Sizes, padding: Sizes, dilation: Sizes) -> None:
    """Raise ShapeError if the kernel is larger than its padded input (shape: channels first)."""
    axes = len(shape) - 1
    reach = tuple((k - 1) * d + 1 for k, d in zip(spread(kernel, axes), spread(dilation, axes), strict=True))
    room = tuple(size + 2 * pad for size, pad in zip(shape[1:], spread(padding, axes), strict=True))
    if any(r > size for r, size in zip(reach, room, strict=True)):
        padded = " with its padding" if any(spread(padding, axes)) else ""
        raise ShapeError(
            f"has a kernel of {show(reach)}, larger than its input of {show(shape[1:])}{padded}. "
            "Use a smaller kernel, more padding, or less pooling before it.",
            params={"kernel_size": _largest(room, kernel, dilation)},
            short=f"Kernel {show(reach)} is larger than its input {show(shape[1:])}.",
        )


def _largest(room: Shape, kernel: Sizes, dilation: Sizes) -> int | list[int]:
    axes = len(room)
    sizes = [
        min((size - 1) // gap + 1, k)
        for size, k, gap in zip(room, spread(kernel, axes), spread(dilation, axes), strict=True)
    ]
    return min(sizes) if isinstance(kernel, int) else sizes


def nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of `number` that is nearest to `wanted`; of two as near, the smaller."""
    low = next(at for at in range(min(wanted, number), 0, -1) if number % at == 0)
    high = next((at for at in range(wanted, min(number, 2 * wanted) + 1) if number % at == 0), low)
    return high if high - wanted < wanted - low else low
