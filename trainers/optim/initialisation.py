"""Initialisation: the random values of the weights before the first step. They decide how large signals are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from builder.library.initialisation import initialise, own_values
from trainers.entry import Entry, entries

if TYPE_CHECKING:
    from torch import Tensor, nn


class Initialisation(Entry):
    """Fills weights by the function of the same name in torch.nn.init, with the fields as arguments.

    The values come from torch's random generator, so torch.manual_seed makes them reproducible.
    """

    is_default: ClassVar[bool] = False  # each layer starts with weights of its own

    def fill(self, weight: Tensor) -> None:
        """Fill one weight tensor of at least two axes."""
        from torch import nn

        getattr(nn.init, f"{self.name}_")(weight, **self.model_dump())

    def apply(self, module: nn.Module) -> None:
        """Fill every matrix and filter of the module, and set every bias to zero. Other parameters keep their values.

        What has initial values by its meaning keeps them too: see builder/library/initialisation.py and
        `LayerSpec.own_initial_values`.
        """
        initialise(module, self.fill, own_values(module))

    def render(self, weight: str = "weight") -> str:
        """The same call as Python code."""
        given = "".join(f", {key}={value!r}" for key, value in self.model_dump().items())
        return f"nn.init.{self.name}_({weight}{given})"


class Default(Initialisation):
    """torch's default: uniform values in a range that becomes smaller with the number of inputs."""

    name: ClassVar[str] = "default"
    is_default: ClassVar[bool] = True
    label: ClassVar[str] = "torch's default"
    synonyms: ClassVar[tuple[str, ...]] = ("torch", "none", "lecun_uniform")

    def apply(self, module: nn.Module) -> None:
        """Nothing to do: each layer initialises its weights itself."""

    def render(self, weight: str = "weight") -> str:
        return ""


class XavierUniform(Initialisation):
    """Uniform values that keep the variance of signals and gradients the same in all layers; for tanh and sigmoid."""

    name: ClassVar[str] = "xavier_uniform"
    label: ClassVar[str] = "Xavier, uniform"
    synonyms: ClassVar[tuple[str, ...]] = ("glorot_uniform", "glorot", "xavier")

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the standard deviation; 5/3 is recommended for tanh.")


class XavierNormal(Initialisation):
    """Normal values that keep the variance of signals and gradients the same in all layers; for tanh and sigmoid."""

    name: ClassVar[str] = "xavier_normal"
    label: ClassVar[str] = "Xavier, normal"
    synonyms: ClassVar[tuple[str, ...]] = ("glorot_normal",)

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the standard deviation; 5/3 is recommended for tanh.")


class KaimingUniform(Initialisation):
    """Uniform values for ReLU, with a larger variance, since ReLU sets half of its inputs to zero."""

    name: ClassVar[str] = "kaiming_uniform"
    label: ClassVar[str] = "Kaiming, uniform"
    synonyms: ClassVar[tuple[str, ...]] = ("he_uniform", "kaiming", "he")

    mode: Literal["fan_in", "fan_out"] = Field(
        "fan_in", description="Keep the variance of the signals (fan_in) or of the gradients (fan_out)."
    )
    nonlinearity: Literal["relu", "leaky_relu", "tanh", "linear"] = Field(
        "relu", description="The activation after the layers."
    )


class KaimingNormal(KaimingUniform):
    """Normal values for ReLU, with a larger variance, since ReLU sets half of its inputs to zero."""

    name: ClassVar[str] = "kaiming_normal"
    label: ClassVar[str] = "Kaiming, normal"
    synonyms: ClassVar[tuple[str, ...]] = ("he_normal",)


class Orthogonal(Initialisation):
    """Orthogonal matrices: they keep the norm of every signal, in networks of any depth."""

    name: ClassVar[str] = "orthogonal"
    label: ClassVar[str] = "orthogonal"

    gain: float = Field(1.0, gt=0, le=100, description="Factor on the norm.")


class Zeros(Initialisation):
    """All weights zero: every unit of a layer stays equal to the others, so the network does not learn."""

    name: ClassVar[str] = "zeros"
    label: ClassVar[str] = "zeros"
    synonyms: ClassVar[tuple[str, ...]] = ("zero",)


class Normal(Initialisation):
    """Normal values with one standard deviation for all layers. Too small or too large, gradients vanish or explode."""

    name: ClassVar[str] = "normal"
    label: ClassVar[str] = "normal"
    synonyms: ClassVar[tuple[str, ...]] = ("random_normal", "gaussian", "truncated_normal", "random")

    std: float = Field(0.02, gt=0, le=100, description="Standard deviation of every weight.")


INITIALISATIONS: dict[str, type[Initialisation]] = entries(globals(), Initialisation)
