"""Regularisation layers: noise in training that reduces overfitting."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from builder.spec import LayerSpec, Probability, Signal, always


def same_dropout(probability: float, signal: Signal) -> dict[str, Any]:
    """The Dropout for so many axes of a sample, as arguments of ShapeError."""
    kind = {2: "Dropout1d", 3: "Dropout2d"}.get(len(signal.shape), "Dropout")
    return {"replace": (kind, {"p": probability})}


class Dropout(LayerSpec):
    """Sets random values to zero in training, so that no unit depends on a single other unit.

    Any shape, unchanged; in evaluation it returns its input. Srivastava et al. 2014, JMLR 15.
    """

    family = "regularisation"
    stochastic = True
    target = "torch.nn.Dropout"
    keeps_shape = True
    also = ("DropoutLayer",)
    keeps_values = True
    search = ("regularization", "noise", "overfitting")
    example = ((8,),)

    p: Probability = Field(0.5, description="Probability that a value is set to zero.")


class Dropout2d(LayerSpec):
    """Sets random channels of an image to zero in training.

    (channels, height, width), unchanged. Tompson et al. 2015, https://arxiv.org/abs/1411.4280
    """

    family = "regularisation"
    stochastic = True
    target = "torch.nn.Dropout2d"
    keeps_shape = True
    keeps_values = True
    reads = "channels_first"
    ranks = (3,)
    axes = "channels × height × width"
    also = ("SpatialDropout2D",)
    search = ("regularization", "noise", "overfitting", "spatial")
    example = ((3, 12, 12),)

    p: Probability = Field(0.5, description="Probability that a channel is set to zero.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return same_dropout(self.p, signal)


class Dropout1d(LayerSpec):
    """Sets random channels of a series to zero in training.

    (channels, length), unchanged. Tompson et al. 2015, https://arxiv.org/abs/1411.4280
    """

    family = "regularisation"
    stochastic = True
    target = "torch.nn.Dropout1d"
    keeps_shape = True
    keeps_values = True
    reads = "channels_first"
    ranks = (2,)
    axes = "channels × length"
    also = ("SpatialDropout1D",)
    search = ("regularization", "noise", "overfitting", "spatial")
    example = ((3, 16),)

    p: Probability = Field(0.5, description="Probability that a channel is set to zero.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return same_dropout(self.p, signal)


class AlphaDropout(LayerSpec):
    """A Dropout that keeps the mean and the variance, for networks with SELU activations.

    Any shape, unchanged. Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
    """

    family = "regularisation"
    stochastic = True
    target = "torch.nn.AlphaDropout"
    keeps_shape = True
    keeps_values = True
    search = ("regularization", "noise", "overfitting", "selu")
    example = ((8,),)

    p: Probability = Field(0.5, description="Probability that a value is replaced.")


class GaussianNoise(LayerSpec):
    """Adds normal noise in training, so that a network does not depend on exact values.

    Any shape, unchanged; in evaluation it returns its input. Sietsma and Dow 1991.
    """

    family = "regularisation"
    stochastic = True
    target = "builder.library.noise.GaussianNoise"
    keeps_shape = True
    also = ("Noise", "GaussianDropout")
    keeps_values = True
    search = ("regularization", "augmentation", "jitter", "denoising")
    example = ((8,),)

    std: Annotated[float, Field(ge=0, le=1000)] = always(0.1, "Standard deviation of the noise.")


class StochasticDepth(LayerSpec):
    """Skips a residual branch for random samples in training, so that very deep networks can be trained.

    Any shape, unchanged; used at the end of a branch, before Add. Huang et al. 2016, https://arxiv.org/abs/1603.09382
    """

    family = "regularisation"
    stochastic = True
    target = "builder.library.noise.StochasticDepth"
    keeps_shape = True
    also = ("DropPath", "DropConnect")
    keeps_values = True
    search = ("regularization", "drop path", "droppath", "residual")
    example = ((8,),)

    p: Probability = always(0.1, "Probability that the branch is skipped for a sample.")
