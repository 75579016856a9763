"""Convolutions: small filters that slide over a series or a picture."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, ExtentTriple, MarginPair, MarginTriple, fits, spread
from builder.shapes import Shape, show
from builder.spec import Extent, LayerSpec, Margin, ShapeError, Signal, Width, always

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _Convolution(LayerSpec):
    family = "convolution"
    layout = "channels_first"
    width_parameter = "out_channels"

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_channels": shapes[0][0]}

    def infer_output(self, *signals: Signal) -> Signal | None:
        """With "same", the size it had: known without running it, of which torch would warn for even kernels."""
        settings: Any = self
        same = settings.padding == "same" and all(step == 1 for step in spread(settings.stride, 1))
        return Signal((settings.out_channels, *signals[0].shape[1:])) if same else None

    def flops(self, *signals: Signal) -> int | None:
        """Each number of the result is a product of a filter with a patch; a multiply-add counts as two."""
        from builder.analysis.infer import layer_facts

        settings: Any = self
        channels, *sizes = signals[0].shape
        numbers = math.prod(layer_facts(self, signals).signal.shape)
        return int(2 * numbers * channels // settings.groups * math.prod(spread(settings.kernel_size, len(sizes))))

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
        if settings.padding == "same":
            if any(step != 1 for step in spread(settings.stride, len(shape) - 1)):
                raise ShapeError(
                    'cannot have padding "same" with a stride: "same" keeps the size.', params={"stride": 1}
                )
            return
        padding = 0 if settings.padding == "valid" else settings.padding
        fits(shape, settings.kernel_size, padding, settings.dilation)
        least = {"reflect": 1, "circular": 0}.get(settings.padding_mode)
        if least is not None and any(
            pad > size - least for pad, size in zip(spread(padding, len(shape) - 1), shape[1:], strict=True)
        ):
            raise ShapeError(
                f'has a padding of {padding} in mode "{settings.padding_mode}", which takes it from inside, but its '
                f"input is {show(shape[1:])}: too small for that.",
                params={"padding_mode": "zeros"},
            )


class Conv1d(_Convolution):
    """Slides small filters along a series; each learns one local pattern.

    (in_channels, length) → (out_channels, length').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
    """

    target = "torch.nn.Conv1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("convolution", "series", "sound", "temporal", "filter")
    example = ((3, 16),)

    out_channels: Width = always(16, "How many filters: each gives one channel of the output.")
    kernel_size: Extent = always(3, "Length of each filter, in steps.")
    stride: Extent = Field(1, description="How far the filter moves at a time.")
    padding: Margin | Literal["same", "valid"] = Field(
        0, description="Zeros added at both ends; same keeps the length."
    )
    dilation: Extent = Field(1, description="Distance between the filter's points.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="What stands in the padding: zeros, or values from inside.")


class Conv2d(_Convolution):
    """Slides small filters over a picture; each learns one local pattern.

    (in_channels, height, width) → (out_channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    target = "torch.nn.Conv2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("convolution", "image", "picture", "filter", "cnn", "depthwise")
    example = ((3, 12, 12),)

    out_channels: Width = always(16, "How many filters: each gives one channel of the output.")
    kernel_size: ExtentPair = always(3, "Height and width of each filter, in pixels.")
    stride: ExtentPair = Field(1, description="How far the filter moves at a time; 2 halves the picture.")
    padding: MarginPair | Literal["same", "valid"] = Field(
        0, description="Zeros added at every border; same keeps the size."
    )
    dilation: ExtentPair = Field(1, description="Distance between the filter's points.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="What stands in the padding: zeros, or values from inside.")


class Conv3d(_Convolution):
    """Slides small filters through a volume or a clip; each learns one local pattern.

    (in_channels, depth, height, width) → (out_channels, depth', height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
    """

    target = "torch.nn.Conv3d"
    ranks = (4,)
    axes = CHANNELS[3]
    search = ("convolution", "volume", "video", "scan", "filter")
    example = ((2, 5, 6, 6),)

    out_channels: Width = always(16, "How many filters: each gives one channel of the output.")
    kernel_size: ExtentTriple = always(3, "Depth, height and width of each filter.")
    stride: ExtentTriple = Field(1, description="How far the filter moves at a time; 2 halves the volume.")
    padding: MarginTriple | Literal["same", "valid"] = Field(
        0, description="Zeros added at every border; same keeps the size."
    )
    dilation: ExtentTriple = Field(1, description="Distance between the filter's points.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    padding_mode: PaddingMode = Field("zeros", description="What stands in the padding: zeros, or values from inside.")
