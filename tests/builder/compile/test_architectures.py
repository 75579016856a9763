"""Well-known networks have exactly their known sizes, and the FLOPs that torch counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import builder
from builder.document import Document
from tests.builder.architectures import ARCHITECTURES, GOLDEN

FEW = ["resnet18", "gpt2_small", "bert_base", "unet", "convnext_tiny"]


def kept(name: str) -> Document:
    return builder.load(Path(GOLDEN / f"{name}.json"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_kept_document_is_the_one_that_is_described(name: str) -> None:
    """After an intended change: python -m tests.builder.architectures"""
    make, _ = ARCHITECTURES[name]
    assert builder.dump(builder.load(make())) == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_and_flops_are_the_well_known_ones(name: str) -> None:
    _, parameters = ARCHITECTURES[name]
    document = kept(name)
    assert [problem for problem in builder.check(document) if problem.severity == "error"] == []
    table = builder.summary(document)
    assert table["parameters"].sum() == parameters
    with torch.device("meta"):
        model = builder.compile(document).eval()
        inputs = [empty(node.spec) for node in document.nodes if node.spec.role == "input"]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            result = model(*inputs)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert counter.get_total_flops() == 2 * table["flops"].sum()
    assert tuple(result.shape[1:]) == builder.infer(document)["scores"]


def empty(spec: Any) -> torch.Tensor:
    """A batch of two for an Input node."""
    return torch.zeros((2, *spec.shape), dtype=torch.int64 if spec.dtype == "int" else torch.float32)


@pytest.mark.parametrize("name", FEW)
def test_their_code_has_the_same_weights(name: str) -> None:
    document = kept(name)
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile(builder.to_python(document), "model.py", "exec"), namespace)
    with torch.device("meta"):
        model = builder.compile(document)
        written = namespace[type_name(namespace)]()
    ours = {key: value.shape for key, value in model.state_dict().items()}
    assert {key: value.shape for key, value in written.state_dict().items()} == ours
    assert list(written.state_dict()) == list(ours)


def type_name(namespace: dict[str, Any]) -> str:
    """The network's class: the last one in the file."""
    return [name for name, value in namespace.items() if isinstance(value, type)][-1]


def test_a_transformer_is_torchs_own() -> None:
    """The document of the transformer has the parameters of torch.nn.Transformer."""
    with torch.device("meta"):
        theirs = torch.nn.Transformer(batch_first=True)
    assert sum(parameter.numel() for parameter in theirs.parameters()) == ARCHITECTURES["transformer_base"][1]


def test_tied_weights_are_one_tensor() -> None:
    with torch.device("meta"):
        model = builder.compile(kept("gpt2_small"))
    assert model.get_parameter("head.weight") is model.get_parameter("words.weight")
