"""Rectifiers: activations that pass large values on, so that gradients do not shrink."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from builder.layers._activation import Positive, Real, _Activation
from builder.shapes import Shape
from builder.spec import ShapeError, Width


class ReLU(_Activation):
    """Passes positive values on and sets negative ones to zero: fast, and gradients do not shrink.

    max(0, x). Nair and Hinton 2010.
    """

    target = "torch.nn.ReLU"
    saturates = (0.0,)
    search = ("rectifier", "rectified linear")


class LeakyReLU(_Activation):
    """Like ReLU, but negative values keep a small slope, so no unit dies.

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
    search = ("rectifier", "parametric")

    num_parameters: Width = Field(1, description="1: one slope for all; else the number of channels (axis 1).")
    init: Real = Field(0.25, description="Slope at the start.")

    def check_inputs(self, *shapes: Shape) -> None:
        channels = shapes[0][0] if shapes[0] else 1
        if self.num_parameters not in (1, channels):
            raise ShapeError(
                f"has {self.num_parameters} slopes for {channels} channels; num_parameters must be 1 or {channels}.",
                params={"num_parameters": 1},
            )


class RReLU(_Activation):
    """Like LeakyReLU with a random slope in training, its mean in prediction.

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
    """ReLU cut off at 6, which suits low precision.

    min(max(0, x), 6). Krizhevsky 2010.
    """

    target = "torch.nn.ReLU6"
    saturates = (0.0, 6.0)


class ELU(_Activation):
    """Smooth below zero: falls towards -alpha, which keeps the mean near zero.

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289
    """

    target = "torch.nn.ELU"
    alpha: Real = Field(1.0, description="Negative values fall towards minus this.")


class CELU(_Activation):
    """An ELU whose slope is continuous for every alpha.

    Barron 2017, https://arxiv.org/abs/1704.07483
    """

    target = "torch.nn.CELU"
    alpha: Positive = Field(1.0, description="Negative values fall towards minus this.")


class SELU(_Activation):
    """A scaled ELU under which activations normalise themselves.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
    """

    target = "torch.nn.SELU"


class GELU(_Activation):
    """A smooth ReLU, weighing each value by how likely a normal variable lies below it: usual in transformers.

    x · Φ(x). Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415
    """

    target = "torch.nn.GELU"
    search = ("gaussian", "transformer")
    approximate: Literal["none", "tanh"] = Field("none", description="tanh: the faster formula that GPT-2 uses.")


class SiLU(_Activation):
    """A smooth ReLU that gates each value by its own sigmoid; also called Swish.

    x · σ(x). Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941
    """

    target = "torch.nn.SiLU"
    search = ("swish",)


class Mish(_Activation):
    """A smooth ReLU that dips a little below zero.

    x · tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681
    """

    target = "torch.nn.Mish"


class Hardswish(_Activation):
    """A SiLU made of straight lines and a parabola: cheap on phones.

    x · clamp(x + 3, 0, 6) / 6. Howard et al. 2019, https://arxiv.org/abs/1905.02244
    """

    target = "torch.nn.Hardswish"


class Softplus(_Activation):
    """A smooth ReLU that is always positive, such as for a variance.

    log(1 + e^(beta · x)) / beta
    """

    target = "torch.nn.Softplus"
    beta: Positive = Field(1.0, description="Larger is sharper.")
    threshold: Positive = Field(20.0, description="Above this, beta · x is passed on as it is.")
