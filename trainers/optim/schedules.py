"""Learning-rate schedules: torch's schedulers, called after each step or after each epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    import torch

Per = Literal["step", "epoch", "validation", "never"]


class Schedule(Entry):
    """How the learning rate changes. The fields are parameters of the torch class `torch_name`.

    `per` says when it changes: after every step, after every epoch, after every epoch with a validation loss, or never.
    """

    per: ClassVar[Per] = "step"
    torch_name: ClassVar[str] = ""

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        """The arguments of the torch class besides the optimizer."""
        return self.model_dump()

    def highest_rate(self, lr: float) -> float:
        """The highest learning rate of a run that starts with `lr`."""
        return lr

    def build(self, optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int) -> BoundSchedule:
        """Attach the schedule to an optimizer for `total_steps` steps. It may change the learning rate at once."""
        if self.per == "never":
            return BoundSchedule(None, self.per, total_steps)
        import torch

        made = getattr(torch.optim.lr_scheduler, self.torch_name)
        return BoundSchedule(made(optimizer, **self.arguments(optimizer, max(total_steps, 1))), self.per, total_steps)

    def render(self, optimizer: torch.optim.Optimizer, total_steps: int) -> str:
        """The same call as Python code for a variable `optimizer`. Empty where there is nothing to call."""
        if self.per == "never":
            return ""
        given = "".join(f", {key}={value!r}" for key, value in self.arguments(optimizer, max(total_steps, 1)).items())
        return f"torch.optim.lr_scheduler.{self.torch_name}(optimizer{given})"


class BoundSchedule:
    """A schedule attached to one optimizer. Call step() after every step and epoch_end() after every epoch; the one
    that the schedule does not use does nothing. Its state is plain numbers, for checkpoints."""

    def __init__(self, scheduler: Any, per: Per, total_steps: int) -> None:
        self.scheduler = scheduler
        self.moves_per_step = per == "step"
        self._per = per
        self._total_steps = total_steps

    def step(self) -> None:
        """The optimizer has taken a step. After the last planned step the learning rate stays as it is."""
        if self.moves_per_step and self.scheduler.last_epoch < self._total_steps:
            self.scheduler.step()

    def epoch_end(self, validation_loss: float | None = None) -> None:
        """An epoch is over. A schedule that needs a validation loss does nothing without one."""
        if self._per == "epoch":
            self.scheduler.step()
        elif self._per == "validation" and validation_loss is not None:
            self.scheduler.step(validation_loss)

    def go_to(self, steps: int, epochs: int) -> None:
        """Set the learning rate to what it is after so many steps and epochs. One that depends on a loss stays."""
        for _ in range(min(steps, self._total_steps) if self.moves_per_step else epochs if self._per == "epoch" else 0):
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of the schedule. The learning rate itself is in the state of the optimizer."""
        if self.scheduler is None:
            return {}
        state = self.scheduler.state_dict()
        return {key: value for key, value in state.items() if isinstance(value, int | float | str | list | None)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what state_dict() returned. Load the state of the optimizer first."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(dict(state))


class Constant(Schedule):
    """The learning rate stays as it is."""

    name: ClassVar[str] = "constant"
    label: ClassVar[str] = "constant"
    synonyms: ClassVar[tuple[str, ...]] = ("none", "fixed", "ConstantLR")
    per: ClassVar[Per] = "never"


class Step(Schedule):
    """Multiplies the learning rate by a factor every few epochs."""

    name: ClassVar[str] = "step"
    label: ClassVar[str] = "step"
    synonyms: ClassVar[tuple[str, ...]] = ("MultiStepLR", "ExponentialLR", "exponential_decay", "step_decay")
    per: ClassVar[Per] = "epoch"
    torch_name: ClassVar[str] = "StepLR"

    step_size: int = Field(10, ge=1, le=10_000, description="Epochs between two reductions.")
    gamma: float = Field(0.1, gt=0, le=1, description="Factor of each reduction.")


class Cosine(Schedule):
    """Reduces the learning rate along half a cosine wave until the last step: slowly at both ends."""

    name: ClassVar[str] = "cosine"
    label: ClassVar[str] = "cosine"
    synonyms: ClassVar[tuple[str, ...]] = ("cosine_annealing", "cosine_decay", "CosineAnnealing")
    torch_name: ClassVar[str] = "CosineAnnealingLR"

    eta_min: float = Field(0.0, ge=0, le=100, description="Learning rate at the last step.")

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        return {"T_max": total_steps, **self.model_dump()}


class OneCycle(Schedule):
    """Raises the learning rate to a maximum, then reduces it far below its start: for short runs at a high rate."""

    name: ClassVar[str] = "one_cycle"
    label: ClassVar[str] = "one cycle"
    synonyms: ClassVar[tuple[str, ...]] = ("OneCycle", "one_cycle_lr", "super_convergence")
    torch_name: ClassVar[str] = "OneCycleLR"

    max_lr: float | None = Field(None, gt=0, le=100, description="Highest learning rate. Empty: that of the optimizer.")
    pct_start: float = Field(0.3, gt=0, lt=1, description="Share of the steps in which the learning rate rises.")
    div_factor: float = Field(
        25.0, ge=1, le=1e6, description="The highest learning rate divided by this is the first one."
    )
    final_div_factor: float = Field(
        1e4, ge=1, le=1e9, description="The first learning rate divided by this is the last one."
    )
    cycle_momentum: bool = Field(False, description="Lower the momentum while the learning rate is high.")

    def highest_rate(self, lr: float) -> float:
        return self.max_lr or lr

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        given = self.model_dump()
        peak = self.max_lr or optimizer.param_groups[0].get("initial_lr", optimizer.param_groups[0]["lr"])
        # torch would set a momentum of 0.95 for SGD without momentum, too
        has_momentum = bool(optimizer.defaults.get("momentum") or optimizer.defaults.get("betas"))
        # One more than the steps, since step() is also called after the last one. If the rate rises for exactly
        # one step, torch divides by zero.
        if given["pct_start"] * (total_steps + 1) == 1:
            given["pct_start"] *= 1.001
        return given | {
            "max_lr": float(peak),
            "total_steps": total_steps + 1,
            "cycle_momentum": self.cycle_momentum and has_momentum,
        }


class ReduceOnPlateau(Schedule):
    """Reduces the learning rate when the validation loss has not improved for some epochs."""

    name: ClassVar[str] = "reduce_on_plateau"
    label: ClassVar[str] = "reduce on plateau"
    synonyms: ClassVar[tuple[str, ...]] = ("plateau", "reduce_lr")
    per: ClassVar[Per] = "validation"
    torch_name: ClassVar[str] = "ReduceLROnPlateau"

    factor: float = Field(0.1, gt=0, lt=1, description="Factor of each reduction.")
    patience: int = Field(
        10, ge=0, le=10_000, description="Epochs without improvement before the learning rate is reduced."
    )
    threshold: float = Field(
        1e-4, ge=0, le=1, description="Share by which the loss must fall to count as an improvement."
    )
    cooldown: int = Field(0, ge=0, le=10_000, description="Epochs after a reduction that do not count.")
    min_lr: float = Field(0.0, ge=0, le=100, description="Lowest learning rate.")


class WarmUp(Schedule):
    """Raises the learning rate linearly from almost zero, then keeps it or reduces it along a cosine."""

    name: ClassVar[str] = "warm_up"
    label: ClassVar[str] = "warm-up"
    synonyms: ClassVar[tuple[str, ...]] = ("LinearLR", "linear_warmup", "cosine_with_warmup", "linear")
    torch_name: ClassVar[str] = "LambdaLR"

    share: float = Field(0.1, gt=0, le=1, description="Share of the steps in which the learning rate rises.")
    then: Literal["constant", "cosine"] = Field("constant", description="What follows after the warm-up.")

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        return {"lr_lambda": _Factor(max(1, round(self.share * total_steps)), total_steps, self.then)}


class _Factor:
    """The factor on the learning rate at a step, for torch's LambdaLR. Its repr is the same function as Python code."""

    def __init__(self, growing: int, total: int, then: str) -> None:
        self._growing = growing
        self._falling = max(1, total - growing) if then == "cosine" else 0

    def __call__(self, step: int) -> float:
        if step < self._growing:
            return (step + 1) / self._growing
        if not self._falling:
            return 1.0
        return (1 + math.cos(math.pi * (step - self._growing) / self._falling)) / 2

    def __repr__(self) -> str:
        growing = f"(step + 1) / {self._growing}"
        after = f"(1 + math.cos(math.pi * (step - {self._growing}) / {self._falling})) / 2" if self._falling else "1.0"
        return f"lambda step: {growing} if step < {self._growing} else {after}"


SCHEDULES: dict[str, type[Schedule]] = entries(globals(), Schedule)
