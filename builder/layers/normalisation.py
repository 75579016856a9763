"""Normalisation layers: keep the scale of activations stable, so that deep networks can be trained."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from builder.layers._spatial import same_for_rank
from builder.shapes import Shape, nearest_divisor, show
from builder.spec import Call, Epsilon, Extent, LayerSpec, ShapeError, Signal, Width, always


def check_last_axes(wanted: Shape | None, shape: Shape) -> None:
    """Raise ShapeError if a sample's shape does not end with the axes to normalise over."""
    if not shape:
        raise ShapeError("needs at least one axis to normalise over, gets a single number per sample.")
    if wanted is not None and (not wanted or shape[-len(wanted) :] != wanted):
        raise ShapeError(
            f"normalises over {show(wanted)}, but its input {show(shape)} ends with {show(shape[-len(wanted) :])}.",
            params={"normalized_shape": None},
        )


def warn_of_one_value(wanted: Shape | None, shape: Shape) -> ShapeError | None:
    """A warning if a single value is normalised, which minus its mean is 0."""
    if math.prod(wanted or shape[-1:]) > 1:
        return None
    return ShapeError(
        f"normalises a single value of {show(shape)}, and that minus its mean is 0: the output does not depend on the "
        "input. Normalise over more axes, or remove it.",
        params={"normalized_shape": list(shape)} if math.prod(shape) > 1 else None,
    )


class _BatchNorm(LayerSpec):
    family = "normalisation"
    keeps_shape = True
    layout = "channels_first"
    has_batch_statistics = True
    search = ("batch normalization", "bn")

    eps: Epsilon = Field(1e-5, description="Added to the variance to avoid division by zero.")
    momentum: Annotated[float, Field(ge=0, le=1)] | None = Field(
        0.1, description="Weight of a new batch in the running mean and variance; empty: the average over all batches."
    )
    affine: bool = Field(True, description="Apply a learned scale and bias to each channel.")
    track_running_stats: bool = Field(True, description="Use running statistics in evaluation.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return same_for_rank(self, len(signal.shape))

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_features": shapes[0][0]}

    def values_per_sample(self, *shapes: Shape) -> int | None:
        return math.prod(shapes[0][1:])

    def statistics_in_evaluation(self) -> bool:
        return not self.track_running_stats

    def infer_output(self, *signals: Signal) -> Signal | None:
        return signals[0]  # without momentum torch counts the batches, which does not work on meta tensors


class BatchNorm1d(_BatchNorm):
    """Normalises each feature to zero mean and unit variance over the batch, with a learned scale and bias.

    (features) or (channels, length), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm1d"
    ranks = (1, 2)
    axes = "features, or channels × length"
    also = ("BatchNormalization", "BatchNorm", "LazyBatchNorm1d", "BN")
    example = ((8,),)


class BatchNorm2d(_BatchNorm):
    """Normalises each channel to zero mean and unit variance over the batch, with a learned scale and bias.

    (channels, height, width), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm2d"
    ranks = (3,)
    axes = "channels × height × width"
    also = ("BatchNormalization", "BatchNorm", "SpatialBatchNormalization", "LazyBatchNorm2d", "SyncBatchNorm", "BN")
    example = ((3, 12, 12),)


class BatchNorm3d(_BatchNorm):
    """Normalises each channel of a volume to zero mean and unit variance over the batch, with a learned scale and bias.

    (channels, depth, height, width), unchanged. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    target = "torch.nn.BatchNorm3d"
    ranks = (4,)
    axes = "channels × depth × height × width"
    also = ("BatchNormalization", "BatchNorm", "LazyBatchNorm3d", "BN")
    example = ((2, 4, 5, 5),)


class LayerNorm(LayerSpec):
    """Normalises each sample to zero mean and unit variance over its last axes, independently of the batch.

    Any shape, unchanged. Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450
    """

    family = "normalisation"
    target = "torch.nn.LayerNorm"
    keeps_shape = True
    layout = "features_last"
    also = ("LayerNormalization",)
    search = ("layer normalization", "ln")
    example = ((4, 8),)

    normalized_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="The sizes of the last axes to normalise over, such as 16, 8, 8. Empty: only the last axis."
    )
    eps: Epsilon = Field(1e-5, description="Added to the variance to avoid division by zero.")
    elementwise_affine: bool = Field(True, description="Apply a learned scale and bias to each element.")
    bias: bool = Field(True, description="Add the learned bias; otherwise only the scale is learned.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"normalized_shape": shapes[0][-1]}

    def normalises(self, shape: Shape) -> int:
        return math.prod(self.normalized_shape or shape[-1:])

    def check_inputs(self, *shapes: Shape) -> None:
        check_last_axes(self.normalized_shape, shapes[0])

    def warning(self, *shapes: Shape) -> ShapeError | None:
        return warn_of_one_value(self.normalized_shape, shapes[0])

    def misread(self, *signals: Signal) -> ShapeError | None:
        """Over the last axis alone: with several axes, a person has said which ones."""
        return super().misread(*signals) if len(self.normalized_shape or ()) < 2 else None


class RMSNorm(LayerSpec):
    """Divides each sample by the root mean square over its last axes: cheap, usual in language models.

    Any shape, unchanged. Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467
    """

    family = "normalisation"
    target = "torch.nn.RMSNorm"
    keeps_shape = True
    layout = "features_last"
    also = ("RMSNormalization",)
    search = ("root mean square", "llama")
    example = ((4, 8),)

    normalized_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="The sizes of the last axes to normalise over, such as 16, 8, 8. Empty: only the last axis."
    )
    eps: Epsilon | None = Field(
        None, description="Added to avoid division by zero; empty: the machine epsilon of the data type."
    )
    elementwise_affine: bool = Field(True, description="Apply a learned scale to each element.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"normalized_shape": shapes[0][-1]}

    def normalises(self, shape: Shape) -> int:
        return math.prod(self.normalized_shape or shape[-1:])

    def check_inputs(self, *shapes: Shape) -> None:
        check_last_axes(self.normalized_shape, shapes[0])

    def misread(self, *signals: Signal) -> ShapeError | None:
        """Over the last axis alone: with several axes, a person has said which ones."""
        return super().misread(*signals) if len(self.normalized_shape or ()) < 2 else None


class GroupNorm(LayerSpec):
    """Normalises groups of channels of each sample to zero mean and unit variance: works with any batch size.

    (channels, …), unchanged. Wu and He 2018, https://arxiv.org/abs/1803.08494
    """

    family = "normalisation"
    target = "torch.nn.GroupNorm"
    keeps_shape = True
    layout = "channels_first"
    ranks = (1, 2, 3, 4)
    axes = "channels and up to three axes"
    also = ("GroupNormalization",)
    search = ("group normalization", "gn")
    example = ((8, 4, 4),)

    num_groups: Width = always(4, "The number of groups that the channels are split into.")
    eps: Epsilon = Field(1e-5, description="Added to the variance to avoid division by zero.")
    affine: bool = Field(True, description="Apply a learned scale and bias to each channel.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_channels": shapes[0][0]}

    def normalises(self, shape: Shape) -> int:
        return math.prod(shape) // self.num_groups

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()  # torch's first argument is num_groups
        return Call(self.target, {"num_groups": settings.pop("num_groups"), **self.inferred(*shapes), **settings})

    def check_inputs(self, *shapes: Shape) -> None:
        channels = shapes[0][0]
        if channels % self.num_groups:
            raise ShapeError(
                f"splits {channels} channels into {self.num_groups} groups, but num_groups must divide {channels}.",
                params={"num_groups": nearest_divisor(channels, self.num_groups)},
            )

    def values_per_sample(self, *shapes: Shape) -> int | None:
        """Each sample has statistics of its own; torch refuses a single value in a batch of one sample."""
        return math.prod(shapes[0]) // self.num_groups

    def warning(self, *shapes: Shape) -> ShapeError | None:
        channels = shapes[0][0]
        if math.prod(shapes[0]) > self.num_groups:
            return None
        return ShapeError(
            f"normalises groups of one value ({channels} channels in {self.num_groups} groups), and the only value "
            "minus its mean is 0: the output does not depend on the input. Use fewer groups.",
            params={"num_groups": next((size for size in range(channels // 2, 0, -1) if channels % size == 0), 1)}
            if channels > 1
            else None,
        )


class _InstanceNorm(LayerSpec):
    family = "normalisation"
    keeps_shape = True
    layout = "channels_first"
    search = ("instance normalization", "style transfer")

    eps: Epsilon = Field(1e-5, description="Added to the variance to avoid division by zero.")
    momentum: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="Weight of a new batch in the running mean and variance."
    )
    affine: bool = Field(False, description="Apply a learned scale and bias to each channel.")
    track_running_stats: bool = Field(False, description="Use running statistics in evaluation.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return same_for_rank(self, len(signal.shape))

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"num_features": shapes[0][0]}

    def normalises(self, shape: Shape) -> int:
        return math.prod(shape[1:])

    def check_inputs(self, *shapes: Shape) -> None:
        if math.prod(shapes[0][1:]) == 1:
            raise ShapeError(
                f"normalises each channel over its spatial axes, but gets {show(shapes[0])}: one value per channel has "
                "no variance."
            )


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each series to zero mean and unit variance.

    (channels, length), unchanged. Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022
    """

    target = "torch.nn.InstanceNorm1d"
    ranks = (2,)
    axes = "channels × length"
    also = ("InstanceNormalization", "InstanceNorm")
    example = ((3, 16),)


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each image to zero mean and unit variance, which removes its contrast.

    (channels, height, width), unchanged. Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022
    """

    target = "torch.nn.InstanceNorm2d"
    ranks = (3,)
    axes = "channels × height × width"
    also = ("InstanceNormalization", "InstanceNorm")
    example = ((3, 12, 12),)


class LocalResponseNorm(LayerSpec):
    """Divides each value by the magnitude of the values in neighbouring channels, as in AlexNet.

    (channels, …), unchanged. Krizhevsky et al. 2012.
    """

    family = "normalisation"
    target = "torch.nn.LocalResponseNorm"
    keeps_shape = True
    layout = "channels_first"
    ranks = (2, 3, 4)
    axes = "channels and one to three axes"
    also = ("LRN", "LocalResponseNormalization")
    search = ("lrn", "alexnet", "lateral inhibition")
    example = ((6, 5, 5),)

    size: Extent = always(5, "The number of neighbouring channels.")
    alpha: Annotated[float, Field(ge=0, le=1e6)] = Field(1e-4, description="Factor of the neighbours' squared values.")
    beta: Annotated[float, Field(ge=0, le=100)] = Field(0.75, description="Exponent of the divisor.")
    k: Annotated[float, Field(gt=0, le=1e6)] = Field(1.0, description="Added to the divisor.")
