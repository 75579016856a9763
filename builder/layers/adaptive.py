"""Adaptive pooling: brings a series or a picture of any size to a given one."""

from __future__ import annotations

from builder.layers._spatial import CHANNELS, ExtentPair
from builder.spec import Extent, LayerSpec, always


class _Adaptive(LayerSpec):
    family = "pooling"
    layout = "channels_first"


class AdaptiveAvgPool1d(_Adaptive):
    """Averages a series of any length down to a given length; 1 is one number per channel (global average).

    (channels, length) → (channels, output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html
    """

    target = "torch.nn.AdaptiveAvgPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("global average", "gap", "mean")
    example = ((3, 16),)

    output_size: Extent = always(1, "Length that comes out.")


class AdaptiveAvgPool2d(_Adaptive):
    """Averages a picture of any size down to a given size; 1 is one number per channel (global average).

    (channels, height, width) → (channels, *output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    target = "torch.nn.AdaptiveAvgPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("global average", "gap", "mean")
    example = ((3, 12, 12),)

    output_size: ExtentPair = always(1, "Height and width that come out.")


class AdaptiveMaxPool1d(_Adaptive):
    """Keeps the largest values of a series of any length, down to a given length; 1 is one number per channel.

    (channels, length) → (channels, output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html
    """

    target = "torch.nn.AdaptiveMaxPool1d"
    ranks = (2,)
    axes = CHANNELS[1]
    search = ("global maximum",)
    example = ((3, 16),)

    output_size: Extent = always(1, "Length that comes out.")


class AdaptiveMaxPool2d(_Adaptive):
    """Keeps the largest values of a picture of any size, down to a given size; 1 is one number per channel.

    (channels, height, width) → (channels, *output_size).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    target = "torch.nn.AdaptiveMaxPool2d"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("global maximum",)
    example = ((3, 12, 12),)

    output_size: ExtentPair = always(1, "Height and width that come out.")
