"""Layers that work with distributions: a latent code drawn from one, and weights that are one each."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, MarginPair
from builder.layers.convolution import _Convolution
from builder.layers.dense import Linear
from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError, Width, always

Spread = Annotated[float, Field(ge=1e-6, le=100)]


class Reparameterize(LayerSpec):
    """Draws a latent code from a mean and a spread that the network gives, so that gradients still reach both.

    mean and log_variance of one shape → that shape: mean + exp(log_variance / 2) · noise in training, the mean in
    prediction. The heart of a variational autoencoder. Kingma and Welling 2013, https://arxiv.org/abs/1312.6114
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.Reparameterize"
    ports = ("mean", "log_variance")
    keeps_shape = True
    stochastic = True
    latent = True
    search = ("vae", "variational", "latent", "sample", "gaussian", "reparametrisation trick")
    example = ((4,), (4,))

    def check_inputs(self, *shapes: Shape) -> None:
        mean, log_variance = shapes
        if mean != log_variance:
            raise ShapeError(
                f"gets {show(mean)} at mean and {show(log_variance)} at log_variance: each number of the code has one "
                "mean and one variance, so both must have the same shape.",
                short="mean and log_variance must have the same shape.",
            )


class BayesianLinear(Linear):
    """A Linear layer that knows how sure it is of each weight: every weight is a normal distribution.

    (…, in_features) → (…, out_features); draws in training, takes the means in prediction. Bayes by backprop,
    Blundell et al. 2015, https://arxiv.org/abs/1505.05424; drawn at the outputs, Kingma et al. 2015,
    https://arxiv.org/abs/1506.02557
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.BayesianLinear"
    stochastic = True
    divergence = True
    search = ("bayes by backprop", "uncertainty", "variational", "posterior", "weight distribution")

    prior_std: Spread = Field(1.0, description="Spread of the prior: how large weights are expected to be.")
    initial_std: Spread = Field(0.05, description="Spread that each weight starts with.")


class BayesianConv2d(_Convolution):
    """A Conv2d layer that knows how sure it is of each filter: every weight is a normal distribution.

    (in_channels, height, width) → (out_channels, height', width'); draws in training, takes the means in prediction.
    Blundell et al. 2015, https://arxiv.org/abs/1505.05424; drawn at the outputs, Kingma et al. 2015,
    https://arxiv.org/abs/1506.02557
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.BayesianConv2d"
    ranks = (3,)
    axes = CHANNELS[2]
    stochastic = True
    divergence = True
    search = ("bayes by backprop", "uncertainty", "variational", "convolution", "posterior", "weight distribution")
    example = ((3, 12, 12),)
    padding_mode: ClassVar[str] = "zeros"  # what the padding may take from inside is not asked for

    out_channels: Width = always(16, "How many filters: each gives one channel of the output.")
    kernel_size: ExtentPair = always(3, "Height and width of each filter, in pixels.")
    stride: ExtentPair = Field(1, description="How far the filter moves at a time; 2 halves the picture.")
    padding: MarginPair | Literal["same", "valid"] = Field(
        0, description="Zeros added at every border; same keeps the size."
    )
    dilation: ExtentPair = Field(1, description="Distance between the filter's points.")
    groups: Width = Field(1, description="Split the channels into groups that do not see each other.")
    bias: bool = Field(True, description="Learn an offset for each output channel.")
    prior_std: Spread = Field(1.0, description="Spread of the prior: how large weights are expected to be.")
    initial_std: Spread = Field(0.05, description="Spread that each weight starts with.")
