"""Convolutions: small filters that slide over a series, an image or a volume; transposed ones enlarge it."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from builder.layers._spatial import (
    CHANNELS,
    ExtentPair,
    ExtentTriple,
    MarginPair,
    MarginTriple,
    Sizes,
    check_groups,
    check_kernel,
    fix_rank,
    padding_for_stride,
    per_axis,
)
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, Signal, Width, always

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _Convolution(LayerSpec):
    family = "convolution"
    layout = "channels_first"
    arranges = False
    width_parameter = "out_channels"

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_channels": shapes[0][0]}

    def _same_with_stride(self, shape: Shape) -> ShapeError:
        """Other tools' "same" divides the size by the stride and rounds up; torch's allows no stride."""
        settings: Any = self
        axes, sizes = len(shape) - 1, shape[1:]
        all_axes = (per_axis(given, axes) for given in (settings.kernel_size, settings.stride, settings.dilation))
        windows = list(zip(sizes, *all_axes, strict=True))
        pads = [padding_for_stride(*window) for window in windows]
        message = 'cannot have padding "same" with a stride: "same" keeps the size.'
        if None in pads:
            return ShapeError(message, params={"stride": 1})
        padding = pads[0] if len(set(pads)) == 1 else pads
        made = show(tuple(-(-size // stride) for size, _, stride, _ in windows))
        text = str(padding) if isinstance(padding, int) else ", ".join(map(str, pads))
        return ShapeError(
            f"{message} With a padding of {text}, {show(sizes)} becomes {made}: divided by the stride and rounded up.",
            params={"padding": padding},
        )

    def infer_output(self, *signals: Signal) -> Signal | None:
        """With padding "same" the input's size. Running it would give a warning of torch for even kernels."""
        settings: Any = self
        same = settings.padding == "same" and all(step == 1 for step in per_axis(settings.stride, 1))
        return Signal((settings.out_channels, *signals[0].shape[1:])) if same else None

    def flops(self, output: Signal, *signals: Signal) -> int | None:
        """Each output value is the dot product of a filter with a window; a multiply-add counts as two."""
        settings: Any = self
        channels, *sizes = signals[0].shape
        values = math.prod(output.shape)
        return int(2 * values * channels // settings.groups * math.prod(per_axis(settings.kernel_size, len(sizes))))

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        settings: Any = self
        check_groups(shape, settings.out_channels, settings.groups)
        if settings.padding == "same":
            if any(step != 1 for step in per_axis(settings.stride, len(shape) - 1)):
                raise self._same_with_stride(shape)
            return
        padding = 0 if settings.padding == "valid" else settings.padding
        check_kernel(shape, settings.kernel_size, padding, settings.dilation)
        minimum = {"reflect": 1, "circular": 0}.get(settings.padding_mode)
        if minimum is not None and any(
            pad > size - minimum for pad, size in zip(per_axis(padding, len(shape) - 1), shape[1:], strict=True)
        ):
            raise ShapeError(
                f'has a padding of {padding} with the padding_mode "{settings.padding_mode}", which repeats values of '
                f"the input, but its input {show(shape[1:])} is too small for that.",
                params={"padding_mode": "zeros"},
            )


class Conv1d(_Convolution):
    """Slides small filters over a series; each filter learns one local pattern.

    (in_channels, length) → (out_channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
    """

    target = "torch.nn.Conv1d"
    ranks = (2,)
    axes = CHANNELS[1]
    also = (
        "Convolution1D",
        "TemporalConvolution",
        "LazyConv1d",
        "CausalConv1D: pad the start of the series first",
        "DepthwiseConv1D: with groups equal to the input channels",
        "SeparableConv1D: twice, one with groups equal to the input channels and one with kernel_size 1",
        "Conv",
        "Convolution",
    )
    search = ("convolution", "series", "sound", "temporal", "filter")
    example = ((3, 16),)

    out_channels: Width = always(16, "The number of filters: each gives one channel of the output.")
    kernel_size: Extent = always(3, "Length of each filter, in steps.")
    stride: Extent = Field(1, description="How far the filter moves per step.")
    padding: Margin | Literal["same", "valid"] = Field(
        0, description="Values added at both ends; same keeps the length."
    )
    dilation: Extent = Field(1, description="Distance between the values of a filter's window.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="The values of the padding: zeros, or values of the input.")


class Conv2d(_Convolution):
    """Slides small filters over an image; each filter learns one local pattern.

    (in_channels, height, width) → (out_channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    target = "torch.nn.Conv2d"
    ranks = (3,)
    axes = CHANNELS[2]
    also = (
        "Convolution2D",
        "SpatialConvolution",
        "LazyConv2d",
        "DepthwiseConv2D: with groups equal to the input channels",
        "SeparableConv2D: twice, one with groups equal to the input channels and one with kernel_size 1",
        "PointwiseConv2D: with kernel_size 1",
        "PatchEmbedding: with kernel_size and stride equal to the size of a patch, then Flatten and Permute",
        "PatchEmbed: with kernel_size and stride equal to the size of a patch, then Flatten and Permute",
        "Conv",
        "Convolution",
    )
    search = ("convolution", "image", "filter", "cnn", "depthwise")
    example = ((3, 12, 12),)

    out_channels: Width = always(16, "The number of filters: each gives one channel of the output.")
    kernel_size: ExtentPair = always(3, "Height and width of each filter, in pixels.")
    stride: ExtentPair = Field(1, description="How far the filter moves per step; 2 halves the size.")
    padding: MarginPair | Literal["same", "valid"] = Field(
        0, description="Values added at every border; same keeps the size."
    )
    dilation: ExtentPair = Field(1, description="Distance between the values of a filter's window.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="The values of the padding: zeros, or values of the input.")


class Conv3d(_Convolution):
    """Slides small filters through a volume or a video; each filter learns one local pattern.

    (in_channels, depth, height, width) → (out_channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
    """

    target = "torch.nn.Conv3d"
    ranks = (4,)
    axes = CHANNELS[3]
    also = ("Convolution3D", "VolumetricConvolution", "LazyConv3d", "Conv", "Convolution")
    search = ("convolution", "volume", "video", "scan", "filter")
    example = ((2, 5, 6, 6),)

    out_channels: Width = always(16, "The number of filters: each gives one channel of the output.")
    kernel_size: ExtentTriple = always(3, "Depth, height and width of each filter.")
    stride: ExtentTriple = Field(1, description="How far the filter moves per step; 2 halves the size.")
    padding: MarginTriple | Literal["same", "valid"] = Field(
        0, description="Values added at every border; same keeps the size."
    )
    dilation: ExtentTriple = Field(1, description="Distance between the values of a filter's window.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="The values of the padding: zeros, or values of the input.")


class _Transposed(LayerSpec):
    family = "convolution"
    layout = "channels_first"
    arranges = False
    width_parameter = "out_channels"

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_channels": shapes[0][0]}

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        settings: Any = self
        check_groups(shape, settings.out_channels, settings.groups)
        axes = len(shape) - 1
        stride, dilation = per_axis(settings.stride, axes), per_axis(settings.dilation, axes)
        extra = per_axis(settings.output_padding, axes)
        if any(more >= max(step, gap) for more, step, gap in zip(extra, stride, dilation, strict=True)):
            raise ShapeError(
                f"has an output_padding of {show(extra)}: it must be smaller than the stride ({show(stride)}) "
                "or the dilation.",
                params={"output_padding": 0},
            )
        padding, kernel = per_axis(settings.padding, axes), per_axis(settings.kernel_size, axes)
        sizes = tuple(
            (size - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (kernel[axis] - 1) + extra[axis] + 1
            for axis, size in enumerate(shape[1:])
        )
        if any(size < 1 for size in sizes):
            raise ShapeError(
                f"would return {' × '.join(map(str, sizes))}: its padding of {_text(settings.padding)} removes "
                "everything. Use less padding.",
                params={"padding": 0},
            )

    def enlarged(self, output: Shape, by: tuple[int, ...]) -> dict[str, Any] | None:
        """By output_padding, which is smaller than the stride or the dilation."""
        settings: Any = self
        axes = len(by)
        extra = [more + size for more, size in zip(per_axis(settings.output_padding, axes), by, strict=True)]
        limits = zip(per_axis(settings.stride, axes), per_axis(settings.dilation, axes), strict=True)
        if any(not 0 <= more < max(limit) for more, limit in zip(extra, limits, strict=True)):
            return None
        return {"output_padding": extra[0] if len(set(extra)) == 1 else extra}


def _text(sizes: Sizes) -> str:
    return str(sizes) if isinstance(sizes, int) else show(sizes)


class ConvTranspose1d(_Transposed):
    """Makes a series longer: each value is multiplied by a learned filter and added to the output.

    (in_channels, length) → (out_channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
    """

    target = "torch.nn.ConvTranspose1d"
    ranks = (2,)
    axes = CHANNELS[1]
    also = (
        "Conv1DTranspose",
        "Deconv1d",
        "Deconvolution1D",
        "Deconvolution",
        "TransposedConv1d",
        "ConvTranspose",
        "UpConv1d",
    )
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((3, 8),)

    out_channels: Width = always(16, "The number of output channels.")
    kernel_size: Extent = always(2, "Length of each filter, in steps.")
    stride: Extent = Field(1, description="How far the filter moves per input value; 2 doubles the size.")
    padding: Margin = Field(0, description="How much is removed at every border of the output.")
    output_padding: Margin = Field(0, description="How much is added at one side of the output.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    dilation: Extent = Field(1, description="Distance between the values of a filter.")


class ConvTranspose2d(_Transposed):
    """Makes an image larger: each value is multiplied by a learned filter and added to the output. Usual in decoders.

    (in_channels, height, width) → (out_channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    target = "torch.nn.ConvTranspose2d"
    ranks = (3,)
    axes = CHANNELS[2]
    also = (
        "Conv2DTranspose",
        "Deconv2d",
        "Deconvolution2D",
        "Deconvolution",
        "TransposedConv2d",
        "ConvTranspose",
        "UpConv2d",
        "UpConv",
    )
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((3, 6, 6),)

    out_channels: Width = always(16, "The number of output channels.")
    kernel_size: ExtentPair = always(2, "Height and width of each filter, in pixels.")
    stride: ExtentPair = Field(1, description="How far the filter moves per input value; 2 doubles the size.")
    padding: MarginPair = Field(0, description="How much is removed at every border of the output.")
    output_padding: MarginPair = Field(0, description="How much is added at one side of the output.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    dilation: ExtentPair = Field(1, description="Distance between the values of a filter.")


class ConvTranspose3d(_Transposed):
    """Makes a volume larger: each value is multiplied by a learned filter and added to the output.

    (in_channels, depth, height, width) → (out_channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
    """

    target = "torch.nn.ConvTranspose3d"
    ranks = (4,)
    axes = CHANNELS[3]
    also = (
        "Conv3DTranspose",
        "Deconv3d",
        "Deconvolution3D",
        "Deconvolution",
        "TransposedConv3d",
        "ConvTranspose",
        "UpConv3d",
    )
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((2, 3, 4, 4),)

    out_channels: Width = always(16, "The number of output channels.")
    kernel_size: ExtentTriple = always(2, "Depth, height and width of each filter.")
    stride: ExtentTriple = Field(1, description="How far the filter moves per input value; 2 doubles the size.")
    padding: MarginTriple = Field(0, description="How much is removed at every border of the output.")
    output_padding: MarginTriple = Field(0, description="How much is added at one side of the output.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    dilation: ExtentTriple = Field(1, description="Distance between the values of a filter.")
