"""One training step: backward, L1, gradient clipping, loss scaling, the optimizer's step and the schedule's."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.job import Job
    from trainers.optim.optimizers import Optimizer
    from trainers.optim.schedules import Schedule


_going_on: ContextVar[tuple[int, int] | None] = ContextVar("going_on", default=None)  # see `keeping_settings`
MOMENTUM = ("momentum", "betas")  # what a schedule may change besides the learning rate


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters with a factor on the learning rate. The list may be empty at first."""

    parameters: list[nn.Parameter]
    lr_factor: float


class Optimisation:
    """Updates weights by the gradients of a loss. What a run does not use (clipping, L1, scaling) costs nothing."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        optimizer: Optimizer,
        schedule: Schedule,
        total_steps: int,
        steps_per_epoch: int,
        gradient_clip: float | None = None,
        l1: float = 0.0,
        scale_loss: bool = False,
        second_group: ParameterGroup | None = None,
    ) -> None:
        """
        Parameters:
            scale_loss: multiply the loss before `backward`, so that float16 gradients do not become zero.
            second_group: further parameters, whose learning rate is a fixed factor of the others' at every step.
        """
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.needs_closure = optimizer.needs_closure
        self.second_group = second_group
        self.leader: torch.optim.Optimizer | None = None
        if second_group is None:
            self.optimizer = optimizer.build(self.parameters)
            self.schedule = schedule.build(self.optimizer, total_steps, steps_per_epoch)
        else:
            # The schedule is attached to an optimizer of a single weight that has no gradient, and both groups copy its
            # learning rate: torch's schedules set one lowest or highest rate for all groups and would lose the factor.
            self.optimizer = optimizer.build(self.parameters, [second_group.parameters])
            self.parameters += second_group.parameters
            self.leader = optimizer.build([torch.nn.Parameter(torch.zeros(1))])
            self.schedule = schedule.build(self.leader, total_steps, steps_per_epoch)
            self.leader.step()  # changes nothing; torch warns about a schedule that moves before the first step
            self._copy_learning_rate()
        self._stored_norm = 0.0  # of the last step before a checkpoint, until the next step has gradients
        self._stepping: tuple[torch.optim.Optimizer, Callable[[], None]] = self.optimizer, plain_step(self.optimizer)
        self.gradient_clip = gradient_clip
        self.l1 = l1
        self.changes_gradients = bool(l1) or gradient_clip is not None
        self.scaler = torch.amp.GradScaler(self.parameters[0].device.type) if scale_loss and self.parameters else None

    @classmethod
    def for_job(
        cls,
        job: Job,
        parameters: Iterable[nn.Parameter],
        total_steps: int,
        steps_per_epoch: int,
        lr: float | None = None,
        second_group: ParameterGroup | None = None,
    ) -> Optimisation:
        """The optimizer and schedule of a job for these parameters. `lr` replaces the job's learning rate."""
        settings = job.settings
        return cls(
            parameters,
            job.optimizer if lr is None else job.optimizer.model_copy(update={"lr": lr}),
            job.schedule,
            total_steps,
            steps_per_epoch,
            gradient_clip=settings.gradient_clip,
            l1=settings.l1,
            scale_loss=settings.precision == "float16",
            second_group=second_group,
        )

    def step(self, loss: Callable[[], Tensor]) -> Tensor:
        """One optimizer step on `loss()`. Returns the loss before the step, detached."""
        if self.needs_closure:
            return self._closure_step(loss)
        value = loss()
        self._zero_gradients()
        if self.scaler is None:
            torch.autograd.backward(value)
            if self.changes_gradients:
                self._change_gradients()
            self._take_step()
        else:
            torch.autograd.backward(self.scaler.scale(value))
            self.scaler.unscale_(self.optimizer)
            self._change_gradients()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        if self.schedule.moves_per_step:
            self.schedule.step()
            if self.leader is not None:
                self._copy_learning_rate()
        return value.detach()

    def _take_step(self) -> None:
        if self._stepping[0] is not self.optimizer:  # another one was put in its place
            self._stepping = self.optimizer, plain_step(self.optimizer)
        self._stepping[1]()

    def _closure_step(self, loss: Callable[[], Tensor]) -> Tensor:
        """For optimizers that evaluate the loss several times within one step."""
        first: list[Tensor] = []

        def closure() -> Tensor:
            self._zero_gradients()
            value = loss()
            torch.autograd.backward(value)
            self._change_gradients()
            first.append(value.detach())
            return value

        self.optimizer.step(closure)  # type: ignore[arg-type]
        self.schedule.step()
        return first[0]

    def epoch_end(self, validation_loss: float | None) -> None:
        """An epoch is over: a schedule that goes by epochs moves."""
        self.schedule.epoch_end(validation_loss)
        if self.leader is not None:
            self._copy_learning_rate()

    def add_parameters(self, parameters: Iterable[nn.Parameter], second_group: bool = False) -> None:
        """Train these parameters, which were frozen before, from now on."""
        new = list(parameters)
        self.parameters += new
        self.optimizer.param_groups[1 if second_group else 0]["params"].extend(new)

    def _copy_learning_rate(self) -> None:
        """Set the learning rate and momentum of both groups from the leader's, the second with its factor."""
        assert self.leader is not None and self.second_group is not None
        leader = self.leader.param_groups[0]
        for group, factor in zip(self.optimizer.param_groups, (1.0, self.second_group.lr_factor), strict=True):
            group["lr"] = leader["lr"] * factor
            for name in MOMENTUM:
                if name in leader:
                    group[name] = leader[name]

    def _zero_gradients(self) -> None:
        # As optimizer.zero_grad(set_to_none=True), without its profiler hooks, which cost more than the work itself in
        # a small network.
        for parameter in self.parameters:
            parameter.grad = None

    def _change_gradients(self) -> None:
        if self.l1:
            # The gradient of l1 · Σ|w|, added here and not through the loss: a third of the cost.
            with torch.no_grad():
                for parameter in self.parameters:
                    if parameter.grad is not None:
                        parameter.grad.add_(parameter.sign(), alpha=self.l1)
        if self.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.gradient_clip)

    def gradient_norm(self) -> float:
        """Euclidean norm of the gradients of the last step. It waits for the device."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients)) if gradients else self._stored_norm

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "gradient_norm": self.gradient_norm(),
        }
        if self.leader is not None:
            state["leader"] = self.leader.state_dict()
        if self.scaler is not None:
            state["scaler"] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict()` returned. ValueError: it is of other parameters."""
        going_on = _going_on.get()
        if going_on is not None:
            self._take_moments(state, *going_on)
            return
        self.optimizer.load_state_dict(state["optimizer"])
        self._stored_norm = state.get("gradient_norm", 0.0)
        for optimizer in filter(None, (self.optimizer, self.leader)):
            # torch warns if a schedule moves before this optimizer's first step. It took its steps before the
            # checkpoint, and the schedule may move next, at the end of an epoch.
            optimizer._opt_called = True  # type: ignore[attr-defined]
        if self.leader is not None:
            self.leader.load_state_dict(state["leader"])
        self.schedule.load_state_dict(state["schedule"])
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])

    def _take_moments(self, state: dict[str, Any], steps: int, epochs: int) -> None:
        """What the optimizer has accumulated, with the learning rate and the other options of this job, and the
        schedule where it would be after as many steps."""
        own = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, options in zip(self.optimizer.param_groups, own, strict=True):
            group |= options
        self._stored_norm = state.get("gradient_norm", 0.0)
        for optimizer in filter(None, (self.optimizer, self.leader)):
            optimizer._opt_called = True  # type: ignore[attr-defined]  # as above
        self.schedule.go_to(steps, epochs)
        if self.leader is not None:
            self._copy_learning_rate()
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])


@contextlib.contextmanager
def keeping_settings(steps: int, epochs: int) -> Iterator[None]:
    """Inside, `Optimisation.load_state_dict` keeps the options and the schedule of its own job, after so many steps and
    epochs: for a run that goes on from the checkpoint of another one, with another learning rate."""
    token = _going_on.set((steps, epochs))
    try:
        yield
    finally:
        _going_on.reset(token)


def plain_step(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """A function that takes a step of an optimizer without what torch wraps around it for profilers and compilers.

    For a small network that is a third of the step. An optimizer with hooks takes its step as it is."""
    bare: Callable[[torch.optim.Optimizer], object] = inspect.unwrap(type(optimizer).step)
    before, after = (getattr(optimizer, f"_optimizer_step_{place}_hooks", {}) for place in ("pre", "post"))

    def step() -> None:
        if before or after:
            optimizer.step()
            return
        optimizer._opt_called = True  # type: ignore[attr-defined]  # torch's schedules warn if no step was taken
        with torch.no_grad():
            bare(optimizer)

    return step
