"""Every initialisation: fills weights, leaves scales alone, follows the seed, prints what it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import builder
import trainers
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


def shape_std(weight: torch.Tensor) -> float:
    return float(weight.detach().std())


def test_what_has_values_by_its_meaning_keeps_them(make: Any) -> None:
    document = make(
        ("tokens", "Input", {"shape": [6], "dtype": "int"}),
        ("words", "Embedding", {"num_embeddings": 40, "embedding_dim": 8, "padding_idx": 3}),
        ("places", "PositionalEmbedding", {"max_len": 9}),
        ("token", "ClassToken"),
        ("norm", "LayerNorm", {"normalized_shape": [7, 8]}),
        ("scale", "Scale", {"init": 0.5}),
        ("attend", "MultiheadAttention", {"num_heads": 2}),
        ("query", "Parameter", {"shape": [7, 8], "init": "zeros"}),
        ("table", "Parameter", {"shape": [7, 8]}),
        ("add", "Add"),
        ("flat", "Flatten"),
        ("unsure", "BayesianLinear", {"out_features": 5}),
        ("out", "Output"),
        edges="tokens > words, words > places, places > token, token > norm, norm > scale, scale > attend,"
        "attend > add, query > add, table > add, add > flat, flat > unsure, unsure > out",
    )
    kept = {
        "places.weight",
        "token.weight",
        "norm.weight",
        "norm.bias",
        "scale.weight",
        "query.value",
        "table.value",
        "unsure.weight_rho",
        "unsure.bias_rho",
    }
    for name in FILLING:
        torch.manual_seed(5)
        model = builder.compile(document)
        fresh = {key: value.clone() for key, value in model.state_dict().items()}
        INITIALISATIONS[name]().apply(model)
        after = model.state_dict()
        assert {key for key in after if torch.equal(after[key], fresh[key])} - {"attend.in_proj_bias"} == (
            kept | ({"attend.out_proj.bias"})
        ), name
        assert not after["words.weight"][3].any() and (name == "zeros" or after["words.weight"][4].any())


@pytest.mark.parametrize(
    ("layer", "weight", "parts", "fans"),
    [
        (nn.Linear(30, 50), "weight", 1, (30, 50)),
        (nn.Conv2d(6, 20, 5), "weight", 1, (150, 500)),
        (nn.Conv2d(8, 40, 5, groups=4), "weight", 4, (50, 250)),
        (nn.Conv1d(64, 64, 9, groups=64), "weight", 64, (9, 9)),
        (nn.ConvTranspose2d(40, 6, 4, stride=2), "weight", 1, (640, 96)),
        (nn.ConvTranspose1d(24, 48, 5, groups=2), "weight", 2, (60, 120)),
        (nn.LSTM(20, 30), "weight_ih_l0", 4, (20, 30)),
        (nn.GRU(20, 30), "weight_hh_l0", 3, (30, 30)),
        (nn.RNN(20, 30), "weight_ih_l0", 1, (20, 30)),
        (nn.MultiheadAttention(40, 4), "in_proj_weight", 3, (40, 40)),
        (nn.TransformerEncoderLayer(40, 4), "self_attn.in_proj_weight", 3, (40, 40)),
        (nn.Bilinear(12, 10, 30), "weight", 1, (120, 30)),
    ],
)
def test_a_weight_is_filled_by_its_own_fans(layer: nn.Module, weight: str, parts: int, fans: tuple[int, int]) -> None:
    torch.manual_seed(0)
    tensor, (inputs, outputs) = layer.get_parameter(weight), fans
    for name, mode, expected in (
        ("kaiming_normal", {}, (2 / inputs) ** 0.5),
        ("kaiming_normal", {"mode": "fan_out"}, (2 / outputs) ** 0.5),
        ("xavier_normal", {}, (2 / (inputs + outputs)) ** 0.5),
    ):
        INITIALISATIONS[name](**mode).apply(layer)
        assert shape_std(tensor) == pytest.approx(expected, rel=0.12)
    INITIALISATIONS["orthogonal"]().apply(layer)
    if parts in (3, 4) and tensor.ndim == 2:  # each gate and each projection is orthogonal by itself
        for part in tensor.detach().chunk(parts):
            small = part if len(part) <= part.shape[1] else part.T
            assert torch.allclose(small @ small.T, torch.eye(len(small)), atol=1e-5)


def test_tied_and_repeated_layers_keep_what_their_owner_keeps(make: Any) -> None:
    document = make(
        ("x", "Input", {"shape": [4, 6]}),
        ("first", "PositionalEmbedding", {"max_len": 4}),
        ("second", "PositionalEmbedding", {"max_len": 4}, {"shares_weights_with": "first"}),
        ("stage", "Block", {"block": "part", "repeat": 2}),
        ("out", "Output"),
        blocks={
            "part": {
                "nodes": [
                    {"name": "i", "type": "Input"},
                    {"name": "place", "type": "PositionalEmbedding", "params": {"max_len": 4}},
                    {"name": "fc", "type": "Linear", "params": {"out_features": 6}},
                    {"name": "o", "type": "Output"},
                ],
                "edges": [
                    {"source": "i", "target": "place"},
                    {"source": "place", "target": "fc"},
                    {"source": "fc", "target": "o"},
                ],
            }
        },
    )
    model = builder.compile(document)
    fresh = {key: value.clone() for key, value in model.state_dict().items()}
    Normal(std=3.0).apply(model)
    after = model.state_dict()
    changed = {key for key in after if not torch.equal(after[key], fresh[key])}
    assert changed == {f"stage.{number}.fc.{part}" for number in (0, 1) for part in ("weight", "bias")}


@pytest.mark.parametrize("name", sorted(set(builder.templates()) - {"gan_points", "steering"}))
def test_every_template_can_be_initialised_and_its_normalisations_start_at_one(name: str) -> None:
    document = trainers.bind(builder.template(name))
    for network in builder.document.graph.networks(document):
        model = builder.compile(document, network)
        Normal(std=0.3).apply(model)
        for path, module in model.named_modules():
            if "Norm" in type(module).__name__ and getattr(module, "weight", None) is not None:
                assert (module.weight == 1).all(), path
            if getattr(module, "padding_idx", None) is not None:
                assert not module.weight[module.padding_idx].any()


def test_pretrained_weights_are_never_filled() -> None:
    kind = builder.CATALOGUE["PretrainedFeatures"]
    assert kind(weights="default").own_initial_values() == ("backbone",)  # type: ignore[call-arg]
    assert kind(weights_file="net.safetensors").own_initial_values() == ("backbone",)  # type: ignore[call-arg]
    assert kind().own_initial_values() == ()
    module = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3)), nn.Linear(2, 2))
    module[0].own_initial_values = ("0",)  # as the compiler marks a node's module
    before = {key: value.clone() for key, value in module.state_dict().items()}
    Normal(std=5.0).apply(module)
    assert {key for key, value in module.state_dict().items() if torch.equal(value, before[key])} == {
        "0.0.weight",
        "0.0.bias",
    }
