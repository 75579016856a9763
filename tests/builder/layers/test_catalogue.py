"""Every layer of the catalogue is compared with torch: a new class is tested without a new test."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest
import torch
from torch import nn

import builder
from builder.analysis.infer import analyse, layer_facts
from builder.spec import FAMILIES, Call, LayerSpec, Signal
from tests.builder.variants import ALL, CASES, LAYERS, MISSING, OTHERS, Case, case, together

IN_TORCH = [spec for spec in LAYERS if spec.target.startswith("torch.nn.")]

# Arguments of torch's classes that no layer has, and why.
LEFT_OUT = {
    "device": "the run sets the device of its network",
    "dtype": "the run sets the precision",
    "inplace": "hooks and attribution need the output of every node",
    "batch_first": "the batch is always the first axis",
    "return_indices": "a node has one output",
    "divisor_override": "the result would not be an average",
    "recompute_scale_factor": "the sizes are known when the network is built",
    "max_norm": "changes the weights in the forward pass",
    "norm_type": "a parameter of max_norm",
    "scale_grad_by_freq": "changes the gradients before the optimizer",
    "sparse": "few optimizers support sparse gradients",
    "_weight": "torch's own",
    "_freeze": "torch's own",
    "add_bias_kv": "adds a step that no other node has",
    "add_zero_attn": "adds a step that no other node has",
    "mode": "which of the three recurrent layers it is",
}
LEFT_OUT_OF = {
    ("ConvTranspose1d", "padding_mode"): "torch takes zeros only",
    ("ConvTranspose2d", "padding_mode"): "torch takes zeros only",
    ("ConvTranspose3d", "padding_mode"): "torch takes zeros only",
    ("Hardtanh", "min_value"): "an old name of min_val",
    ("Hardtanh", "max_value"): "an old name of max_val",
    **{
        (name, "bias"): "torch 2.9, which we work with, does not know it"
        for name in (
            "BatchNorm1d",
            "BatchNorm2d",
            "BatchNorm3d",
            "GroupNorm",
            "InstanceNorm1d",
            "InstanceNorm2d",
        )
    },
    ("RNN", "proj_size"): "torch has it for LSTM only",
    ("GRU", "proj_size"): "torch has it for LSTM only",
}
# Parameters that torch's classes do not have: arguments of forward, or the part of its result that is returned.
OURS = {"causal", "output"}


@pytest.mark.parametrize("spec", builder.CATALOGUE.values(), ids=builder.CATALOGUE)
def test_entry_is_complete(spec: type[LayerSpec]) -> None:
    assert spec.__doc__ is not LayerSpec.__doc__, "a layer needs a docstring of its own"
    assert spec.sentence().endswith((".", "?")) and len(spec.sentence()) <= 120, spec.sentence()
    assert spec.family in FAMILIES
    assert spec.__name__ in builder.CATALOGUE and builder.CATALOGUE[spec.__name__] is spec
    for name, field in spec.model_fields.items():
        assert field.description, f"{name} has no description"
        assert spec.role == "block" or not field.is_required(), f"{name} has no default: dropped, it could not be built"
    if spec.role != "block":
        assert spec.example or spec.role == "input"
        assert spec.variadic or len(spec.example) == len(spec.ports)
        assert spec() == spec.model_validate({})


def arguments(kind: type[nn.Module]) -> dict[str, Any]:
    """The arguments of torch's class with their defaults; `inspect.Parameter.empty` if there is none."""
    if issubclass(kind, nn.RNNBase):  # torch's own signatures of these are (*args, **kwargs)
        known = dict(inspect.signature(nn.RNNBase).parameters)
        found = {name: parameter.default for name, parameter in known.items()}
        return found | ({"nonlinearity": "tanh"} if kind is nn.RNN else {})
    found = {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}
    return {name: default.__name__ if inspect.isfunction(default) else default for name, default in found.items()}


@pytest.mark.parametrize("spec", IN_TORCH, ids=lambda spec: spec.__name__)
def test_names_and_defaults_are_torchs_own(spec: type[LayerSpec]) -> None:
    theirs = arguments(Call(spec.target).resolve())
    inferred = spec().call(*spec.example).kwargs
    for name, field in spec.model_fields.items():
        if name in OURS:
            continue
        assert name in theirs, f"torch has no {name}"
        default = theirs[name]
        if default is inspect.Parameter.empty or (field.json_schema_extra or {}).get("always"):
            continue
        if name in spec().inferred(*spec.example):
            assert field.default is None
        else:
            assert field.default == default and type(field.default) is type(default), name
    for name, default in theirs.items():
        known = name in spec.model_fields or name in spec().inferred(*spec.example)
        left_out = name in LEFT_OUT or (spec.__name__, name) in LEFT_OUT_OF or name in ("args", "kwargs")
        assert known or left_out, f"torch has {name}: make it a parameter, or say why not"
        assert default is not inspect.Parameter.empty or name in inferred or left_out, f"torch wants {name}"


@pytest.mark.parametrize("spec", MISSING, ids=lambda spec: spec.__name__)
def test_what_cannot_be_built_here(spec: type[LayerSpec]) -> None:
    """Its shape is known and a check reports what is missing; the other tests of the catalogue skip it."""
    document = together([case(spec, {})])
    (problem,) = builder.check(document)
    assert problem.code == "N230" and problem.node == "layer0" and "nstall" in problem.message
    assert "layer0" in builder.infer(document) and not builder.summary(document).empty
    pytest.skip(f"{spec.__name__} {spec().missing()}")


def test_the_table_of_other_parameters_names_layers_that_exist() -> None:
    assert set(OTHERS) <= {spec.__name__ for spec in ALL}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_shape_and_parameters_are_the_real_ones(case: Case) -> None:
    """Inferred and real shapes are equal for two batch sizes; nothing is in place; all parameters have gradients."""
    facts = layer_facts(case.layer, case.signals)
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")  # warned once, on the CPU
    module = case.layer.call(*case.shapes).build()
    assert sum(item.numel() for item in module.parameters()) == facts.parameters
    if case.spec.keeps_shape:
        assert facts.signal.shape == case.shapes[0]
    for batch in (2, 3):
        given = case.tensors(batch, grad=True)
        before = [item.detach().clone() for item in given]
        result = module(*given)
        assert isinstance(result, torch.Tensor) and tuple(result.shape) == (batch, *facts.signal.shape)
        assert ("float" if result.is_floating_point() else "int") == facts.signal.dtype
        for item, old in zip(given, before, strict=True):
            assert torch.equal(item.detach(), old), "the layer changed its input"
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    if result.requires_grad:
        (result * weights).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    for item in given:
        assert not item.is_floating_point() or item.grad is not None or case.spec.follows_batch
    assert not any(getattr(child, "inplace", False) for child in module.modules())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_no_problem_and_the_same_figures_everywhere(case: Case) -> None:
    warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
    document = together([case])
    assert builder.check(document) == []
    table = builder.summary(document)
    model = builder.compile(document).eval()
    assert table["parameters"].sum() == sum(item.numel() for item in model.parameters())
    row = table.set_index("node").loc["layer0"]
    assert row["output_shape"] == builder.infer(document)["layer0"] == tuple(model(*case.tensors(2)).shape[1:])


def test_one_network_of_every_layer_is_whole() -> None:
    analysis = analyse(together(CASES))
    assert not analysis.failures and not analysis.waiting and not analysis.plan.unbound


def test_long_sequences_are_not_run_to_know_their_shape() -> None:
    """A recurrent network over an hour of audio: its shape and its FLOPs are known without running it."""
    spec = builder.CATALOGUE["LSTM"](num_layers=2, hidden_size=32, output="last", bidirectional=True)
    facts = layer_facts(spec, (Signal((1_000_000, 3)),))
    assert facts.signal.shape == (64,)
    assert spec.flops(facts.signal, Signal((1_000_000, 3))) == 1_000_000 * 2 * 2 * 4 * 32 * ((3 + 32) + (64 + 32))


def test_the_last_state_of_both_directions_is_taken() -> None:
    """The backward direction has processed the whole sequence at its first step, not at the last."""
    for name in ("RNN", "LSTM", "GRU"):
        spec = builder.CATALOGUE[name]
        torch.manual_seed(0)
        module = spec(hidden_size=4, bidirectional=True, output="last").call((6, 3)).build()
        x = torch.randn(2, 6, 3)
        sequence = type(module).__mro__[1].forward(module, x)[0]
        wanted = torch.cat([sequence[:, -1, :4], sequence[:, 0, 4:]], dim=1)
        torch.testing.assert_close(module(x), wanted)


def test_causal_attention_sees_nothing_that_comes_later() -> None:
    cases = [("MultiheadAttention", 1), ("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2)]
    for name, inputs in cases:
        torch.manual_seed(0)
        for causal in (True, False):
            module = builder.CATALOGUE[name](causal=causal).call(*[(6, 8)] * inputs).build().eval()
            memory = [torch.randn(2, 6, 8)] * (inputs - 1)
            x = torch.randn(2, 6, 8)
            later = x.clone()
            later[:, 4:] += 1
            same = torch.allclose(module(x, *memory)[:, :4], module(later, *memory)[:, :4], atol=1e-5)
            assert same is causal, name


def test_every_activation_of_torch_that_takes_one_tensor_has_a_layer() -> None:
    from torch.nn.modules import activation

    wanted = {name for name in activation.__all__ if issubclass(getattr(activation, name), nn.Module)}
    assert wanted - {"MultiheadAttention"} <= set(builder.CATALOGUE)


def test_the_palette_is_in_the_order_of_the_families() -> None:
    families = [spec.family for spec in builder.CATALOGUE.values()]
    assert families == sorted(families, key=list(FAMILIES).index)
    assert set(families) == set(FAMILIES), "a family without a layer"
