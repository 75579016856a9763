"""Pooling: summaries of neighbourhoods, which make a picture or a series smaller."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, MarginPair, fits, spread
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, always


class _Pooling(LayerSpec):
    family = "pooling"

    def object_to(self, *shapes: Shape) -> None:
        settings: Any = self
        axes = len(shapes[0]) - 1
        kernel, padding = spread(settings.kernel_size, axes), spread(settings.padding, axes)
        if any(2 * pad > size for pad, size in zip(padding, kernel, strict=True)):
            raise ShapeError(
                f"has a padding of {show(padding)}, more than half its kernel of {show(kernel)}: "
                "some windows would see nothing.",
                params={"padding": 0},
            )
        fits(shapes[0], settings.kernel_size, settings.padding, getattr(settings, "dilation", 1))


class MaxPool1d(_Pooling):
    """Keeps the largest value of each short stretch of a series.

    (channels, length) → (channels, length'). https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
    """

    target = "torch.nn.MaxPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("downsample", "subsample")
    example = ((3, 16),)

    kernel_size: Extent = always(2, "Length of the stretch that becomes one value.")
    stride: Extent | None = Field(None, description="How far the window moves at a time; empty: its own length.")
    padding: Margin = Field(0, description="Added at both ends; at most half the kernel.")
    dilation: Extent = Field(1, description="Distance between the window's points.")
    ceil_mode: bool = Field(False, description="Keep a last window that sticks out at the end.")


class MaxPool2d(_Pooling):
    """Keeps the largest value of each small window of a picture: was the pattern there?

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    target = "torch.nn.MaxPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("downsample", "subsample")
    example = ((3, 12, 12),)

    kernel_size: ExtentPair = always(2, "Height and width of the window that becomes one value.")
    stride: ExtentPair | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: MarginPair = Field(0, description="Added at every border; at most half the kernel.")
    dilation: ExtentPair = Field(1, description="Distance between the window's points.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")


class AvgPool2d(_Pooling):
    """Averages each small window of a picture: how strong was the pattern?

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    target = "torch.nn.AvgPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("mean", "downsample", "subsample")
    example = ((3, 12, 12),)

    kernel_size: ExtentPair = always(2, "Height and width of the window that becomes one value.")
    stride: ExtentPair | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: MarginPair = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")


class AdaptiveAvgPool2d(LayerSpec):
    """Averages a picture of any size down to a given size; 1 is one number per channel (global average).

    (channels, height, width) → (channels, *output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    family = "pooling"
    target = "torch.nn.AdaptiveAvgPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("global average", "gap", "mean")
    example = ((3, 12, 12),)

    output_size: ExtentPair = always(1, "Height and width that come out.")
