"""Normalisation: keeps the scale of what flows through a network steady, so that deep ones train."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError

Epsilon = Annotated[float, Field(gt=0, le=1)]


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

    def object_to(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if not shape:
            raise ShapeError("needs at least one axis to normalise over, gets a single number a sample.")
        wanted = self.normalized_shape
        if wanted is not None and shape[-len(wanted) :] != wanted:
            raise ShapeError(
                f"normalises over {show(wanted)}, but its input {show(shape)} ends in {show(shape[-len(wanted) :])}.",
                params={"normalized_shape": None},
            )
