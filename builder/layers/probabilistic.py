"""Probabilistic layers: a latent code sampled from a distribution, and weights that are distributions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from builder.layers._spatial import CHANNELS, ExtentPair, MarginPair
from builder.layers.convolution import _Convolution
from builder.layers.dense import Linear
from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError, Width, always

Std = Annotated[float, Field(ge=1e-6, le=100)]


class Reparameterize(LayerSpec):
    """Samples a latent code from the mean and the variance that the network predicts, so that gradients reach both.

    mean and log_variance of one shape → that shape: mean + exp(log_variance / 2) · noise in training, the mean in
    evaluation. Part of a variational autoencoder. Kingma and Welling 2013, https://arxiv.org/abs/1312.6114
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.Reparameterize"
    ports = ("mean", "log_variance")
    keeps_shape = True
    stochastic = True
    latent = True
    also = ("Sampling", "Sample", "GaussianSampling", "NormalSampling")
    search = ("vae", "variational", "latent", "sample", "gaussian", "reparametrisation trick")
    example = ((4,), (4,))

    def check_inputs(self, *shapes: Shape) -> None:
        mean, log_variance = shapes
        if mean != log_variance:
            raise ShapeError(
                f"gets {show(mean)} at mean and {show(log_variance)} at log_variance: each value of the code has one "
                "mean and one variance, so both must have the same shape.",
                short="mean and log_variance must have the same shape.",
            )


class BayesianLinear(Linear):
    """A Linear layer with uncertain weights: each weight is a normal distribution with a learned mean and variance.

    (…, in_features) → (…, out_features); sampled in training, the means in evaluation. Bayes by backprop: Blundell et
    al. 2015, https://arxiv.org/abs/1505.05424; local reparameterization: Kingma et al. 2015,
    https://arxiv.org/abs/1506.02557
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.BayesianLinear"
    stochastic = True
    divergence = True
    also = ("BayesLinear", "DenseVariational", "DenseReparameterization", "LinearReparameterization")
    search = ("bayes by backprop", "uncertainty", "variational", "posterior", "weight distribution")

    prior_std: Std = Field(1.0, description="Standard deviation of the prior: the expected size of the weights.")
    initial_std: Std = Field(0.05, description="Initial standard deviation of each weight.")

    def own_initial_values(self) -> tuple[str, ...]:
        return ("weight_rho", "bias_rho")  # the standard deviations: `initial_std` sets them


class BayesianConv2d(_Convolution):
    """A Conv2d layer with uncertain weights: each weight is a normal distribution with a learned mean and variance.

    (in_channels, height, width) → (out_channels, height', width'); sampled in training, the means in evaluation.
    Blundell et al. 2015, https://arxiv.org/abs/1505.05424; local reparameterization: Kingma et al. 2015,
    https://arxiv.org/abs/1506.02557
    """

    family = "probabilistic"
    target = "builder.library.probabilistic.BayesianConv2d"
    ranks = (3,)
    axes = CHANNELS[2]
    stochastic = True
    divergence = True
    also = ("BayesConv2d", "Conv2DReparameterization", "Convolution2DReparameterization")
    search = ("bayes by backprop", "uncertainty", "variational", "convolution", "posterior", "weight distribution")
    example = ((3, 12, 12),)
    padding_mode: ClassVar[str] = "zeros"  # the only one that this layer supports

    out_channels: Width = always(16, "The number of filters: each gives one channel of the output.")
    kernel_size: ExtentPair = always(3, "Height and width of each filter, in pixels.")
    stride: ExtentPair = Field(1, description="How far the filter moves per step; 2 halves the size.")
    padding: MarginPair | Literal["same", "valid"] = Field(
        0, description="Zeros added at every border; same keeps the size."
    )
    dilation: ExtentPair = Field(1, description="Distance between the values of a filter's window.")
    groups: Width = Field(1, description="Split the channels into groups that are convolved separately.")
    bias: bool = Field(True, description="Add a learned bias to each output channel.")
    prior_std: Std = Field(1.0, description="Standard deviation of the prior: the expected size of the weights.")
    initial_std: Std = Field(0.05, description="Initial standard deviation of each weight.")

    def own_initial_values(self) -> tuple[str, ...]:
        return ("weight_rho", "bias_rho")  # the standard deviations: `initial_std` sets them
