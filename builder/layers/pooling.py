"""Pooling: summaries of neighbourhoods, which make a picture or a series smaller."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, ExtentTriple, MarginPair, MarginTriple, fits, spread
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, always


class _Pooling(LayerSpec):
    family = "pooling"
    layout = "channels_first"

    def check_inputs(self, *shapes: Shape) -> None:
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

    (channels, length) → (channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
    """

    target = "torch.nn.MaxPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("downsample", "subsample")
    example = ((3, 16),)

    kernel_size: Extent = always(2, "Length of the stretch that becomes one value.")
    stride: Extent | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: Margin = Field(0, description="Added at every border; at most half the kernel.")
    dilation: Extent = Field(1, description="Distance between the window's points.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")


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


class MaxPool3d(_Pooling):
    """Keeps the largest value of each small window of a volume or a clip.

    (channels, depth, height, width) → (channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html
    """

    target = "torch.nn.MaxPool3d"
    ranks = (4,)
    axes = CHANNELS[3]
    search = ("downsample", "subsample")
    example = ((2, 6, 8, 8),)

    kernel_size: ExtentTriple = always(2, "Depth, height and width of the window that becomes one value.")
    stride: ExtentTriple | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: MarginTriple = Field(0, description="Added at every border; at most half the kernel.")
    dilation: ExtentTriple = Field(1, description="Distance between the window's points.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")


class AvgPool1d(_Pooling):
    """Averages each short stretch of a series.

    (channels, length) → (channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html
    """

    target = "torch.nn.AvgPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("mean", "downsample", "subsample")
    example = ((3, 16),)

    kernel_size: Extent = always(2, "Length of the stretch that becomes one value.")
    stride: Extent | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: Margin = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")


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


class AvgPool3d(_Pooling):
    """Averages each small window of a volume or a clip.

    (channels, depth, height, width) → (channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html
    """

    target = "torch.nn.AvgPool3d"
    ranks = (4,)
    axes = CHANNELS[3]
    search = ("mean", "downsample", "subsample")
    example = ((2, 6, 8, 8),)

    kernel_size: ExtentTriple = always(2, "Depth, height and width of the window that becomes one value.")
    stride: ExtentTriple | None = Field(None, description="How far the window moves at a time; empty: its own size.")
    padding: MarginTriple = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep last windows that stick out at the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")
