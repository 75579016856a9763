"""Pooling: reduces a series, an image or a volume by taking the maximum or the mean of small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from builder.layers._spatial import (
    CHANNELS,
    ExtentPair,
    ExtentTriple,
    MarginPair,
    MarginTriple,
    check_kernel,
    fix_rank,
    per_axis,
)
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, Range, ShapeError, Signal, always

if TYPE_CHECKING:
    from torch import nn


class _Pooling(LayerSpec):
    family = "pooling"
    keeps_values = True
    layout = "channels_first"

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)

    def check_inputs(self, *shapes: Shape) -> None:
        settings: Any = self
        axes = len(shapes[0]) - 1
        kernel, padding = per_axis(settings.kernel_size, axes), per_axis(settings.padding, axes)
        if any(2 * pad > size for pad, size in zip(padding, kernel, strict=True)):
            raise ShapeError(
                f"has a padding of {show(padding)}, more than half its kernel of {show(kernel)}: "
                "some windows would contain only padding.",
                params={"padding": 0},
            )
        check_kernel(shapes[0], settings.kernel_size, settings.padding, getattr(settings, "dilation", 1))

    def output_range(self, *inputs: Range) -> Range:
        settings: Any = self
        low, high = super().output_range(*inputs)
        averages_zeros = getattr(settings, "count_include_pad", False) and settings.padding not in (0, (0,) * 3, (0, 0))
        return (min(low, 0.0), max(high, 0.0)) if averages_zeros else (low, high)


class MaxPool1d(_Pooling):
    """Keeps the largest value of each window of a series.

    (channels, length) → (channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
    """

    target = "torch.nn.MaxPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    also = ("MaxPooling1D", "MaxPooling", "MaxPool", "Pooling")
    search = ("downsample", "subsample")
    example = ((3, 16),)

    kernel_size: Extent = always(2, "Length of the window that becomes one value.")
    stride: Extent | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: Margin = Field(0, description="Added at every border; at most half the kernel.")
    dilation: Extent = Field(1, description="Distance between the values of a window.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")


class MaxPool2d(_Pooling):
    """Keeps the largest value of each window of an image: whether a pattern is there.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    target = "torch.nn.MaxPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    also = ("MaxPooling2D", "SpatialMaxPooling", "MaxPooling", "MaxPool", "Pooling")
    search = ("downsample", "subsample")
    example = ((3, 12, 12),)

    kernel_size: ExtentPair = always(2, "Height and width of the window that becomes one value.")
    stride: ExtentPair | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: MarginPair = Field(0, description="Added at every border; at most half the kernel.")
    dilation: ExtentPair = Field(1, description="Distance between the values of a window.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")


class MaxPool3d(_Pooling):
    """Keeps the largest value of each window of a volume or a video.

    (channels, depth, height, width) → (channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html
    """

    target = "torch.nn.MaxPool3d"
    ranks = (4,)
    axes = CHANNELS[3]
    also = ("MaxPooling3D", "MaxPooling", "MaxPool", "Pooling")
    search = ("downsample", "subsample")
    example = ((2, 6, 8, 8),)

    kernel_size: ExtentTriple = always(2, "Depth, height and width of the window that becomes one value.")
    stride: ExtentTriple | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: MarginTriple = Field(0, description="Added at every border; at most half the kernel.")
    dilation: ExtentTriple = Field(1, description="Distance between the values of a window.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")


class AvgPool1d(_Pooling):
    """Averages each window of a series.

    (channels, length) → (channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html
    """

    target = "torch.nn.AvgPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    also = ("AveragePooling1D", "AveragePooling", "AveragePool", "AvgPool", "AvgPooling1d", "MeanPool1d")
    search = ("mean", "downsample", "subsample")
    example = ((3, 16),)

    kernel_size: Extent = always(2, "Length of the window that becomes one value.")
    stride: Extent | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: Margin = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")


class AvgPool2d(_Pooling):
    """Averages each window of an image: how strong a pattern is.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    target = "torch.nn.AvgPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    also = ("AveragePooling2D", "AveragePooling", "AveragePool", "AvgPool", "AvgPooling2d", "MeanPool2d")
    search = ("mean", "downsample", "subsample")
    example = ((3, 12, 12),)

    kernel_size: ExtentPair = always(2, "Height and width of the window that becomes one value.")
    stride: ExtentPair | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: MarginPair = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")


class AvgPool3d(_Pooling):
    """Averages each window of a volume or a video.

    (channels, depth, height, width) → (channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html
    """

    target = "torch.nn.AvgPool3d"
    ranks = (4,)
    axes = CHANNELS[3]
    also = ("AveragePooling3D", "AveragePooling", "AveragePool", "AvgPool", "AvgPooling3d")
    search = ("mean", "downsample", "subsample")
    example = ((2, 6, 8, 8),)

    kernel_size: ExtentTriple = always(2, "Depth, height and width of the window that becomes one value.")
    stride: ExtentTriple | None = Field(None, description="How far the window moves per step; empty: its own size.")
    padding: MarginTriple = Field(0, description="Zeros added at every border; at most half the kernel.")
    ceil_mode: bool = Field(False, description="Keep the last windows, which extend beyond the border.")
    count_include_pad: bool = Field(True, description="Count the added zeros in the average.")


class _Adaptive(LayerSpec):
    family = "pooling"
    keeps_values = True
    layout = "channels_first"
    largest: ClassVar[bool] = False  # of each window, not the mean

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)

    def onnx_module(self, *shapes: Shape) -> nn.Module | None:
        """ONNX pools with windows of one size: other windows are slices there."""
        from builder.library.adaptive import AdaptiveWindows

        settings: Any = self
        sizes = shapes[0][1:]
        output = per_axis(settings.output_size, len(sizes))
        even = all(size % count == 0 for size, count in zip(sizes, output, strict=True))
        return None if even else AdaptiveWindows(output, self.largest)


class AdaptiveAvgPool1d(_Adaptive):
    """Averages a series of any length to a given length; 1 gives one number per channel (global average pooling).

    (channels, length) → (channels, output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html
    """

    target = "torch.nn.AdaptiveAvgPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    also = (
        "GlobalAveragePooling1D: with output_size 1, then Flatten",
        "GlobalAvgPool1D: with output_size 1, then Flatten",
        "GlobalAveragePool: with output_size 1, then Flatten",
        "AdaptiveAveragePooling1d",
    )
    search = ("global average", "gap", "mean")
    example = ((3, 16),)

    output_size: Extent = always(1, "Length of the output.")


class AdaptiveAvgPool2d(_Adaptive):
    """Averages an image of any size to a given size; 1 gives one number per channel (global average pooling).

    (channels, height, width) → (channels, *output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    target = "torch.nn.AdaptiveAvgPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    also = (
        "GlobalAveragePooling2D: with output_size 1, then Flatten",
        "GlobalAvgPool2D: with output_size 1, then Flatten",
        "GlobalAveragePool: with output_size 1, then Flatten",
        "GlobalPooling: with output_size 1, then Flatten",
        "GAP: with output_size 1, then Flatten",
        "AdaptiveAveragePooling2d",
    )
    search = ("global average", "gap", "mean")
    example = ((3, 12, 12),)

    output_size: ExtentPair = always(1, "Height and width of the output.")


class AdaptiveMaxPool1d(_Adaptive):
    """Keeps the largest values of a series of any length, for a given output length; 1 gives one number per channel.

    (channels, length) → (channels, output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html
    """

    target = "torch.nn.AdaptiveMaxPool1d"
    largest = True
    ranks = (2,)
    axes = CHANNELS[1]
    also = (
        "GlobalMaxPooling1D: with output_size 1, then Flatten",
        "GlobalMaxPool1D: with output_size 1, then Flatten",
        "GlobalMaxPool: with output_size 1, then Flatten",
        "AdaptiveMaxPooling1d",
    )
    search = ("global maximum",)
    example = ((3, 16),)

    output_size: Extent = always(1, "Length of the output.")


class AdaptiveMaxPool2d(_Adaptive):
    """Keeps the largest values of an image of any size, for a given output size; 1 gives one number per channel.

    (channels, height, width) → (channels, *output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    target = "torch.nn.AdaptiveMaxPool2d"
    largest = True
    ranks = (3,)
    axes = CHANNELS[2]
    also = (
        "GlobalMaxPooling2D: with output_size 1, then Flatten",
        "GlobalMaxPool2D: with output_size 1, then Flatten",
        "GlobalMaxPool: with output_size 1, then Flatten",
        "AdaptiveMaxPooling2d",
    )
    search = ("global maximum",)
    example = ((3, 12, 12),)

    output_size: ExtentPair = always(1, "Height and width of the output.")
