"""How the learning rate changes while a network trains: torch's schedules, driven by steps or by epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    import torch

Per = Literal["step", "epoch", "validation", "never"]


class Schedule(Entry):
    """A rule for the learning rate. The fields are parameters of the torch class `torch_name`.

    `per` says when it moves: after every step, after every epoch, after every epoch with its validation loss, or never.
    """

    per: ClassVar[Per] = "step"
    torch_name: ClassVar[str] = ""

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        """The arguments of the torch class besides the optimizer."""
        return self.model_dump()

    def build(self, optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int) -> BoundSchedule:
        """Attach the schedule to an optimizer that will take `total_steps` steps. It may set the first rate at once."""
        if self.per == "never":
            return BoundSchedule(None, self.per, total_steps)
        import torch

        made = getattr(torch.optim.lr_scheduler, self.torch_name)
        return BoundSchedule(made(optimizer, **self.arguments(optimizer, max(total_steps, 1))), self.per, total_steps)

    def render(self, optimizer: torch.optim.Optimizer, total_steps: int) -> str:
        """The same call as Python code about a variable `optimizer`; empty where there is nothing to call."""
        if self.per == "never":
            return ""
        given = "".join(f", {key}={value!r}" for key, value in self.arguments(optimizer, max(total_steps, 1)).items())
        return f"torch.optim.lr_scheduler.{self.torch_name}(optimizer{given})"


class BoundSchedule:
    """A schedule at work on one optimizer. Call step() after every optimizer step that was taken, epoch_end() after
    every epoch; what does not apply to the schedule costs nothing. Its state is plain numbers, for checkpoints."""

    def __init__(self, scheduler: Any, per: Per, total_steps: int) -> None:
        self.scheduler = scheduler
        self.moves_per_step = per == "step"
        self._per = per
        self._total_steps = total_steps

    def step(self) -> None:
        """One optimizer step was taken; past the last planned step the rate stays where it is."""
        if self.moves_per_step and self.scheduler.last_epoch < self._total_steps:
            self.scheduler.step()

    def epoch_end(self, validation_loss: float | None = None) -> None:
        """One epoch is over; without a validation loss a schedule that needs one waits."""
        if self._per == "epoch":
            self.scheduler.step()
        elif self._per == "validation" and validation_loss is not None:
            self.scheduler.step(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands. The optimizer's own state holds the learning rate."""
        if self.scheduler is None:
            return {}
        state = self.scheduler.state_dict()
        return {key: value for key, value in state.items() if isinstance(value, int | float | str | list | None)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where state_dict() was taken; the optimizer's state has to be loaded before."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(dict(state))


class Constant(Schedule):
    """The learning rate stays as it is."""

    name: ClassVar[str] = "constant"
    label: ClassVar[str] = "constant"
    per: ClassVar[Per] = "never"


class Step(Schedule):
    """The learning rate falls by a factor every few epochs."""

    name: ClassVar[str] = "step"
    label: ClassVar[str] = "step"
    per: ClassVar[Per] = "epoch"
    torch_name: ClassVar[str] = "StepLR"

    step_size: int = Field(10, ge=1, le=10_000, description="Epochs between two falls.")
    gamma: float = Field(0.1, gt=0, le=1, description="Factor at every fall.")


class Cosine(Schedule):
    """The learning rate falls along half a cosine wave, gently at both ends, until the last step."""

    name: ClassVar[str] = "cosine"
    label: ClassVar[str] = "cosine"
    torch_name: ClassVar[str] = "CosineAnnealingLR"

    eta_min: float = Field(0.0, ge=0, le=100, description="Learning rate at the end.")

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        return {"T_max": total_steps, **self.model_dump()}


class OneCycle(Schedule):
    """The learning rate rises to a peak and falls far below its start: short trainings at a high rate."""

    name: ClassVar[str] = "one_cycle"
    label: ClassVar[str] = "one cycle"
    torch_name: ClassVar[str] = "OneCycleLR"

    max_lr: float | None = Field(None, gt=0, le=100, description="Rate at the peak; empty: the optimizer's rate.")
    pct_start: float = Field(0.3, gt=0, lt=1, description="Share of the steps until the peak.")
    div_factor: float = Field(25.0, ge=1, le=1e6, description="The peak divided by this is the first rate.")
    final_div_factor: float = Field(1e4, ge=1, le=1e9, description="The first rate divided by this is the last.")
    cycle_momentum: bool = Field(False, description="Lower the momentum while the rate is high, if there is one.")

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        given = self.model_dump()
        peak = self.max_lr or optimizer.param_groups[0].get("initial_lr", optimizer.param_groups[0]["lr"])
        # torch would also give plain SGD, which has none, a momentum of 0.95
        has_momentum = bool(optimizer.defaults.get("momentum") or optimizer.defaults.get("betas"))
        # One more than the steps: the rate after the last step is asked for, too. A rise of exactly one step would have
        # torch divide by zero.
        if given["pct_start"] * (total_steps + 1) == 1:
            given["pct_start"] *= 1.001
        return given | {
            "max_lr": float(peak),
            "total_steps": total_steps + 1,
            "cycle_momentum": self.cycle_momentum and has_momentum,
        }


class ReduceOnPlateau(Schedule):
    """The learning rate falls when the validation loss has not improved for some epochs."""

    name: ClassVar[str] = "reduce_on_plateau"
    label: ClassVar[str] = "reduce on plateau"
    per: ClassVar[Per] = "validation"
    torch_name: ClassVar[str] = "ReduceLROnPlateau"

    factor: float = Field(0.1, gt=0, lt=1, description="Factor at every fall.")
    patience: int = Field(10, ge=0, le=10_000, description="Epochs without improvement that are borne.")
    threshold: float = Field(1e-4, ge=0, le=1, description="Share by which the loss has to fall to count as better.")
    cooldown: int = Field(0, ge=0, le=10_000, description="Epochs after a fall in which nothing is counted.")
    min_lr: float = Field(0.0, ge=0, le=100, description="The learning rate never falls below this.")


class WarmUp(Schedule):
    """The learning rate grows evenly from almost nothing, then stays or falls along a cosine: calm first steps."""

    name: ClassVar[str] = "warm_up"
    label: ClassVar[str] = "warm-up"
    torch_name: ClassVar[str] = "LambdaLR"

    share: float = Field(0.1, gt=0, le=1, description="Share of all steps in which the rate grows.")
    then: Literal["constant", "cosine"] = Field("constant", description="What follows when the rate is reached.")

    def arguments(self, optimizer: torch.optim.Optimizer, total_steps: int) -> dict[str, Any]:
        return {"lr_lambda": _Factor(max(1, round(self.share * total_steps)), total_steps, self.then)}


class _Factor:
    """The share of the full learning rate at a step, which torch's LambdaLR asks for; its repr is the same as code."""

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
