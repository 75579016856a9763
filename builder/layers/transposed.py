"""Transposed convolutions: learned filters that spread each value out, and so make a series or a picture larger."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, ExtentTriple, MarginPair, MarginTriple, Sizes, spread
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, Width, always


class _Transposed(LayerSpec):
    family = "convolution"
    layout = "channels_first"
    width_parameter = "out_channels"

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_channels": shapes[0][0]}

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        settings: Any = self
        for what, size in (("input channels", shape[0]), ("out_channels", settings.out_channels)):
            if size % settings.groups:
                raise ShapeError(
                    f"splits {size} {what} into {settings.groups} groups, which leaves a rest. "
                    "groups must divide both the input channels and out_channels.",
                    params={"groups": 1},
                )
        axes = len(shape) - 1
        stride, dilation = spread(settings.stride, axes), spread(settings.dilation, axes)
        extra = spread(settings.output_padding, axes)
        if any(more >= max(step, gap) for more, step, gap in zip(extra, stride, dilation, strict=True)):
            raise ShapeError(
                f"has an output_padding of {show(extra)}: it must be smaller than the stride ({show(stride)}) "
                "or the dilation.",
                params={"output_padding": 0},
            )
        sizes = tuple(
            (size - 1) * step - 2 * pad + gap * (kernel - 1) + more + 1
            for size, step, pad, gap, kernel, more in zip(
                shape[1:],
                stride,
                spread(settings.padding, axes),
                dilation,
                spread(settings.kernel_size, axes),
                extra,
                strict=True,
            )
        )
        if any(size < 1 for size in sizes):
            raise ShapeError(
                f"would give {' × '.join(map(str, sizes))}: its padding of {_shown(settings.padding)} cuts away "
                "everything. Use less padding.",
                params={"padding": 0},
            )


def _shown(sizes: Sizes) -> str:
    return str(sizes) if isinstance(sizes, int) else show(sizes)


class ConvTranspose1d(_Transposed):
    """Makes a series longer: each value is spread over a learned stretch.

    (in_channels, length) → (out_channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
    """

    target = "torch.nn.ConvTranspose1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((3, 8),)

    out_channels: Width = always(16, "How many channels come out.")
    kernel_size: Extent = always(2, "Size of the patch that each value is spread over.")
    stride: Extent = Field(1, description="How far patches lie apart; 2 doubles the size.")
    padding: Margin = Field(0, description="How much is cut off at every border of the result.")
    output_padding: Margin = Field(0, description="How much is added at one side, to reach an even size.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    dilation: Extent = Field(1, description="Distance between the points of a patch.")


class ConvTranspose2d(_Transposed):
    """Makes a picture larger: each value is spread over a learned patch; usual in decoders.

    (in_channels, height, width) → (out_channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    target = "torch.nn.ConvTranspose2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((3, 6, 6),)

    out_channels: Width = always(16, "How many channels come out.")
    kernel_size: ExtentPair = always(2, "Size of the patch that each value is spread over.")
    stride: ExtentPair = Field(1, description="How far patches lie apart; 2 doubles the size.")
    padding: MarginPair = Field(0, description="How much is cut off at every border of the result.")
    output_padding: MarginPair = Field(0, description="How much is added at one side, to reach an even size.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    dilation: ExtentPair = Field(1, description="Distance between the points of a patch.")


class ConvTranspose3d(_Transposed):
    """Makes a volume larger: each value is spread over a learned block.

    (in_channels, depth, height, width) → (out_channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
    """

    target = "torch.nn.ConvTranspose3d"
    ranks = (4,)
    axes = CHANNELS[3]
    search = ("deconvolution", "upsample", "upconvolution", "fractionally strided", "decoder", "generator")
    example = ((2, 3, 4, 4),)

    out_channels: Width = always(16, "How many channels come out.")
    kernel_size: ExtentTriple = always(2, "Size of the patch that each value is spread over.")
    stride: ExtentTriple = Field(1, description="How far patches lie apart; 2 doubles the size.")
    padding: MarginTriple = Field(0, description="How much is cut off at every border of the result.")
    output_padding: MarginTriple = Field(0, description="How much is added at one side, to reach an even size.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    dilation: ExtentTriple = Field(1, description="Distance between the points of a patch.")
