"""Spatial axes, for convolution, pooling and resizing: types of parameters, and whether kernels and groups fit."""

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


def per_axis(value: Sizes, axes: int) -> tuple[int, ...]:
    """An int is used for every axis, as torch does it."""
    return (value,) * axes if isinstance(value, int) else value


def check_kernel(shape: Shape, kernel: Sizes, padding: Sizes, dilation: Sizes) -> None:
    """Raise ShapeError if the kernel is larger than its padded input (shape: channels first)."""
    axes = len(shape) - 1
    extent = tuple((k - 1) * d + 1 for k, d in zip(per_axis(kernel, axes), per_axis(dilation, axes), strict=True))
    padded = tuple(size + 2 * pad for size, pad in zip(shape[1:], per_axis(padding, axes), strict=True))
    if any(e > size for e, size in zip(extent, padded, strict=True)):
        with_padding = " with padding" if any(per_axis(padding, axes)) else ""
        raise ShapeError(
            f"has a kernel of {show(extent)}, larger than its input of {show(shape[1:])}{with_padding}. "
            "Use a smaller kernel, more padding, or less pooling before it.",
            params={"kernel_size": _largest_kernel(padded, kernel, dilation)},
            short=f"Kernel {show(extent)} is larger than its input {show(shape[1:])}.",
        )


def check_groups(shape: Shape, out_channels: int, groups: int) -> None:
    """Raise ShapeError if the groups do not divide the channels (shape: channels first)."""
    for what, size in (("input channels", shape[0]), ("out_channels", out_channels)):
        if size % groups:
            raise ShapeError(
                f"splits {size} {what} into {groups} groups, but {size} is not divisible by {groups}. "
                "groups must divide both the input channels and out_channels.",
                params={"groups": 1},
            )


def _largest_kernel(padded: Shape, kernel: Sizes, dilation: Sizes) -> int | list[int]:
    axes = len(padded)
    sizes = [
        min((size - 1) // gap + 1, k)
        for size, k, gap in zip(padded, per_axis(kernel, axes), per_axis(dilation, axes), strict=True)
    ]
    return min(sizes) if isinstance(kernel, int) else sizes
