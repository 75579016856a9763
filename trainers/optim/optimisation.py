"""One optimizer at work: backward, clipping, L1, loss scaling, the step and the schedule, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.optim.optimizers import Optimizer
    from trainers.optim.schedules import Schedule


MOMENTUM = ("momentum", "betas")  # what a schedule may move beside the rate


@dataclass(frozen=True)
class Slower:
    """Parameters that learn at a share of the rate; there may be none yet."""

    parameters: list[nn.Parameter]
    share: float


class Optimisation:
    """Takes a loss and moves the weights. What a run does not use (clipping, L1, scaling) costs it nothing."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        optimizer: Optimizer,
        schedule: Schedule,
        total_steps: int,
        steps_per_epoch: int,
        gradient_clip: float | None = None,
        l1: float = 0.0,
        scaled: bool = False,
        slower: Slower | None = None,
    ) -> None:
        """`slower`: further parameters, which learn at a share of the rate of the others whatever the schedule."""
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.needs_closure = optimizer.needs_closure
        self.slower = slower
        self.leader: torch.optim.Optimizer | None = None
        if slower is None:
            self.optimizer = optimizer.build(self.parameters)
            self.pace = schedule.build(self.optimizer, total_steps, steps_per_epoch)
        else:
            # The schedule moves an optimizer of one weight that never learns, and the groups follow it: torch's own
            # schedules give all groups one lowest or one highest rate, and the share would be lost.
            self.optimizer = optimizer.build(self.parameters, [slower.parameters])
            self.parameters += slower.parameters
            self.leader = optimizer.build([torch.nn.Parameter(torch.zeros(1))])
            self.pace = schedule.build(self.leader, total_steps, steps_per_epoch)
            self.leader.step()  # it has no gradient: nothing moves, but torch knows that steps come before the schedule
            self._follow()
        self.gradient_clip = gradient_clip
        self.l1 = l1
        self.shapes_gradients = bool(l1) or gradient_clip is not None
        self.scaler = torch.amp.GradScaler(self.parameters[0].device.type) if scaled and self.parameters else None

    def step(self, loss: Callable[[], Tensor]) -> Tensor:
        """One step down the slope of `loss()`. Returns the loss before the step, detached."""
        if self.needs_closure:
            return self._closure_step(loss)
        value = loss()
        self._forget_gradients()
        if self.scaler is None:
            torch.autograd.backward(value)
            if self.shapes_gradients:
                self._shape_gradients()
            self.optimizer.step()
        else:
            torch.autograd.backward(self.scaler.scale(value))
            self.scaler.unscale_(self.optimizer)
            self._shape_gradients()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        if self.pace.moves_per_step:
            self.pace.step()
            if self.leader is not None:
                self._follow()
        return value.detach()

    def _closure_step(self, loss: Callable[[], Tensor]) -> Tensor:
        """For optimizers that evaluate the loss several times within one step."""
        first: list[Tensor] = []

        def closure() -> Tensor:
            self._forget_gradients()
            value = loss()
            torch.autograd.backward(value)
            self._shape_gradients()
            first.append(value.detach())
            return value

        self.optimizer.step(closure)  # type: ignore[arg-type]
        self.pace.step()
        return first[0]

    def epoch_end(self, validation_loss: float | None) -> None:
        """An epoch is over: a schedule that goes by epochs moves."""
        self.pace.epoch_end(validation_loss)
        if self.leader is not None:
            self._follow()

    def join(self, parameters: Iterable[nn.Parameter], slower: bool = False) -> None:
        """Parameters that were frozen learn from now on."""
        new = list(parameters)
        self.parameters += new
        self.optimizer.param_groups[1 if slower else 0]["params"].extend(new)

    def _follow(self) -> None:
        """Give every group the leader's rate, the slower one its share of it."""
        assert self.leader is not None and self.slower is not None
        led = self.leader.param_groups[0]
        for group, share in zip(self.optimizer.param_groups, (1.0, self.slower.share), strict=True):
            group["lr"] = led["lr"] * share
            for name in MOMENTUM:
                if name in led:
                    group[name] = led[name]

    def _forget_gradients(self) -> None:
        # What optimizer.zero_grad(set_to_none=True) does, without the profiler's marks around it, which cost a small
        # network more than the work itself.
        for parameter in self.parameters:
            parameter.grad = None

    def _shape_gradients(self) -> None:
        if self.l1:
            # The gradient of l1 · Σ|w|, added where it is needed instead of through the loss: a third of the cost.
            with torch.no_grad():
                for parameter in self.parameters:
                    if parameter.grad is not None:
                        parameter.grad.add_(parameter.sign(), alpha=self.l1)
        if self.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.gradient_clip)

    def gradient_norm(self) -> float:
        """Euclidean norm of the last step's gradients; waits for the device."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"optimizer": self.optimizer.state_dict(), "pace": self.pace.state_dict()}
        if self.leader is not None:
            state["leader"] = self.leader.state_dict()
        if self.scaler is not None:
            state["scaler"] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        if self.leader is not None:
            self.leader.load_state_dict(state["leader"])
        self.pace.load_state_dict(state["pace"])
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])
