"""The rules by which a network's weights move against their gradients: torch's optimizers, names and defaults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, Strict, model_validator

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

# A JSON list is as good as a tuple; its two numbers are still strict.
Betas = Annotated[tuple[float, float], Strict(False)]
SMALL_PARAMETER = 32_768  # elements; below it the cost of starting a kernel outweighs the kernel


class Optimizer(Entry):
    """One of torch's optimizers: the fields are exactly the parameters of the class in torch.optim of the same name."""

    needs_closure: ClassVar[bool] = False  # step() evaluates the loss several times, so the loop hands it a function
    has_momentum: ClassVar[bool] = False  # one_cycle may move it together with the learning rate
    has_weight_decay: ClassVar[bool] = True
    fused: ClassVar[bool] = False  # torch has a single kernel for the whole step

    lr: float = Field(0.001, gt=0, le=100, description="Learning rate: how far one step moves the weights.")

    @property
    def decays_weights(self) -> bool:
        """Whether the weights are drawn towards zero (L2)."""
        return bool(getattr(self, "weight_decay", 0.0))

    def build(self, parameters: Iterable[Parameter], more: Sequence[Sequence[Parameter]] = ()) -> torch.optim.Optimizer:
        """The torch optimizer for these parameters, with the fastest of torch's equivalent implementations.

        `more`: further parameters in groups of their own, some of which may be empty for now.
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
        """Flags that change the speed and not the rule.

        Measured on the CPU for perceptrons: a fused Adam step takes a third of the plain one's time, and lists
        (`foreach`) save a third on small parameters but lose on large ones. On a GPU torch itself chooses lists.
        """
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        if self.fused:
            return {"fused": True} if on_cpu or all(parameter.is_cuda for parameter in parameters) else {}
        if not on_cpu or not parameters:
            return {}
        return {"foreach": sum(parameter.numel() for parameter in parameters) < SMALL_PARAMETER * len(parameters)}


class SGD(Optimizer):
    """Stochastic gradient descent: a step straight down the slope, with momentum if wanted."""

    name: ClassVar[str] = "SGD"
    label: ClassVar[str] = "SGD"
    has_momentum: ClassVar[bool] = True

    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the last step that is kept, like a heavy ball's.")
    dampening: float = Field(0.0, ge=0, le=1, description="Share of the new gradient that momentum leaves out.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: draws every weight towards zero by this share.")
    nesterov: bool = Field(False, description="Look ahead along the momentum before taking the gradient.")

    @model_validator(mode="after")
    def nesterov_looks_ahead_along_momentum(self) -> SGD:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError(
                f"nesterov needs momentum above 0 and dampening 0, but they are {self.momentum:g} and "
                f"{self.dampening:g}. Set momentum to 0.9 and dampening to 0, or switch nesterov off."
            )
        return self

    def _fast(self, parameters: list[Parameter]) -> dict[str, Any]:
        # without momentum there is so little to do that the fused kernel's preparations cost more than it saves
        cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        return {"fused": True} if cpu and self.momentum else super()._fast(parameters)


class Adam(Optimizer):
    """Every weight has a step size of its own, from the mean and spread of its gradients: a good first choice."""

    name: ClassVar[str] = "Adam"
    label: ClassVar[str] = "Adam"
    fused: ClassVar[bool] = True

    betas: Betas = Field((0.9, 0.999), description="How slowly the running means of gradient and square forget.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the spread so that nothing is divided by zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    amsgrad: bool = Field(False, description="Use the largest spread seen so far, so that steps never grow again.")

    @model_validator(mode="after")
    def betas_are_shares(self) -> Adam:
        _check_betas(self.betas)
        return self


class AdamW(Adam):
    """Adam whose weight decay acts on the weights themselves and not through the gradient."""

    name: ClassVar[str] = "AdamW"
    label: ClassVar[str] = "AdamW"

    weight_decay: float = Field(0.01, ge=0, le=10, description="Draws every weight towards zero by this share.")


class Adagrad(Optimizer):
    """Steps shrink for weights that have moved much: made for rare features, slows down for good."""

    name: ClassVar[str] = "Adagrad"
    label: ClassVar[str] = "Adagrad"
    fused: ClassVar[bool] = True

    lr: float = Field(0.01, gt=0, le=100, description="Learning rate: how far one step moves the weights.")
    lr_decay: float = Field(0.0, ge=0, le=1, description="Shrinks the learning rate over the steps by this share.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    initial_accumulator_value: float = Field(0.0, ge=0, le=100, description="Where the sum of squares starts.")
    eps: float = Field(1e-10, gt=0, le=1, description="Added to the root so that nothing is divided by zero.")


class RMSprop(Optimizer):
    """Divides every step by the recent size of its gradients: steady on recurrent networks."""

    name: ClassVar[str] = "RMSprop"
    label: ClassVar[str] = "RMSprop"
    has_momentum: ClassVar[bool] = True

    lr: float = Field(0.01, gt=0, le=100, description="Learning rate: how far one step moves the weights.")
    alpha: float = Field(0.99, ge=0, lt=1, description="How slowly the running mean of squared gradients forgets.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the root so that nothing is divided by zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the last step that is kept, like a heavy ball's.")
    centered: bool = Field(False, description="Divide by the spread of the gradients instead of their size.")


class Adadelta(Optimizer):
    """Finds its own step size from how far the weights have moved lately: the learning rate can stay at 1."""

    name: ClassVar[str] = "Adadelta"
    label: ClassVar[str] = "Adadelta"

    lr: float = Field(1.0, gt=0, le=100, description="Factor on the step that the method finds for itself.")
    rho: float = Field(0.9, ge=0, lt=1, description="How slowly the running means of squares forget.")
    eps: float = Field(1e-6, gt=0, le=1, description="Added to the roots so that the first steps are not zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")


class NAdam(Optimizer):
    """Adam that looks ahead along its momentum, as Nesterov does."""

    name: ClassVar[str] = "NAdam"
    label: ClassVar[str] = "NAdam"

    lr: float = Field(0.002, gt=0, le=100, description="Learning rate: how far one step moves the weights.")
    betas: Betas = Field((0.9, 0.999), description="How slowly the running means of gradient and square forget.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the spread so that nothing is divided by zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    momentum_decay: float = Field(0.004, ge=0, le=1, description="How fast the momentum grows to its full size.")
    decoupled_weight_decay: bool = Field(False, description="Decay the weights themselves, as AdamW does.")

    @model_validator(mode="after")
    def betas_are_shares(self) -> NAdam:
        _check_betas(self.betas)
        return self


class RAdam(Optimizer):
    """Adam that takes plain steps until it has seen enough gradients to judge their spread."""

    name: ClassVar[str] = "RAdam"
    label: ClassVar[str] = "RAdam"

    betas: Betas = Field((0.9, 0.999), description="How slowly the running means of gradient and square forget.")
    eps: float = Field(1e-8, gt=0, le=1, description="Added to the spread so that nothing is divided by zero.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="L2: adds this times the weight to its gradient.")
    decoupled_weight_decay: bool = Field(False, description="Decay the weights themselves, as AdamW does.")

    @model_validator(mode="after")
    def betas_are_shares(self) -> RAdam:
        _check_betas(self.betas)
        return self


class LBFGS(Optimizer):
    """Learns the curvature of the loss and nearly jumps to its minimum: for small networks and full batches."""

    name: ClassVar[str] = "LBFGS"
    label: ClassVar[str] = "L-BFGS"
    needs_closure: ClassVar[bool] = True
    has_weight_decay: ClassVar[bool] = False

    lr: float = Field(1.0, gt=0, le=100, description="Factor on the step that the method finds for itself.")
    max_iter: int = Field(20, ge=1, le=1000, description="Iterations within one step, each at least one evaluation.")
    max_eval: int | None = Field(None, ge=1, le=10_000, description="Most evaluations in a step; empty: 1.25 max_iter.")
    tolerance_grad: float = Field(1e-7, ge=0, le=1, description="Stop the step when no gradient is larger than this.")
    tolerance_change: float = Field(1e-9, ge=0, le=1, description="Stop the step when loss and weights change less.")
    history_size: int = Field(100, ge=1, le=1000, description="How many past steps the curvature is learned from.")
    line_search_fn: Literal["strong_wolfe"] | None = Field(None, description="Search for a good step length each time.")

    def _fast(self, parameters: list[Parameter]) -> dict[str, Any]:
        return {}


def _check_betas(betas: tuple[float, float]) -> None:
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas must both be at least 0 and less than 1, as (0.9, 0.999); got {betas}.")


OPTIMIZERS: dict[str, type[Optimizer]] = entries(globals(), Optimizer)
