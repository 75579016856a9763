"""Activations: rectifiers, squashing functions, gates, and layers that turn scores into probabilities.

All of them accept any shape and keep it, except GLU, which halves an axis.
https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from builder.layers.reshape import own_axis
from builder.shapes import Shape
from builder.spec import Axis, LayerSpec, NotNegative, Positive, Real, ShapeError, Width, always


class _Activation(LayerSpec):
    family = "activation"
    keeps_shape = True
    elementwise = True
    search: ClassVar[tuple[str, ...]] = ("nonlinearity",)
    example: ClassVar[tuple[Shape, ...]] = ((8,),)


class ReLU(_Activation):
    """Keeps positive values and sets negative values to zero: fast, and gradients do not shrink.

    max(0, x). Nair and Hinton 2010.
    """

    target = "torch.nn.ReLU"
    saturates = (0.0,)
    also = ("Activation", "RectifiedLinear", "Rectifier")
    search = ("rectifier", "rectified linear")


class LeakyReLU(_Activation):
    """Like ReLU, but with a small slope for negative values, so that no unit dies.

    max(0, x) + negative_slope · min(0, x). Maas et al. 2013.
    """

    target = "torch.nn.LeakyReLU"
    search = ("rectifier",)

    negative_slope: Real = Field(0.01, description="Slope for negative values.")


class PReLU(_Activation):
    """Like LeakyReLU, but the slope for negative values is learned.

    He et al. 2015, https://arxiv.org/abs/1502.01852
    """

    target = "torch.nn.PReLU"
    elementwise = False  # its slope is learned
    search = ("rectifier", "parametric")

    num_parameters: Width = Field(1, description="1: one slope for all channels; or the number of channels (axis 1).")
    init: Real = Field(0.25, description="Initial slope.")

    def check_inputs(self, *shapes: Shape) -> None:
        channels = shapes[0][0] if shapes[0] else 1
        if self.num_parameters not in (1, channels):
            raise ShapeError(
                f"has {self.num_parameters} slopes for {channels} channels; num_parameters must be 1 or {channels}.",
                params={"num_parameters": 1},
            )


class RReLU(_Activation):
    """Like LeakyReLU, with a random slope in training and the mean slope in evaluation.

    Xu et al. 2015, https://arxiv.org/abs/1505.00853
    """

    target = "torch.nn.RReLU"
    stochastic = True
    search = ("rectifier", "random")

    lower: Real = Field(1 / 8, description="Smallest slope.")
    upper: Real = Field(1 / 3, description="Largest slope.")

    @model_validator(mode="after")
    def _ordered(self) -> RReLU:
        if self.lower > self.upper:
            raise ValueError(f"lower ({self.lower}) must not be above upper ({self.upper}).")
        return self


class ReLU6(_Activation):
    """ReLU clipped at 6, which suits low-precision arithmetic.

    min(max(0, x), 6). Krizhevsky 2010.
    """

    target = "torch.nn.ReLU6"
    also = ("ClippedReLU",)
    saturates = (0.0, 6.0)


class ELU(_Activation):
    """Like ReLU, but negative values approach -alpha smoothly, which keeps the mean near zero.

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289
    """

    target = "torch.nn.ELU"
    alpha: Real = Field(1.0, description="Negative values approach -alpha.")


class CELU(_Activation):
    """An ELU with a continuous derivative for every alpha.

    Barron 2017, https://arxiv.org/abs/1704.07483
    """

    target = "torch.nn.CELU"
    alpha: Positive = Field(1.0, description="Negative values approach -alpha.")


class SELU(_Activation):
    """A scaled ELU that brings activations to zero mean and unit variance by itself.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
    """

    target = "torch.nn.SELU"


class GELU(_Activation):
    """A smooth ReLU: each value times the probability that a normal variable is below it. Usual in transformers.

    x · Φ(x). Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415
    """

    target = "torch.nn.GELU"
    also = ("GaussianErrorLinearUnit",)
    search = ("gaussian", "transformer")
    approximate: Literal["none", "tanh"] = Field("none", description="tanh: the faster approximation, as in GPT-2.")


class SiLU(_Activation):
    """A smooth ReLU: each value times its own sigmoid; also called Swish.

    x · σ(x). Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941
    """

    target = "torch.nn.SiLU"
    also = ("Swish",)
    search = ("swish",)


class Mish(_Activation):
    """A smooth ReLU that is slightly negative for small negative values.

    x · tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681
    """

    target = "torch.nn.Mish"


class Hardswish(_Activation):
    """A piecewise approximation of SiLU: cheap on mobile devices.

    x · clamp(x + 3, 0, 6) / 6. Howard et al. 2019, https://arxiv.org/abs/1905.02244
    """

    target = "torch.nn.Hardswish"
    also = ("HardSwish", "HSwish")


class Softplus(_Activation):
    """A smooth ReLU that is always positive, for example for a variance.

    log(1 + e^(beta · x)) / beta
    """

    target = "torch.nn.Softplus"
    beta: Positive = Field(1.0, description="Larger values are closer to ReLU.")
    threshold: Positive = Field(20.0, description="If beta · x is above this, the result is x.")


class Sigmoid(_Activation):
    """Maps every value to the range 0 to 1. In deep networks its gradient vanishes.

    1 / (1 + e⁻ˣ)
    """

    target = "torch.nn.Sigmoid"
    emits = "unit"
    saturates = (0.0, 1.0)
    also = ("Logistic", "Activation")
    search = ("logistic", "probability")


class LogSigmoid(_Activation):
    """The logarithm of the sigmoid, computed without overflow.

    log(1 / (1 + e⁻ˣ))
    """

    target = "torch.nn.LogSigmoid"


class Hardsigmoid(_Activation):
    """A piecewise linear approximation of the sigmoid: cheap.

    clamp(x / 6 + 1/2, 0, 1)
    """

    target = "torch.nn.Hardsigmoid"
    also = ("HSigmoid",)
    emits = "unit"
    saturates = (0.0, 1.0)


class Tanh(_Activation):
    """Maps every value to the range -1 to 1, centred on zero.

    (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)
    """

    target = "torch.nn.Tanh"
    saturates = (-1.0, 1.0)
    also = ("TanH", "HyperbolicTangent", "Activation")
    search = ("hyperbolic",)


class Hardtanh(_Activation):
    """Clips values at a lower and an upper bound.

    clamp(x, min_val, max_val)
    """

    target = "torch.nn.Hardtanh"
    also = ("Clip", "Clamp")
    search = ("clamp", "clip")

    min_val: Real = Field(-1.0, description="Lower bound.")
    max_val: Real = Field(1.0, description="Upper bound.")

    def bounds(self) -> tuple[float, ...]:
        return (self.min_val, self.max_val)

    @model_validator(mode="after")
    def _ordered(self) -> Hardtanh:
        if self.min_val >= self.max_val:
            raise ValueError(f"min_val ({self.min_val}) must be below max_val ({self.max_val}).")
        return self


class Softsign(_Activation):
    """Maps every value to the range -1 to 1, approaching the bounds more slowly than Tanh.

    x / (1 + |x|)
    """

    target = "torch.nn.Softsign"
    saturates = (-1.0, 1.0)


class Softshrink(_Activation):
    """Moves every value towards zero by lambd and sets small values to zero.

    x - lambd for x > lambd, x + lambd for x < -lambd, else 0
    """

    target = "torch.nn.Softshrink"
    lambd: NotNegative = Field(0.5, description="How far values are moved towards zero.")


class Hardshrink(_Activation):
    """Sets values near zero to zero and keeps the others.

    x where |x| > lambd, else 0
    """

    target = "torch.nn.Hardshrink"
    lambd: NotNegative = Field(0.5, description="Values between -lambd and lambd become zero.")


class Tanhshrink(_Activation):
    """The value minus its Tanh: almost zero for small values, almost x - 1 for large ones.

    x - tanh(x)
    """

    target = "torch.nn.Tanhshrink"


class Threshold(_Activation):
    """Replaces values at or below a threshold by a constant.

    x where x > threshold, else value
    """

    target = "torch.nn.Threshold"
    also = ("ThresholdedReLU",)
    threshold: Real = always(0.0, "Values above this are kept.")
    value: Real = always(0.0, "The constant for the others.")


class GLU(_Activation):
    """Multiplies one half of the features by the sigmoid of the other half, which halves the axis.

    a · σ(b). Dauphin et al. 2016, https://arxiv.org/abs/1612.08083
    """

    target = "torch.nn.GLU"
    keeps_shape = False
    axis_parameter = "dim"
    elementwise = False
    search = ("gate", "gated linear")
    dim: Axis = Field(-1, description="The axis to halve; -1 is the last, 0 the batch.")

    def check_inputs(self, *shapes: Shape) -> None:
        axis = own_axis(self.dim, shapes[0], {"dim": -1})
        if shapes[0][axis - 1] % 2:
            raise ShapeError(f"halves axis {axis}, whose size {shapes[0][axis - 1]} is odd.")


class _Softmax(_Activation):
    sums_to_one = True
    elementwise = False
    value_range = (0.0, 1.0)

    dim: Axis = always(1, "The axis that sums to 1; 0 is the batch, 1 the classes or channels.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axis(self.dim, shapes[0], {"dim": 1})

    def normalises(self, shape: Shape) -> int:
        return shape[own_axis(self.dim, shape) - 1]


class Softmax(_Softmax):
    """Turns scores into probabilities that sum to 1 along an axis.

    eˣⁱ / Σ eˣʲ
    """

    target = "torch.nn.Softmax"
    emits = "probabilities"
    search = ("probability", "classes")


class LogSoftmax(_Softmax):
    """The logarithm of Softmax, computed without overflow.

    log(eˣⁱ / Σ eˣʲ)
    """

    target = "torch.nn.LogSoftmax"
    emits = "log_probabilities"
    value_range = (-math.inf, 0.0)
    search = ("probability", "classes")


class Softmin(_Softmax):
    """Softmax of the negated values: the smallest value gets the largest probability.

    e⁻ˣⁱ / Σ e⁻ˣʲ
    """

    target = "torch.nn.Softmin"
    emits = "probabilities"


class Softmax2d(_Activation):
    """Softmax over the channels at every pixel of an image.

    (channels, height, width), unchanged.
    """

    target = "torch.nn.Softmax2d"
    reads = "channels_first"
    elementwise = False
    value_range = (0.0, 1.0)
    emits = "probabilities"
    ranks = (3,)
    axes = "channels × height × width"
    search = ("probability", "segmentation")
    example = ((3, 4, 4),)

    def normalises(self, shape: Shape) -> int:
        return shape[0]
