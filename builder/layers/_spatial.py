"""Spatial axes, for convolution, pooling and resizing: types of parameters, and whether kernels and groups fit."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, Signal

ExtentPair = Extent | Annotated[tuple[Extent, Extent], Field()]
MarginPair = Margin | Annotated[tuple[Margin, Margin], Field()]
ExtentTriple = Extent | Annotated[tuple[Extent, Extent, Extent], Field()]
MarginTriple = Margin | Annotated[tuple[Margin, Margin, Margin], Field()]

Sizes = int | tuple[int, ...]
CHANNELS = {1: "channels × length", 2: "channels × height × width", 3: "channels × depth × height × width"}


def fix_rank(spec: LayerSpec, signal: Signal) -> dict[str, Any]:
    """How an input with another number of axes is made to fit a layer for channels first, as arguments of ShapeError.

    An image without channels gets an axis for them; what has its channels needs the same layer for fewer or more axes.
    """
    wanted, shape = max(spec.ranks or (0,)), signal.shape
    stem = spec.type_name()[:-2]
    places = len(shape) - 1
    if signal.axes[:1] == ("channels",) and 1 <= places <= 3 and spec.type_name().endswith("d"):
        return {"replace": (f"{stem}{places}d", _same_for_all_axes(spec))}
    if len(shape) == wanted - 1:
        return {"insert": ("Unsqueeze", {})}
    if len(shape) == 1 and wanted == 3 and spec.width_parameter is not None:
        channels = next((count for count in (1, 3) if shape[0] % count == 0 and is_square(shape[0] // count)), None)
        side = math.isqrt(shape[0] // channels) if channels else 0
        return {"insert": ("Reshape", {"shape": [channels, side, side]})} if side > 1 else {}
    return {}


def same_for_rank(spec: LayerSpec, rank: int) -> dict[str, Any]:
    """The same layer for so many axes of a sample: BatchNorm1d for one or two, BatchNorm2d for an image."""
    return {"replace": (f"{spec.type_name()[:-2]}{max(rank - 1, 1)}d", _same_for_all_axes(spec))} if rank else {}


def is_square(number: int) -> bool:
    """Whether so many pixels make a square image."""
    return math.isqrt(number) ** 2 == number


def _same_for_all_axes(spec: LayerSpec) -> dict[str, Any]:
    """The parameters of the layer that are set, without those that have a number for each axis."""
    return {name: getattr(spec, name) for name in spec.model_fields_set if not isinstance(getattr(spec, name), tuple)}


def padding_for_stride(size: int, kernel: int, stride: int, dilation: int) -> int | None:
    """The padding with which a convolution returns ceil(size / stride) of `size` values; None: there is none."""
    window = dilation * (kernel - 1) + 1
    wanted = -(-size // stride)
    fitting = (pad for pad in range(window) if (size + 2 * pad - window) // stride + 1 == wanted)
    return next(fitting, None)


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
