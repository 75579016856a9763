"""Every schedule of the registry: its curve, its end, resuming from a checkpoint, and its printed code."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import pytest
import torch
from torch import nn

from trainers.entry import choose
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES, BoundSchedule

STEPS, PER_EPOCH, LR = 40, 4, 0.1


def make(
    options: dict[str, Any] | str, total: int = STEPS, optimizer: str = "SGD"
) -> tuple[torch.optim.Optimizer, BoundSchedule]:
    made = choose(OPTIMIZERS, {"name": optimizer, "lr": LR}, "optimizer").build([nn.Parameter(torch.ones(1))])
    return made, choose(SCHEDULES, options, "schedule").build(made, total, PER_EPOCH)


def run(optimizer: torch.optim.Optimizer, schedule: BoundSchedule, first: int, last: int) -> list[float]:
    """The learning rate at each step from `first` to `last`; the validation loss never improves."""
    rates = []
    for step in range(first, last):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
        if (step + 1) % PER_EPOCH == 0:
            schedule.epoch_end(1.0)
    return rates


def rates(options: dict[str, Any] | str, total: int = STEPS) -> list[float]:
    return run(*make(options, total), 0, total)


def test_the_registry_is_complete() -> None:
    assert list(SCHEDULES) == ["constant", "step", "cosine", "one_cycle", "reduce_on_plateau", "warm_up"]


@pytest.mark.parametrize("name", [name for name, schedule in SCHEDULES.items() if schedule.torch_name != "LambdaLR"])
def test_names_are_torchs(name: str) -> None:
    if SCHEDULES[name].torch_name:
        signature = inspect.signature(getattr(torch.optim.lr_scheduler, SCHEDULES[name].torch_name)).parameters
        assert set(SCHEDULES[name].model_fields) <= set(signature)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("total", [1, 2, 3, STEPS])
def test_any_length_and_any_optimizer(name: str, optimizer: str, total: int) -> None:
    made, schedule = make(name, total, optimizer)
    made.step = lambda closure=None: None  # type: ignore[method-assign, assignment]
    made.step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    made._opt_called = True  # type: ignore[attr-defined]
    for rate in run(made, schedule, 0, total + 5):  # a few more steps than planned do no harm
        assert 0 <= rate <= LR * 1.0001
    assert float(made.param_groups[0]["lr"]) >= 0


def test_the_curves() -> None:
    assert rates("constant") == [LR] * STEPS
    step = rates({"name": "step", "step_size": 2, "gamma": 0.5})
    assert step[:17:8] == pytest.approx([LR, LR / 2, LR / 4]) and step[7] == pytest.approx(LR)
    cosine = rates("cosine")
    assert cosine == pytest.approx([LR * (1 + math.cos(math.pi * step / STEPS)) / 2 for step in range(STEPS)])
    one_cycle = rates({"name": "one_cycle", "pct_start": 0.25})
    assert one_cycle[0] == pytest.approx(LR / 25) and max(one_cycle) == pytest.approx(LR, rel=0.01)
    assert one_cycle.index(max(one_cycle)) in (9, 10) and one_cycle[-1] < LR / 25
    plateau = rates({"name": "reduce_on_plateau", "patience": 1, "factor": 0.5})
    assert plateau[0] == plateau[11] == LR and plateau[12] == pytest.approx(LR / 2)
    warm = rates({"name": "warm_up", "share": 0.25})
    assert warm[:11] == pytest.approx([LR * (step + 1) / 10 for step in range(10)] + [LR]) and warm[-1] == LR
    falling = rates({"name": "warm_up", "share": 0.25, "then": "cosine"})
    assert falling[10] == pytest.approx(LR) and falling[25] == pytest.approx(LR / 2) and falling[-1] < 0.01 * LR


def test_without_a_validation_loss_a_plateau_waits() -> None:
    optimizer, schedule = make({"name": "reduce_on_plateau", "patience": 0})
    for _ in range(5):
        schedule.epoch_end(None)
    assert optimizer.param_groups[0]["lr"] == LR


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("stop", [1, 10, 19, 39])
def test_going_on_from_a_checkpoint_gives_the_same_rates(name: str, stop: int) -> None:
    options = {"name": name} | ({"patience": 1} if name == "reduce_on_plateau" else {})
    whole = rates(options)
    optimizer, schedule = make(options)
    first = run(optimizer, schedule, 0, stop)
    saved = json.loads(json.dumps([schedule.state_dict(), optimizer.state_dict()["param_groups"]]))
    optimizer, schedule = make(options)
    optimizer.load_state_dict({"state": {}, "param_groups": saved[1]})
    schedule.load_state_dict(saved[0])
    assert first + run(optimizer, schedule, stop, STEPS) == whole


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_printed_call_gives_the_same_rates(name: str) -> None:
    schedule = SCHEDULES[name]()
    optimizer, _ = make("constant")
    code = schedule.render(optimizer, STEPS)
    if not code:
        assert name == "constant"
        return
    made = eval(code, {"torch": torch, "math": math, "optimizer": optimizer})
    assert run(optimizer, BoundSchedule(made, schedule.per, STEPS), 0, STEPS) == rates(name)


def test_one_cycle_may_rise_in_a_single_step() -> None:
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = choose(SCHEDULES, {"name": "one_cycle", "pct_start": 0.2}, "schedule").build(optimizer, 4, 4)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    assert 0 <= optimizer.param_groups[0]["lr"] < 0.1
