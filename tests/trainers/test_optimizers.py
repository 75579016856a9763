"""Every optimizer of the registry: torch's names and defaults, and each reduces a loss."""

from __future__ import annotations

import copy
import inspect
import json
import re
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo
from torch import nn

from builder import Document
from trainers.entry import OptionError, choose
from trainers.job import Job
from trainers.optim.optimisation import Optimisation, plain_step
from trainers.optim.optimizers import OPTIMIZERS, SGD, Adam, RMSprop
from trainers.optim.schedules import SCHEDULES

# torch's parameters that change the speed or the implementation, not the results
NOT_OFFERED = {"params", "foreach", "fused", "maximize", "capturable", "differentiable", "decoupled_weight_decay"}


def test_the_registry_is_complete() -> None:
    assert list(OPTIMIZERS) == ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "NAdam", "RAdam", "LBFGS"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_names_and_defaults_are_torchs(name: str) -> None:
    signature = inspect.signature(getattr(torch.optim, name).__init__).parameters
    fields = OPTIMIZERS[name].model_fields
    assert {key for key in signature if key != "self"} - set(fields) <= NOT_OFFERED
    for key, field in fields.items():
        assert field.default == signature[key].default, key
        assert field.description and field.description.endswith(".")
    assert OPTIMIZERS[name].help().endswith(".")


def train(name: str, steps: int = 60, **options: Any) -> tuple[float, float, torch.Tensor]:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.tensor([[3.0, -2.0], [1.0, 4.0]]))
    target, scale = torch.ones(2, 2), torch.tensor([1.0, 3.0])
    chosen = choose(OPTIMIZERS, {"name": name, **options}, "optimizer")
    optimizer = chosen.build([weight])

    def loss() -> torch.Tensor:
        return (scale * (weight - target).square()).sum()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    before = float(loss().detach())
    for _ in range(steps):
        if chosen.needs_closure:
            optimizer.step(closure)  # type: ignore[arg-type]
        else:
            closure()
            optimizer.step()
    return before, float(loss().detach()), weight.detach()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_reduces_the_loss(name: str) -> None:
    before, after, _ = train(name)
    assert after < before
    assert train("LBFGS")[1] < 1e-6


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("small", [True, False])
def test_the_fast_implementation_follows_the_plain_one(name: str, small: bool) -> None:
    chosen = OPTIMIZERS[name]()
    if chosen.needs_closure:
        return
    torch.manual_seed(0)
    size = 8 if small else 300
    fast = nn.Sequential(nn.Linear(size, size), nn.Linear(size, 4))
    plain = copy.deepcopy(fast)
    optimizers = [chosen.build(fast.parameters())]
    optimizers.append(getattr(torch.optim, name)(plain.parameters(), **chosen.model_dump(), foreach=False))
    for _ in range(5):
        inputs = torch.randn(16, size)
        for network, optimizer in zip((fast, plain), optimizers, strict=True):
            optimizer.zero_grad()
            network(inputs).square().mean().backward()
            optimizer.step()
    for one, other in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_printed_call_is_the_built_one(name: str) -> None:
    options: dict[str, Any] = {"name": name, "lr": 0.05}
    if OPTIMIZERS[name].has_momentum:
        options["momentum"] = 0.9
    chosen = choose(OPTIMIZERS, options, "optimizer")
    printed = eval(chosen.render("[weight]"), {"torch": torch, "weight": nn.Parameter(torch.ones(2))})
    built = chosen.build([nn.Parameter(torch.ones(2))])
    differing = {key for key in built.defaults if built.defaults[key] != printed.defaults[key]}
    assert type(built) is type(printed) and differing <= {"fused", "foreach"}
    assert choose(OPTIMIZERS, json.loads(json.dumps(chosen.options())), "optimizer") == chosen


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "adam"}, "There is no optimizer called 'adam'. Did you mean Adam"),
        ({"name": "Adam", "learning_rate": 0.1}, "The optimizer Adam: There is no 'learning_rate' here."),
        ({"name": "Adam", "learning_rate": 0.1}, "Its options: lr, betas, eps, weight_decay, amsgrad."),
        ({"name": "Adam", "lr": "0.1"}, "The optimizer Adam: lr must be a number, got '0.1'."),
        ({"name": "Adam", "lr": True}, "lr must be a number, got True"),
        ({"name": "Adam", "lr": 0}, "lr must be more than 0.0, got 0."),
        ({"name": "Adam", "lr": float("inf")}, "lr must be a finite number, got inf"),
        ({"name": "Adam", "betas": [0.9, 1.0]}, "betas must both be at least 0 and less than 1"),
        ({"name": "AdamW", "betas": [0.9]}, "The optimizer AdamW: betas"),
        ({"name": "SGD", "nesterov": True}, "nesterov needs momentum above 0"),
        ({"name": "LBFGS", "line_search_fn": "armijo"}, "line_search_fn must be one of 'strong_wolfe', got 'armijo'"),
    ],
)
def test_wrong_options_have_a_message(options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=re.escape(says)):
        choose(OPTIMIZERS, options, "optimizer")


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(OptionError, match=r"SGD: There is no 'beta' here.*lr must be more than 0.0, got -1"):
        choose(OPTIMIZERS, {"name": "SGD", "lr": -1, "beta": 2}, "optimizer")


def test_lists_from_json_are_tuples_and_flags_are_chosen_by_size() -> None:
    assert choose(OPTIMIZERS, {"name": "Adam", "betas": [0.8, 0.99]}, "optimizer") == Adam(betas=(0.8, 0.99))
    assert Adam().build([nn.Parameter(torch.ones(3))]).defaults["fused"]
    assert not SGD().build([nn.Parameter(torch.ones(3))]).defaults["fused"]
    assert SGD(momentum=0.9).build([nn.Parameter(torch.ones(3))]).defaults["fused"]


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_on_a_gpu_the_fused_kernels_of_torch_are_used(name: str) -> None:
    class OnGPU:
        device, is_cuda = torch.device("cuda"), True

    made = OPTIMIZERS[name]()
    assert made._fast([OnGPU()]) == {"fused": True}  # type: ignore[list-item]
    assert made._fast([OnGPU(), nn.Parameter(torch.ones(3))]) == {}  # type: ignore[list-item]
    assert RMSprop()._fast([OnGPU()]) == {}, "torch chooses foreach itself"  # type: ignore[list-item]


def test_the_optimizer_of_a_job_has_the_jobs_settings(moons: Document) -> None:
    job = Job.from_document(moons, optimizer={"lr": 0.02}, gradient_clip=1.0, l1=0.1, precision="float16")
    layer = nn.Linear(2, 2)
    made = Optimisation.for_job(job, layer.parameters(), 10, 5)
    assert (made.learning_rate, made.gradient_clip, made.l1) == (0.02, 1.0, 0.1) and made.scaler is not None
    assert Optimisation.for_job(job, layer.parameters(), 10, 5, lr=0.5).learning_rate == 0.5


@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if not entry.needs_closure])
def test_a_plain_step_is_the_optimizers_own(name: str) -> None:
    """The same numbers without what torch wraps around a step; hooks are called."""
    weights, steps = [], []
    for plain in (False, True):
        parameter = torch.nn.Parameter(torch.linspace(-1, 1, 8))
        optimizer = OPTIMIZERS[name]().build([parameter])
        take = plain_step(optimizer) if plain else optimizer.step
        for number in range(5):
            parameter.grad = torch.sin(parameter.detach() * (number + 1))
            take()
        weights.append(parameter.detach().clone())
        assert torch.is_grad_enabled() and parameter.requires_grad
    assert torch.equal(*weights)
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    take()
    assert steps == [1]


def _within_bounds(info: FieldInfo) -> st.SearchStrategy[Any]:
    """Any value of an option, its bounds among them."""
    bounds = {
        name: getattr(item, name) for item in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(item, name)
    }
    words = [
        word
        for part in (info.annotation, *get_args(info.annotation))
        for word in get_args(part)
        if isinstance(word, str)
    ]
    if bool in (info.annotation, *get_args(info.annotation)):
        return st.booleans()
    if words:
        return st.sampled_from([info.default, *words])
    if not bounds:  # two numbers, which have a check of their own
        return st.sampled_from([(0.0, 0.0), (0.9, 0.999), (0.0, 0.999999), (0.5, 0.0)])
    low, high = bounds.get("ge", bounds.get("gt", 0)), bounds.get("le", bounds.get("lt", 100))
    if int in (info.annotation, *get_args(info.annotation)):
        return st.sampled_from([info.default, max(int(low), 1), int(high)])
    open_low, open_high = "gt" in bounds, "lt" in bounds
    return st.floats(low, high, exclude_min=open_low, exclude_max=open_high, allow_subnormal=False)


@given(st.data(), st.sampled_from(list(OPTIMIZERS)), st.sampled_from(list(SCHEDULES)), st.sampled_from([1, 2, 3, 10]))
def test_what_the_options_allow_torch_takes(data: st.DataObject, name: str, schedule: str, steps: int) -> None:
    """No ValueError of torch's own reaches a person: the bounds of the options refuse what torch would."""
    entries: list[Any] = []
    for registry, key in ((OPTIMIZERS, name), (SCHEDULES, schedule)):
        kind: Any = registry[key]  # type: ignore[index]
        options = {option: data.draw(_within_bounds(info), option) for option, info in kind.model_fields.items()}
        try:
            entries.append(choose(registry, {"name": key, **options}, "entry"))  # type: ignore[type-var]
        except OptionError:
            return
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = entries[0].build([weight])
    bound = entries[1].build(optimizer, steps, max(1, steps // 2))

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (weight**2).sum()
        torch.autograd.backward(value)
        return value

    for _ in range(steps):
        optimizer.step(loss)
        bound.step()
    bound.epoch_end(1.0)
