"""The random numbers that a network's weights start from: too small and signals die out, too large and they explode."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    from torch import Tensor, nn


class Initialisation(Entry):
    """Fills the weights of a network by the function of torch.nn.init of its name, with its fields as arguments.

    The numbers come from torch's generator, so torch.manual_seed fixes them.
    """

    def fill(self, weight: Tensor) -> None:
        """Write the starting values into one weight of at least two axes."""
        from torch import nn

        getattr(nn.init, f"{self.name}_")(weight, **self.model_dump())

    def apply(self, module: nn.Module) -> None:
        """Fill every weight of two or more axes and set every bias to zero; scales with one axis keep their ones.

        How unsure a Bayesian layer is of its weights ("…_rho") is no weight, and starts as the layer says.
        """
        import torch

        with torch.no_grad():  # named_parameters gives a weight that two layers share once
            for name, parameter in module.named_parameters():
                if name.endswith("_rho"):
                    continue
                if parameter.ndim >= 2:
                    self.fill(parameter)
                elif "bias" in name.rpartition(".")[2]:
                    parameter.zero_()

    def render(self, weight: str = "weight") -> str:
        """The same call as Python code."""
        given = "".join(f", {key}={value!r}" for key, value in self.model_dump().items())
        return f"nn.init.{self.name}_({weight}{given})"


class Default(Initialisation):
    """What torch does by itself: uniform numbers that get smaller with the number of inputs."""

    name: ClassVar[str] = "default"
    label: ClassVar[str] = "torch's default"

    def apply(self, module: nn.Module) -> None:
        """Nothing to do: the layers were filled when they were made."""

    def render(self, weight: str = "weight") -> str:
        return ""


class XavierUniform(Initialisation):
    """Uniform numbers that keep the spread of signals and gradients alike; made for tanh and sigmoid."""

    name: ClassVar[str] = "xavier_uniform"
    label: ClassVar[str] = "Xavier, uniform"

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the spread; torch names 5/3 for tanh.")


class XavierNormal(Initialisation):
    """Normal numbers that keep the spread of signals and gradients alike; made for tanh and sigmoid."""

    name: ClassVar[str] = "xavier_normal"
    label: ClassVar[str] = "Xavier, normal"

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the spread; torch names 5/3 for tanh.")


class KaimingUniform(Initialisation):
    """Uniform numbers that make up for the half of the signal that ReLU cuts away."""

    name: ClassVar[str] = "kaiming_uniform"
    label: ClassVar[str] = "Kaiming, uniform"

    mode: Literal["fan_in", "fan_out"] = Field("fan_in", description="Keep the signals' spread, or the gradients'.")
    nonlinearity: Literal["relu", "leaky_relu", "tanh", "linear"] = Field(
        "relu", description="The activation that the layers are followed by."
    )


class KaimingNormal(KaimingUniform):
    """Normal numbers that make up for the half of the signal that ReLU cuts away."""

    name: ClassVar[str] = "kaiming_normal"
    label: ClassVar[str] = "Kaiming, normal"


class Orthogonal(Initialisation):
    """Rotations and reflections: they keep the length of every signal, however deep the network."""

    name: ClassVar[str] = "orthogonal"
    label: ClassVar[str] = "orthogonal"

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the lengths.")


class Zeros(Initialisation):
    """All weights zero: every unit stays the same as its neighbours, and nothing is learned. See it fail once."""

    name: ClassVar[str] = "zeros"
    label: ClassVar[str] = "zeros"


class Normal(Initialisation):
    """Normal numbers of one spread for all layers: see what too small and too large do to the gradients."""

    name: ClassVar[str] = "normal"
    label: ClassVar[str] = "normal"

    std: float = Field(0.02, gt=0, le=100, description="Standard deviation of every weight.")


INITIALISATIONS: dict[str, type[Initialisation]] = entries(globals(), Initialisation)
