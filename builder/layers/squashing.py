"""Activations that squash, shrink, cut off, gate, or turn scores into probabilities."""

from __future__ import annotations

from pydantic import Field, model_validator

from builder.layers._activation import NotNegative, Real, _Activation
from builder.layers.reshape import own_axis
from builder.shapes import Shape
from builder.spec import Axis, ShapeError, always


class Sigmoid(_Activation):
    """Squashes every value into 0 to 1. In deep stacks its gradient vanishes.

    1 / (1 + e⁻ˣ)
    """

    target = "torch.nn.Sigmoid"
    emits = "unit"
    saturates = (0.0, 1.0)
    search = ("logistic", "probability")


class LogSigmoid(_Activation):
    """The logarithm of the sigmoid, computed without overflow.

    log(1 / (1 + e⁻ˣ))
    """

    target = "torch.nn.LogSigmoid"


class Hardsigmoid(_Activation):
    """A sigmoid made of three straight lines: cheap.

    clamp(x / 6 + 1/2, 0, 1)
    """

    target = "torch.nn.Hardsigmoid"
    emits = "unit"
    saturates = (0.0, 1.0)


class Tanh(_Activation):
    """Squashes every value into -1 to 1, centred on zero.

    (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)
    """

    target = "torch.nn.Tanh"
    saturates = (-1.0, 1.0)
    search = ("hyperbolic",)


class Hardtanh(_Activation):
    """Cuts values off at a lower and an upper bound.

    clamp(x, min_val, max_val)
    """

    target = "torch.nn.Hardtanh"
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
    """Squashes every value into -1 to 1, more gently than Tanh.

    x / (1 + |x|)
    """

    target = "torch.nn.Softsign"
    saturates = (-1.0, 1.0)


class Softshrink(_Activation):
    """Moves every value towards zero by lambda and sets small ones to zero.

    x - lambd for x > lambd, x + lambd for x < -lambd, else 0
    """

    target = "torch.nn.Softshrink"
    lambd: NotNegative = Field(0.5, description="How far values move towards zero.")


class Hardshrink(_Activation):
    """Sets values near zero to zero and passes the others on.

    x where |x| > lambd, else 0
    """

    target = "torch.nn.Hardshrink"
    lambd: NotNegative = Field(0.5, description="Values nearer to zero than this become zero.")


class Tanhshrink(_Activation):
    """What Tanh takes away: nearly zero for small values, nearly the value less one for large ones.

    x - tanh(x)
    """

    target = "torch.nn.Tanhshrink"


class Threshold(_Activation):
    """Replaces values up to a threshold by a constant.

    x where x > threshold, else value
    """

    target = "torch.nn.Threshold"
    threshold: Real = always(0.0, "Values above this pass.")
    value: Real = always(0.0, "What the others become.")


class GLU(_Activation):
    """Gates one half of the features by the sigmoid of the other half; halves the axis.

    a · σ(b). Dauphin et al. 2016, https://arxiv.org/abs/1612.08083
    """

    target = "torch.nn.GLU"
    keeps_shape = False
    search = ("gate", "gated linear")
    dim: Axis = Field(-1, description="The axis to halve; -1 is the last, 0 the batch.")

    def check_inputs(self, *shapes: Shape) -> None:
        axis = own_axis(self.dim, shapes[0], {"dim": -1})
        if shapes[0][axis - 1] % 2:
            raise ShapeError(f"halves axis {axis}, whose size {shapes[0][axis - 1]} is odd.")


class _Normalised(_Activation):
    dim: Axis = always(1, "The axis whose values compete; 0 is the batch, 1 the classes or channels.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axis(self.dim, shapes[0], {"dim": 1})


class Softmax(_Normalised):
    """Turns scores into probabilities that sum to 1 along an axis.

    eˣⁱ / Σ eˣʲ
    """

    target = "torch.nn.Softmax"
    emits = "probabilities"
    search = ("probability", "classes")


class LogSoftmax(_Normalised):
    """The logarithm of Softmax, computed without overflow.

    log(eˣⁱ / Σ eˣʲ)
    """

    target = "torch.nn.LogSoftmax"
    emits = "log_probabilities"
    search = ("probability", "classes")


class Softmin(_Normalised):
    """Softmax of the negated values: the smallest gets the largest share.

    e⁻ˣⁱ / Σ e⁻ˣʲ
    """

    target = "torch.nn.Softmin"
    emits = "probabilities"


class Softmax2d(_Activation):
    """Softmax over the channels at every pixel of a picture.

    (channels, height, width), unchanged.
    """

    target = "torch.nn.Softmax2d"
    emits = "probabilities"
    ranks = (3,)
    axes = "channels × height × width"
    search = ("probability", "segmentation")
    example = ((3, 4, 4),)
