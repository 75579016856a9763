"""Probabilistic layers compared with formulas: torch.distributions, sampled weights, the paper's time embedding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

import builder
from builder.document import Document

Make = Callable[..., Document]


def built(kind: str, params: dict[str, Any], *shapes: tuple[int, ...]) -> Any:
    torch.manual_seed(0)
    return builder.CATALOGUE[kind].model_validate(params).call(*shapes).build()


def test_a_latent_code_is_drawn_in_training_and_is_the_mean_in_prediction() -> None:
    layer = built("Reparameterize", {}, (2,), (2,))
    mean, log_variance = torch.tensor([[1.0, -2.0]]).expand(20_000, 2), torch.tensor([[0.0, 2.0]]).expand(20_000, 2)
    samples = layer(mean, log_variance)
    torch.testing.assert_close(samples.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(samples.std(0), (log_variance[0] / 2).exp(), atol=0.05, rtol=0)
    assert torch.equal(layer.eval()(mean, log_variance), mean)


def test_mean_and_variance_of_different_shapes_are_a_problem(make: Make) -> None:
    document = make(
        ("x", "Input", {"shape": [8]}),
        ("mean", "Linear", {"out_features": 3}),
        ("log_variance", "Linear", {"out_features": 4}),
        ("latent", "Reparameterize"),
        ("end", "Output"),
        edges="x > mean, x > log_variance, mean > latent:mean, log_variance > latent:log_variance, latent > end",
    )
    (problem,) = builder.check(document)
    assert problem.node == "latent" and "3 at mean and 4 at log_variance" in problem.message


@pytest.mark.parametrize(
    ("kind", "params", "shape"),
    [
        ("BayesianLinear", {"out_features": 3}, (6,)),
        ("BayesianConv2d", {"out_channels": 3, "kernel_size": 2, "padding": 1}, (2, 3, 3)),
    ],
)
def test_bayesian_layers_draw_what_drawn_weights_would_give(
    kind: str, params: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """Mean and standard deviation of the outputs are those of a layer whose weights are sampled each time."""
    layer = built(kind, {**params, "initial_std": 0.3, "prior_std": 0.5}, shape)
    assert [name for name, _ in layer.named_parameters()] == ["weight_mean", "weight_rho", "bias_mean", "bias_rho"]
    weight_std, bias_std = nn.functional.softplus(layer.weight_rho), nn.functional.softplus(layer.bias_rho)
    torch.testing.assert_close(weight_std, torch.full_like(weight_std, 0.3))
    x = torch.randn(1, *shape)
    function = nn.functional.linear if kind == "BayesianLinear" else nn.functional.conv2d
    settings = () if kind == "BayesianLinear" else (1, 1)
    with torch.no_grad():
        plain = torch.stack(
            [
                function(
                    x, torch.normal(layer.weight_mean, weight_std), torch.normal(layer.bias_mean, bias_std), *settings
                )
                for _ in range(4000)
            ]
        )
        samples = layer(x.expand(4000, *shape)).unsqueeze(1)
        torch.testing.assert_close(samples.mean(0), plain.mean(0), atol=0.08, rtol=0)
        torch.testing.assert_close(samples.std(0), plain.std(0), atol=0.08, rtol=0)
        torch.testing.assert_close(layer.eval()(x), function(x, layer.weight_mean, layer.bias_mean, *settings))
    wanted = sum(
        kl_divergence(Normal(mean, std), Normal(0.0, 0.5)).sum()
        for mean, std in ((layer.weight_mean, weight_std), (layer.bias_mean, bias_std))
    )
    torch.testing.assert_close(layer.kl_divergence(), wanted)


def test_the_embedding_of_a_time_step_is_the_papers() -> None:
    layer = built("TimestepEmbedding", {"embedding_dim": 6, "max_period": 100}, (1,))
    (row,) = layer(torch.tensor([[7]])).tolist()
    angles = [7 * 100 ** (-place / 3) for place in range(3)]
    assert row == pytest.approx([*(math.sin(angle) for angle in angles), *(math.cos(angle) for angle in angles)])
    assert layer(torch.tensor([[0], [9]])).shape == (2, 6)


def test_a_time_step_is_one_whole_number(make: Make) -> None:
    document = make(("t", "Input", {"shape": [2], "dtype": "int"}), ("time", "TimestepEmbedding"), ("end", "Output"))
    (problem,) = builder.check(document)
    assert "one integer" in problem.message
