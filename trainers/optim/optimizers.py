"""torch's optimizers, with torch's names, parameters and defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, Strict, model_validator

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

# JSON has lists and no tuples, so a list is accepted; its two numbers are still checked strictly.
Betas = Annotated[tuple[float, float], Strict(False)]
SMALL_PARAMETER = 32_768  # elements; below it, launching a kernel takes longer than the kernel


class Optimizer(Entry):
    """One of torch's optimizers. Its fields are the parameters of the class of the same name in torch.optim."""

    needs_closure: ClassVar[bool] = False  # step() evaluates the loss several times, so it needs a function
    has_momentum: ClassVar[bool] = False  # the one_cycle schedule may change it together with the learning rate
    has_weight_decay: ClassVar[bool] = True
    fused: ClassVar[bool] = False  # torch has one kernel for the whole step
    option_synonyms: ClassVar[Mapping[str, str]] = {
        "learning_rate": "lr",
        "rate": "lr",
        "step_size": "lr",
        "eta": "lr",
        "alpha": "lr",
        "l2": "weight_decay",
        "decay": "weight_decay",
        "epsilon": "eps",
        "beta_1": "betas",
        "beta_2": "betas",
        "rho": "alpha",
        "smoothing_constant": "alpha",
    }

    lr: float = Field(0.001, gt=0, le=100, description="Learning rate: by how much one step changes the weights.")

    @property
    def memory(self) -> float:
        """For about how many steps a gradient acts, by momentum."""
        momentum = getattr(self, "momentum", 0.0) or getattr(self, "betas", (0.0, 0.0))[0]
        return float(1 / (1 - momentum))

    @property
    def shrinks_weights(self) -> bool:
        """Whether weight decay reduces each weight by lr times that share in each step; else it is scaled as gradients
        are, and its step is bounded."""
        return bool(getattr(self, "decoupled_weight_decay", False))

    @property
    def largest_decay(self) -> float:
        """What lr times weight_decay must stay below: above it weights overshoot zero and grow, by themselves."""
        return 2 * (1 + getattr(self, "momentum", 0.0))

    @property
    def states(self) -> int:
        """How many numbers it keeps for each weight."""
        return 0

    @property
    def decays_weights(self) -> bool:
        """Whether there is weight decay, which pulls the weights towards zero."""
        return bool(getattr(self, "weight_decay", 0.0))

    def build(self, parameters: Iterable[Parameter], more: Sequence[Sequence[Parameter]] = ()) -> torch.optim.Optimizer:
        """The torch optimizer for these parameters, with the fastest of torch's equivalent implementations.

        `more`: further parameter groups, each of which may be empty.
        """
        import torch

        chosen = list(parameters)
        flags = self._fast([*chosen, *(parameter for group in more for parameter in group)])
        groups: Any = [{"params": list(group)} for group in (chosen, *more)] if more else chosen
        made: torch.optim.Optimizer = getattr(torch.optim, self.name)(groups, **self.model_dump(), **flags)
        return made

    def render(self, parameters: str = "model.parameters()") -> str:
        """The same call as Python code, with the options that differ from torch's defaults."""
        options = {"lr": self.lr, **self.model_dump(exclude_defaults=True)}
        given = "".join(f", {key}={value!r}" for key, value in options.items())
        return f"torch.optim.{self.name}({parameters}{given})"

    def _fast(self, parameters: list[Parameter]) -> dict[str, Any]:
        """Flags that change the speed and not the results.

        Measured on the CPU for perceptrons: a fused Adam step takes a third of the time of the default one; `foreach`
        saves a third for small parameters and is slower for large ones. On a GPU torch itself chooses `foreach`.
        """
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        if self.fused:
            return {"fused": True} if on_cpu or all(parameter.is_cuda for parameter in parameters) else {}
        if not on_cpu or not parameters:
            return {}
        return {"foreach": sum(parameter.numel() for parameter in parameters) < SMALL_PARAMETER * len(parameters)}


class SGD(Optimizer):
    """Stochastic gradient descent: a step along the negative gradient, with momentum if wanted."""

    name: ClassVar[str] = "SGD"
    label: ClassVar[str] = "SGD"
    synonyms: ClassVar[tuple[str, ...]] = ("gradient_descent", "stochastic_gradient_descent", "momentum", "nesterov")
    has_momentum: ClassVar[bool] = True

    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the previous step that is added to this one.")
    dampening: float = Field(0.0, ge=0, le=1, description="Share of the gradient that is not added to the momentum.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    nesterov: bool = Field(False, description="Look ahead along the momentum before taking the gradient.")

    @property
    def shrinks_weights(self) -> bool:
        return True

    @property
    def states(self) -> int:
        return int(self.momentum > 0)

    @model_validator(mode="after")
    def nesterov_looks_ahead_along_momentum(self) -> SGD:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError(
                f"nesterov needs momentum above 0 and dampening 0, but they are {self.momentum:g} and "
                f"{self.dampening:g}. Set momentum to 0.9 and dampening to 0, or switch nesterov off."
            )
        return self

    def _fast(self, parameters: list[Parameter]) -> dict[str, Any]:
        # On a GPU one kernel takes the place of several, which small networks wait for. On a CPU, without momentum,
        # preparing the fused kernel takes longer than it saves.
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        on_gpu = all(parameter.is_cuda for parameter in parameters)
        return {"fused": True} if (on_cpu and self.momentum) or (on_gpu and not on_cpu) else super()._fast(parameters)


class Adam(Optimizer):
    """Adapts the step size of each weight to the mean and variance of its gradients: a good first choice."""

    name: ClassVar[str] = "Adam"
    label: ClassVar[str] = "Adam"
    fused: ClassVar[bool] = True

    betas: Betas = Field((0.9, 0.999), description="Decay of the running averages of the gradient and its square.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the denominator, so that it is never zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    amsgrad: bool = Field(False, description="Divide by the largest variance so far, so that steps never grow again.")

    @property
    def states(self) -> int:
        return 2 + int(self.amsgrad)

    @model_validator(mode="after")
    def betas_are_shares(self) -> Adam:
        _check_betas(self.betas)
        return self


class AdamW(Adam):
    """Adam with decoupled weight decay: it is applied to the weights directly, not through the gradient."""

    name: ClassVar[str] = "AdamW"
    label: ClassVar[str] = "AdamW"
    synonyms: ClassVar[tuple[str, ...]] = ("adam_weight_decay", "adamw_torch")

    weight_decay: float = Field(
        0.01, ge=0, le=10, description="Reduces every weight by lr times this share in each step."
    )

    @property
    def shrinks_weights(self) -> bool:
        return True


class Adagrad(Optimizer):
    """Steps become smaller for weights with large past gradients: made for sparse features; steps never grow again."""

    name: ClassVar[str] = "Adagrad"
    label: ClassVar[str] = "Adagrad"
    fused: ClassVar[bool] = True

    lr: float = Field(0.01, gt=0, le=100, description="Learning rate: by how much one step changes the weights.")
    lr_decay: float = Field(0.0, ge=0, le=1, description="Reduces the learning rate by this share over the steps.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    initial_accumulator_value: float = Field(
        0.0, ge=0, le=100, description="Initial value of the sum of squared gradients."
    )
    eps: float = Field(1e-10, gt=0, le=1, description="Added to the denominator, so that it is never zero.")

    @property
    def states(self) -> int:
        return 1


class RMSprop(Optimizer):
    """Divides every step by the recent size of its gradients: often used for recurrent networks."""

    name: ClassVar[str] = "RMSprop"
    label: ClassVar[str] = "RMSprop"
    has_momentum: ClassVar[bool] = True

    lr: float = Field(0.01, gt=0, le=100, description="Learning rate: by how much one step changes the weights.")
    alpha: float = Field(0.99, ge=0, lt=1, description="Decay of the running average of squared gradients.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the denominator, so that it is never zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the previous step that is added to this one.")
    centered: bool = Field(
        False, description="Divide by the standard deviation of the gradients instead of their size."
    )

    @property
    def states(self) -> int:
        return 1 + int(self.momentum > 0) + int(self.centered)


class Adadelta(Optimizer):
    """Finds its step size from the recent changes of the weights: the learning rate can stay at 1."""

    name: ClassVar[str] = "Adadelta"
    label: ClassVar[str] = "Adadelta"

    lr: float = Field(1.0, gt=0, le=100, description="Factor on the step size that the method finds itself.")
    rho: float = Field(0.9, ge=0, lt=1, description="Decay of the running averages of squares.")
    eps: float = Field(1e-6, gt=0, le=1, description="Added to the square roots, so that the first steps are not zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")

    @property
    def states(self) -> int:
        return 2


class NAdam(Optimizer):
    """Adam with Nesterov momentum."""

    name: ClassVar[str] = "NAdam"
    label: ClassVar[str] = "NAdam"

    lr: float = Field(0.002, gt=0, le=100, description="Learning rate: by how much one step changes the weights.")
    betas: Betas = Field((0.9, 0.999), description="Decay of the running averages of the gradient and its square.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the denominator, so that it is never zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    momentum_decay: float = Field(0.004, ge=0, le=1, description="How fast the momentum grows to its full value.")
    decoupled_weight_decay: bool = Field(
        False, description="Apply weight decay to the weights directly, as AdamW does."
    )

    @property
    def states(self) -> int:
        return 2

    @model_validator(mode="after")
    def betas_are_shares(self) -> NAdam:
        _check_betas(self.betas)
        return self


class RAdam(Optimizer):
    """Adam without adaptive steps until there are enough gradients to estimate their variance."""

    name: ClassVar[str] = "RAdam"
    label: ClassVar[str] = "RAdam"

    betas: Betas = Field((0.9, 0.999), description="Decay of the running averages of the gradient and its square.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the denominator, so that it is never zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    decoupled_weight_decay: bool = Field(
        False, description="Apply weight decay to the weights directly, as AdamW does."
    )

    @property
    def states(self) -> int:
        return 2

    @model_validator(mode="after")
    def betas_are_shares(self) -> RAdam:
        _check_betas(self.betas)
        return self


class LBFGS(Optimizer):
    """Estimates the curvature of the loss and converges in few steps: for small networks and full batches."""

    name: ClassVar[str] = "LBFGS"
    label: ClassVar[str] = "L-BFGS"
    synonyms: ClassVar[tuple[str, ...]] = ("bfgs", "limited_memory_bfgs")
    needs_closure: ClassVar[bool] = True
    has_weight_decay: ClassVar[bool] = False

    lr: float = Field(1.0, gt=0, le=100, description="Factor on the step size that the method finds itself.")
    max_iter: int = Field(
        20, ge=1, le=1000, description="Iterations in one step, each with at least one evaluation of the loss."
    )
    max_eval: int | None = Field(
        None, ge=1, le=10_000, description="Most evaluations of the loss in one step. Empty: 1.25 max_iter."
    )
    tolerance_grad: float = Field(1e-7, ge=0, le=1, description="End the step when no gradient is larger than this.")
    tolerance_change: float = Field(1e-9, ge=0, le=1, description="End the step when loss and weights change by less.")
    history_size: int = Field(100, ge=1, le=1000, description="How many past steps the curvature is estimated from.")
    line_search_fn: Literal["strong_wolfe"] | None = Field(
        None, description="Search for a good step length in each iteration."
    )

    @property
    def states(self) -> int:
        return 2 * self.history_size + 2

    def _fast(self, parameters: list[Parameter]) -> dict[str, Any]:
        return {}


def _check_betas(betas: tuple[float, float]) -> None:
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas must both be at least 0 and less than 1, as (0.9, 0.999); got {betas}.")


OPTIMIZERS: dict[str, type[Optimizer]] = entries(globals(), Optimizer)
