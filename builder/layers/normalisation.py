"""Normalisation: keeps the scale of what flows through a network steady, so that deep ones train."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from builder.layers._spatial import nearest_divisor
from builder.shapes import Shape, show
from builder.spec import Call, Extent, LayerSpec, ShapeError, Signal, Width, always

Epsilon = Annotated[float, Field(gt=0, le=1)]


def last_axes(wanted: Shape | None, shape: Shape) -> None:
    """Raise ShapeError if a sample of this shape does not end in the axes to normalise over."""
    if not shape:
        raise ShapeError("needs at least one axis to normalise over, gets a single number a sample.")
    if wanted is not None and (not wanted or shape[-len(wanted) :] != wanted):
        raise ShapeError(
            f"normalises over {show(wanted)}, but its input {show(shape)} ends in {show(shape[-len(wanted) :])}.",
            params={"normalized_shape": None},
        )


class _BatchNorm(LayerSpec):
    family = "normalisation"
    keeps_shape = True
    layout = "channels_first"
    has_batch_statistics = True
    search = ("batch normalization", "bn")

    eps: Epsilon = Field(1e-5, description="Added to the variance so that nothing is divided by zero.")
    momentum: Annotated[float, Field(ge=0, le=1)] | None = Field(
        0.1, description="How fast the running mean and variance follow; empty: a plain average over all batches."
    )
    affine: bool = Field(True, description="Learn a scale and an offset for each channel.")
    track_running_stats: bool = Field(True, description="Keep running figures for prediction.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_features": shapes[0][0]}

    def infer_output(self, *signals: Signal) -> Signal | None:
        return signals[0]  # with no momentum, torch counts batches, which it cannot do on meta tensors


class BatchNorm1d(_BatchNorm):
    """Brings each feature to mean 0 and spread 1 over the batch, then learns its own scale and offset.

    (features) or (channels, length), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm1d"
    ranks = (1, 2)
    axes = "features, or channels × length"
    example = ((8,),)


class BatchNorm2d(_BatchNorm):
    """Brings each channel to mean 0 and spread 1 over the batch, then learns its own scale and offset.

    (channels, height, width), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm2d"
    ranks = (3,)
    axes = "channels × height × width"
    example = ((3, 12, 12),)


class BatchNorm3d(_BatchNorm):
    """Brings each channel of a volume to mean 0 and spread 1 over the batch, then learns its own scale and offset.

    (channels, depth, height, width), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm3d"
    ranks = (4,)
    axes = "channels × depth × height × width"
    example = ((2, 4, 5, 5),)


class LayerNorm(LayerSpec):
    """Brings each sample's last axes to mean 0 and spread 1, whatever the batch.

    Any shape, unchanged. Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450
    """

    family = "normalisation"
    target = "torch.nn.LayerNorm"
    keeps_shape = True
    layout = "other"  # whoever normalises over the last axis has put the features there
    search = ("layer normalization", "ln")
    example = ((4, 8),)

    normalized_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="The last axes to normalise over, such as 16, 8, 8. Empty: the last axis alone."
    )
    eps: Epsilon = Field(1e-5, description="Added to the variance so that nothing is divided by zero.")
    elementwise_affine: bool = Field(True, description="Learn a scale and an offset for each element.")
    bias: bool = Field(True, description="Learn the offset too.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"normalized_shape": shapes[0][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        last_axes(self.normalized_shape, shapes[0])


class RMSNorm(LayerSpec):
    """Brings each sample's last axes to size 1 without moving their mean: cheap, usual in language models.

    Any shape, unchanged. Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467
    """

    family = "normalisation"
    target = "torch.nn.RMSNorm"
    keeps_shape = True
    layout = "other"
    search = ("root mean square", "llama")
    example = ((4, 8),)

    normalized_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="The last axes to normalise over, such as 16, 8, 8. Empty: the last axis alone."
    )
    eps: Epsilon | None = Field(None, description="Added so that nothing is divided by zero; empty: the smallest step.")
    elementwise_affine: bool = Field(True, description="Learn a scale for each element.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"normalized_shape": shapes[0][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        last_axes(self.normalized_shape, shapes[0])


class GroupNorm(LayerSpec):
    """Brings groups of channels to mean 0 and spread 1, for each sample by itself: works with batches of any size.

    (channels, …), unchanged. Wu and He 2018, https://arxiv.org/abs/1803.08494
    """

    family = "normalisation"
    target = "torch.nn.GroupNorm"
    keeps_shape = True
    layout = "channels_first"
    ranks = (2, 3, 4)
    axes = "channels and one to three axes"
    search = ("group normalization", "gn")
    example = ((8, 4, 4),)

    num_groups: Width = always(4, "How many groups the channels are split into.")
    eps: Epsilon = Field(1e-5, description="Added to the variance so that nothing is divided by zero.")
    affine: bool = Field(True, description="Learn a scale and an offset for each channel.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_channels": shapes[0][0]}

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()  # torch has the groups first
        return Call(self.target, {"num_groups": settings.pop("num_groups"), **self.inferred(*shapes), **settings})

    def check_inputs(self, *shapes: Shape) -> None:
        channels = shapes[0][0]
        if channels % self.num_groups:
            raise ShapeError(
                f"splits {channels} channels into {self.num_groups} groups, which leaves a rest.",
                params={"num_groups": nearest_divisor(channels, self.num_groups)},
            )


class _InstanceNorm(LayerSpec):
    family = "normalisation"
    keeps_shape = True
    layout = "channels_first"
    search = ("instance normalization", "style transfer")

    eps: Epsilon = Field(1e-5, description="Added to the variance so that nothing is divided by zero.")
    momentum: Annotated[float, Field(ge=0, le=1)] = Field(0.1, description="How fast the running figures follow.")
    affine: bool = Field(False, description="Learn a scale and an offset for each channel.")
    track_running_stats: bool = Field(False, description="Keep running figures for prediction.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_features": shapes[0][0]}

    def check_inputs(self, *shapes: Shape) -> None:
        if math.prod(shapes[0][1:]) == 1:
            raise ShapeError(
                f"normalises each channel over its {len(shapes[0]) - 1} axes of space, but gets {show(shapes[0])}: "
                "one number a channel has no spread."
            )


class InstanceNorm1d(_InstanceNorm):
    """Brings each channel of each series to mean 0 and spread 1 by itself.

    (channels, length), unchanged. Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022
    """

    target = "torch.nn.InstanceNorm1d"
    ranks = (2,)
    axes = "channels × length"
    example = ((3, 16),)


class InstanceNorm2d(_InstanceNorm):
    """Brings each channel of each picture to mean 0 and spread 1 by itself, which removes its contrast.

    (channels, height, width), unchanged. Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022
    """

    target = "torch.nn.InstanceNorm2d"
    ranks = (3,)
    axes = "channels × height × width"
    example = ((3, 12, 12),)


class LocalResponseNorm(LayerSpec):
    """Divides each value by the strength of its neighbours in nearby channels, as AlexNet did.

    (channels, …), unchanged. Krizhevsky et al. 2012.
    """

    family = "normalisation"
    target = "torch.nn.LocalResponseNorm"
    keeps_shape = True
    layout = "channels_first"
    ranks = (2, 3, 4)
    axes = "channels and one to three axes"
    search = ("lrn", "alexnet", "lateral inhibition")
    example = ((6, 5, 5),)

    size: Extent = always(5, "How many neighbouring channels count.")
    alpha: Annotated[float, Field(ge=0, le=1e6)] = Field(1e-4, description="Weight of the neighbours.")
    beta: Annotated[float, Field(ge=0, le=100)] = Field(0.75, description="Exponent of the divisor.")
    k: Annotated[float, Field(gt=0, le=1e6)] = Field(1.0, description="Added to the neighbours' strength.")
