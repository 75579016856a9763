"""Every initialisation: fills weights, leaves scales alone, follows the seed, prints what it does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers.optim.initialisation import INITIALISATIONS, Normal

FILLING = [name for name in INITIALISATIONS if name != "default"]


def network() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.PReLU(8),
        nn.Flatten(),
        nn.Linear(288, 64),
        nn.LayerNorm(64),
        nn.Linear(64, 10),
    )


def test_the_registry_is_complete() -> None:
    wanted = "default xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal zeros normal"
    assert list(INITIALISATIONS) == wanted.split()
    assert all(entry.help().endswith(".") for entry in INITIALISATIONS.values())


def test_the_default_changes_nothing() -> None:
    module = network()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    INITIALISATIONS["default"]().apply(module)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


@pytest.mark.parametrize("name", FILLING)
def test_weights_are_filled_and_scales_are_not(name: str) -> None:
    module, fresh = network(), dict(network().named_parameters())
    INITIALISATIONS[name]().apply(module)
    for key, parameter in module.named_parameters():
        if parameter.ndim >= 2:
            assert not torch.equal(parameter, fresh[key])
        elif key.endswith("bias"):
            assert not parameter.any()
        else:
            assert torch.equal(parameter, fresh[key])
        assert parameter.requires_grad and parameter.grad_fn is None


@pytest.mark.parametrize("name", FILLING)
def test_the_seed_decides_and_the_printed_call_gives_the_same_numbers(name: str) -> None:
    entry = INITIALISATIONS[name]()
    weights = []
    for _ in range(2):
        module = nn.Linear(20, 30)
        torch.manual_seed(3)
        entry.apply(module)
        weights.append(module.weight.detach())
    assert torch.equal(*weights)
    weight = torch.empty(30, 20)
    torch.manual_seed(3)
    eval(entry.render(), {"nn": nn, "weight": weight})
    assert torch.equal(weight, weights[0])


def test_standard_deviations_are_those_of_the_formulas() -> None:
    torch.manual_seed(0)
    for name, expected in (("xavier_normal", (2 / 600) ** 0.5), ("kaiming_normal", (2 / 400) ** 0.5), ("normal", 0.02)):
        module = nn.Linear(400, 200)
        INITIALISATIONS[name]().apply(module)
        assert module.weight.std().item() == pytest.approx(expected, rel=0.02)


def test_shared_weights_are_filled_once() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    torch.manual_seed(1)
    Normal(std=1.0).apply(module)
    torch.manual_seed(1)
    assert torch.equal(module[0].weight, torch.empty(4, 4).normal_())


def test_recurrent_biases_are_zeroed() -> None:
    module = nn.GRU(3, 5)
    INITIALISATIONS["orthogonal"]().apply(module)
    assert not module.bias_ih_l0.any() and module.weight_hh_l0.any()
