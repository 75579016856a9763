"""The gradient through time against autograd, its verdict, and attention maps against their definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from builder.modules import with_template
from trainers.events import Probe, Verdict
from trainers.probes.attention import attention_maps, has_attention
from trainers.probes.through_time import ThroughTimeProbe
from trainers.probes.weights import WeightProbe
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import MIN_PROBES


def network(kind: type[nn.RNNBase]) -> nn.Sequential:
    layer = with_template(kind, "{module}({0})[0]")(3, 8, batch_first=True)
    return nn.Sequential(layer, nn.Linear(8, 5)).train()


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_it_is_the_gradient_of_the_states(kind: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    model, given = network(kind), torch.randn(3, 12, 3)
    before = torch.get_rng_state()
    probe = ThroughTimeProbe({"main": model})
    with probe:
        model(given)[:, -1].square().sum().backward()
    (event,) = probe.events(1)
    assert isinstance(event, Probe) and torch.equal(before, torch.get_rng_state()) and model[0].training
    sizes = event.values["0"]
    plain = kind(3, 8, batch_first=True)
    plain.load_state_dict(model[0].state_dict())
    states, state = [], None
    for step in range(12):
        output, state = plain(given[:, step : step + 1], state)
        states.append(state if isinstance(state, tuple) else (state,))
    loss = model[1](output[:, -1]).square().sum()
    for back in (1, 5, 11):
        parts = torch.autograd.grad(loss, states[-1 - back], retain_graph=True)
        wanted = sum(part.square().sum(dim=(0, 2)) for part in parts).sqrt().mean()
        assert sizes[str(back)] == pytest.approx(float(wanted), rel=1e-4)


def test_layers_that_read_both_ways_are_left_out() -> None:
    model = nn.Sequential(with_template(nn.LSTM, "{module}({0})[0]")(3, 4, batch_first=True, bidirectional=True))
    assert not ThroughTimeProbe({"main": model}).layers


def verdicts_on(sizes: dict[str, float]) -> tuple[Verdict, ...]:
    assessment = Assessment(Circumstances(specs={}))
    for step in range(MIN_PROBES):
        assessment.evidence.probes.add([Probe(step, "through_time", {"memory": sizes})])
    for _ in range(40):
        assessment.evidence.losses.add(2.3)
    assessment.evidence.ended = True
    return assessment.verdicts()


def test_a_gradient_that_vanishes_through_time_has_a_verdict() -> None:
    sizes = {str(back): math.exp(-back) for back in range(60)}
    (verdict,) = verdicts_on(sizes)
    assert verdict.node == "memory" and "the gradient 7 steps before the last one" in verdict.message
    assert "LSTM or GRU" in verdict.advice
    assert not verdicts_on({"0": 1.0, "20": 0.1})


def test_the_mean_gradient_of_an_embedding_is_over_the_rows_that_were_used() -> None:
    model = nn.Sequential(nn.Embedding(1000, 4), nn.Linear(4, 2))
    for embeddings, share in (((), 0.003), (("0",), 1.0)):
        with WeightProbe({"main": model}, embeddings) as probe:
            model.zero_grad()
            model(torch.tensor([1, 2, 3])).square().sum().backward()
        gradients = next(event for event in probe.events(1) if isinstance(event, Probe) and event.kind == "gradients")
        touched = model[0].weight.grad[1:4].abs().mean()
        assert gradients.values["0"]["mean_abs"] == pytest.approx(float(touched) * share, rel=1e-4)


def test_attention_maps_are_those_of_the_network() -> None:
    torch.manual_seed(0)
    mask = "nn.Transformer.generate_square_subsequent_mask({0}.shape[1], device={0}.device)"
    attention = with_template(
        nn.MultiheadAttention, f"{{module}}({{0}}, {{0}}, {{0}}, attn_mask={mask}, is_causal=True)[0]"
    )
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.Sequential(nn.Embedding(9, 16), attention(16, 4, batch_first=True), layer).eval()
    tokens = torch.randint(9, (1, 6))
    before = model(tokens)
    maps = attention_maps(model, (tokens,))
    assert torch.allclose(model(tokens), before) and not any(m._forward_pre_hooks for m in model.modules())
    assert {name: values.shape for name, values in maps.items()} == {"1": (4, 6, 6), "2": (2, 6, 6)}
    x = model[0](tokens)
    q, k, _ = nn.functional.linear(x, model[1].in_proj_weight, model[1].in_proj_bias).chunk(3, dim=-1)
    fit = (q[0, :, :4] @ k[0, :, :4].T / 2).masked_fill(torch.ones(6, 6).triu(1).bool(), -torch.inf)
    assert torch.allclose(torch.from_numpy(maps["1"][0]), fit.softmax(-1), atol=1e-5)
    assert has_attention(model) and not has_attention(nn.Linear(2, 2))
