"""Code and exports of networks with blocks: a class for each, lists of repeats; executed and compared with the module.

The code of each document in folded.py is kept in tests/golden. After an intended change, write it again:

    NETLOOM_UPDATE_GOLDEN=1 python -m pytest tests/builder/codegen/test_block_code.py -k golden
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document, Edge
from builder.edits import Connect, InBlock, RemoveNodes, RenameBlock, RenameNode, SetParams, SetText, Together
from tests.builder.folded import FOLDED, data, gated, graph, node, residual, siamese, transformer, widening
from tests.builder.generated_code import GOLDEN, compare, tidy


@pytest.mark.parametrize("name", FOLDED)
def test_folded_networks_run_and_match_their_golden_file(name: str) -> None:
    source = compare(FOLDED[name]())
    tidy(source)
    golden = GOLDEN / f"folded_{name}.py.txt"
    if os.environ.get("NETLOOM_UPDATE_GOLDEN"):
        golden.write_text(source, encoding="utf-8")
    assert source == golden.read_text(encoding="utf-8")


def test_what_differs_between_uses_becomes_a_parameter() -> None:
    source = compare(widening())
    assert "def __init__(self, in_channels: int) -> None:" in source and "nn.Conv2d(in_channels, 8," in source
    assert "self.left = nn.ModuleList([Stage(in_channels=1)])" in source
    assert "self.second = nn.ModuleList(Unit(in_channels=8) for _ in range(2))" in source


def test_the_first_of_many_repeats_may_differ() -> None:
    edits = (
        RemoveNodes(("add",)),
        Connect(Edge(source="relu", target="y")),
        SetParams("conv1", {"out_channels": 4, "padding": 1}),
    )
    document = InBlock("residual", Together(edits)).apply(residual(9))
    source = compare(document)
    assert "nn.ModuleList([Residual(in_channels=3), *(Residual(in_channels=4) for _ in range(8))])" in source
    tidy(source)


def test_functions_whose_arguments_differ_keep_them() -> None:
    """A function is called in forward; the constructor stores its arguments."""
    inner = graph(
        "x > flat > fc > y",
        node("x", "Input"),
        node("flat", "Flatten"),
        node("fc", "Linear", out_features=4),
        node("y", "Output"),
    )
    document = builder.load(
        data(
            "one > a > sum, two > b > sum > end",
            node("one", "Input", shape=[2, 3]),
            node("two", "Input", shape=[5]),
            node("a", "Block", block="head"),
            node("b", "Block", block="head"),
            node("sum", "Add"),
            node("end", "Output"),
            blocks={"head": inner},
        )
    )
    source = compare(document)
    assert "def __init__(self, in_features: int) -> None:" in source and "Head(in_features=6)" in source


def test_other_ports_get_the_same_value_every_time() -> None:
    source = compare(gated(4))
    assert "        x = a\n        for block in self.b1:\n            x = block(x, b)\n" in source
    tidy(source)


@pytest.mark.parametrize("repeat", [1, 2])
def test_a_port_that_is_fed_with_the_same_value_as_the_first(repeat: int) -> None:
    """In the loop the value of the first port changes in each iteration, and the other must not."""
    inner = graph(
        "p > sub:input, q > sub:other, sub > y",
        node("p", "Input"),
        node("q", "Input"),
        node("sub", "Subtract"),
        node("y", "Output"),
    )
    document = builder.load(
        data(
            "x > act, act > b:p, act > b:q, b > end",
            node("x", "Input", shape=[3]),
            node("act", "Tanh"),
            node("b", "Block", block="minus", repeat=repeat),
            node("end", "Output"),
            blocks={"minus": inner},
        )
    )
    compare(document)


def test_classes_have_names_of_their_own() -> None:
    document = RenameBlock("residual", "network").apply(SetText("name", "Network").apply(residual()))
    assert "class Network2(nn.Module)" in compare(document)
    for name in ("Tensor", "scale", "Path", "nn_", "x" * 60):
        compare(RenameBlock("residual", name).apply(residual()))


def test_words_of_a_block_are_its_docstring_whatever_they_hold() -> None:
    words = 'Quotes """ and \\\\ and \\u202e, on\\ntwo lines.'
    document = InBlock("residual", SetText("description", words)).apply(residual())
    tidy(compare(document))


def test_names_that_would_hide_something() -> None:
    for name in ("block", "range", "x", "in_channels", "h", "list", "self_"):
        edit = RenameNode("x", "block") if name == "x" else RenameNode("conv1", name)
        document = InBlock("residual", edit).apply(residual())
        document = RenameNode("image", "block").apply(document)
        tidy(compare(document))


NAMES = st.sampled_from(["stage1", "block", "x", "image_", "residual", "fc_"])


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(FOLDED)), NAMES, NAMES, st.integers(1, 4))
def test_any_names_and_numbers(which: str, first: str, other: str, repeat: int) -> None:
    document: Document = FOLDED[which](repeat) if which in ("residual", "gated", "transformer") else FOLDED[which]()
    for old, new in zip(document.by_name, (first, other), strict=False):
        if new not in document.by_name:
            document = RenameNode(old, new).apply(document)
    compare(document)


# -- exports -------------------------------------------------------------------------------------------------------

FORMATS = {"safetensors": "safetensors", "python": "py", "onnx": "onnx", "pt2": "pt2", "zip": "zip"}


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["siamese", "transformer"])
def test_every_export_of_networks_with_blocks_and_shared_weights(name: str, kind: str, tmp_path: Path) -> None:
    document = FOLDED[name]()
    model = builder.compile(document)
    made = builder.export(model, document, tmp_path / f"model.{FORMATS[kind]}", kind)
    assert made.difference < 1e-4


def test_what_is_shared_is_in_the_file_under_both_names(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    document = transformer()
    model = builder.compile(document)
    builder.export(model, document, tmp_path / "m.safetensors", "safetensors")
    weights: dict[str, Any] = load_file(tmp_path / "m.safetensors")
    assert set(weights) == set(model.state_dict())
    assert torch.equal(weights["head.weight"], weights["embedding.weight"])
    again = builder.compile(document)
    again.load_state_dict(weights)
    assert again.head.weight is again.embedding.weight
    builder.export(builder.compile(siamese()), siamese(), tmp_path / "s.safetensors", "safetensors")
    assert "right.0.conv.weight" not in load_file(tmp_path / "s.safetensors")
