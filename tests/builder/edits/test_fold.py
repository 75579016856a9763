"""Folding nodes into a block and unpacking it again: the network is the same, and each edit can be undone."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document, Edge, Node
from builder.edits import (
    AddNode,
    Bypass,
    Connect,
    Disconnect,
    Edit,
    InBlock,
    InsertBefore,
    MakeBlock,
    Move,
    RemoveBlock,
    RemoveNodes,
    RenameBlock,
    RenameNode,
    SetParams,
    Unpack,
)
from builder.problems import EditError
from tests.builder.folded import FOLDED, data, flat_residual, gated, node, residual, siamese, transformer

RESIDUAL_CNN = flat_residual()


def figures(document: Document) -> list[Any]:
    """The properties of a network that do not depend on the names of its nodes."""
    table = builder.summary(document)
    return sorted(zip(table["type"], table["output_shape"], table["parameters"], table["flops"], strict=True))


def outputs(document: Document, names: dict[str, str], weights: dict[str, torch.Tensor] | None) -> tuple[Any, Any]:
    """The network's outputs for random samples, with the weights of a network whose nodes have other names."""
    model = builder.compile(document).eval()
    if weights is not None:
        model.load_state_dict(
            {names[key.rpartition(".")[0]] + "." + key.rpartition(".")[2]: value for key, value in weights.items()}
        )
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, *item.spec.shape, generator=generator) for item in document.nodes if item.role == "input"]
    return model(*inputs), model.state_dict()


def test_a_selection_becomes_a_block_and_comes_back() -> None:
    names = ("conv1a", "norm1a", "relu1a", "conv1b", "norm1b", "add1")
    folded = MakeBlock(names, "residual", "stage1").apply(RESIDUAL_CNN)
    assert [item.name for item in folded.blocks["residual"].nodes] == ["x", *names, "y"]
    assert builder.check(folded) == [] and figures(folded) == figures(RESIDUAL_CNN)
    assert [item.name for item in folded.nodes].index("stage1") == 3, "where the first of them stood"
    assert builder.load(builder.dump(folded)) == folded
    before, weights = outputs(RESIDUAL_CNN, {}, None)
    moved = {name: f"stage1.0.{name}" if name in names else name for name in RESIDUAL_CNN.by_name}
    after, _ = outputs(folded, moved, weights)
    assert torch.equal(before, after)
    back = Unpack("stage1").apply(folded)
    assert set(back.by_name) == set(RESIDUAL_CNN.by_name) and figures(back) == figures(RESIDUAL_CNN)
    again, _ = outputs(back, {name: name for name in back.by_name}, weights)
    assert torch.equal(before, again)


def test_ports_are_in_running_order_and_named_after_what_feeds_them() -> None:
    document = builder.load(
        data(
            "b > sub:other, a > sub:input, sub > act > out, a > late, act > late, late > end",
            node("a", "Input", shape=[3]),
            node("b", "Input", shape=[3]),
            node("sub", "Subtract"),
            node("act", "ReLU"),
            node("out", "Output"),
            node("late", "Add"),
            node("end", "Output"),
        )
    )
    folded = MakeBlock(("sub", "act"), "part", "part").apply(document)
    assert folded.blocks["part"].ports == ("b", "a")
    assert {(edge.source, edge.port) for edge in folded.edges if edge.target == "part"} == {("b", "b"), ("a", "a")}
    assert builder.check(folded) == [] and figures(folded) == figures(document)


def test_repeats_unpack_one_behind_the_other() -> None:
    document = gated(3)
    flat = Unpack("b1").apply(document)
    assert [item.name for item in flat.nodes] == [
        "a",
        "b",
        "b1_0_fc",
        "b1_0_times",
        "b1_1_fc",
        "b1_1_times",
        "b1_2_fc",
        "b1_2_times",
        "sum",
        "out",
    ]
    assert figures(flat) == figures(document) and builder.check(flat) == []
    before, weights = outputs(document, {}, None)
    names = {f"b1.{number}.fc": f"b1_{number}_fc" for number in range(3)}
    after, _ = outputs(flat, names, weights)
    assert torch.equal(before, after)
    assert list(flat.blocks) == ["gated"], "the block itself stays"


def test_names_that_are_taken_get_the_nodes_name_in_front() -> None:
    document = AddNode(Node(name="conv1", type="ReLU")).apply(residual(1))
    assert "stage1_conv1" in Unpack("stage1").apply(document).by_name


def test_nested_blocks_unpack_level_by_level() -> None:
    document = transformer(1)
    once = Unpack("layers").apply(document)
    assert "mlp" in once.by_name and figures(once) == figures(document)
    twice = Unpack("mlp").apply(once)
    assert figures(twice) == figures(document) and not twice.composites and builder.check(twice) == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "Nothing is selected"),
        (("ghost",), "no node 'ghost'"),
        (("image", "stem"), "image is an input of the network"),
        (("fc", "class_scores"), "class_scores is an output of the network"),
        (("stem", "norm1a"), "returns to it from conv1a to norm1a"),
        (("relu1b", "conv2a", "norm2a"), "2 values leave the selection, from norm2a, relu1b; a block has one result"),
        (("conv1a", "relu2a"), "returns to it from"),
    ],
)
def test_a_selection_that_cannot_be_a_block(names: tuple[str, ...], words: str) -> None:
    with pytest.raises(EditError, match=words):
        MakeBlock(names, "part", "new").apply(RESIDUAL_CNN)


@pytest.mark.parametrize(("block", "name"), [("class", "new"), ("part", "image"), ("part", "forward"), ("1", "new")])
def test_names_of_new_blocks_follow_the_rules(block: str, name: str) -> None:
    with pytest.raises(EditError):
        MakeBlock(("conv1a",), block, name).apply(RESIDUAL_CNN)
    folded = MakeBlock(("conv1a",), "part", "conv1a").apply(RESIDUAL_CNN)
    assert folded.by_name["conv1a"].use == ("part", 1), "the name of a node that goes in is free"
    with pytest.raises(EditError, match="There is already a block 'part'"):
        MakeBlock(("conv1b",), "part", "new").apply(folded)


def test_weights_are_shared_inside_or_outside_but_not_across() -> None:
    with pytest.raises(EditError, match="head shares the weights of embedding"):
        MakeBlock(("embedding", "position"), "part", "new").apply(transformer())
    with pytest.raises(EditError, match="shares its weights with another"):
        Unpack("left").apply(siamese())
    with pytest.raises(EditError, match="fc uses no block"):
        Unpack("fc").apply(residual())


def test_a_block_is_renamed_everywhere_and_removed_when_unused() -> None:
    document = transformer()
    renamed = RenameBlock("mlp", "feed_forward").apply(document)
    assert renamed.blocks["layer"].composites == {"mlp": ("feed_forward", 1)} and builder.check(renamed) == []
    assert list(renamed.blocks) == ["layer", "feed_forward"]
    for edit, words in (
        (RenameBlock("ghost", "a"), "no block 'ghost'"),
        (RenameBlock("mlp", "layer"), "already"),
        (RenameBlock("mlp", "a b"), "cannot be a name"),
        (RemoveBlock("mlp"), r"used by mlp \(in the block layer\)"),
        (RemoveBlock("layer"), "used by layers"),
        (RemoveBlock("ghost"), "no block"),
    ):
        with pytest.raises(EditError, match=words):
            edit.apply(document)
    assert list(RemoveBlock("residual").apply(Unpack("stage1").apply(residual())).blocks) == []


PARAMS: dict[str, list[dict[str, Any]]] = {
    "Conv2d": [{"out_channels": 3, "padding": 1}, {"out_channels": 0}],
    "Linear": [{"out_features": 5}, {"bias": False}],
}


def random_edit(document: Document, chance: random.Random) -> Edit:
    """A random edit; half of them are inside a block."""
    if document.blocks and chance.random() < 0.5:
        block = chance.choice([*document.blocks, "ghost"])
        if block in document.blocks:
            return InBlock(block, random_edit(builder.document.blocks.opened(document, block), chance))
        return InBlock(block, RemoveNodes(("x",)))
    names = [*document.by_name, "ghost"]
    name, other = chance.choice(names), chance.choice(names)
    blocks = [*document.blocks, "ghost", f"b{chance.randrange(9)}"]
    kind = chance.choice(["ReLU", "Linear", "Conv2d", "Add", "Input", "Output", "Block", "Ghost"])
    params: dict[str, Any] = chance.choice(PARAMS.get(kind, [{}]))
    if kind == "Block":
        params = {"block": chance.choice(blocks), "repeat": chance.choice([1, 2, 3, 20_000])}
    new = Node(name=f"n{chance.randrange(30)}", type=kind, params=params)
    edge = Edge(source=name, target=other, port=chance.choice([None, None, "x", "gate"]))
    selection = tuple(chance.sample(sorted(document.by_name), min(len(document.by_name), chance.randrange(1, 5))))
    edits: list[Edit] = [
        AddNode(new),
        RemoveNodes((name,)),
        RenameNode(name, new.name),
        Connect(edge),
        Move({name: (1.0, 2.0)}),
        Disconnect(chance.choice([*document.edges, edge])),
        InsertBefore(new, name),
        Bypass(name),
        Unpack(name),
        MakeBlock(selection, chance.choice(blocks), new.name),
        MakeBlock(selection, f"b{chance.randrange(9)}", "m"),
        RenameBlock(chance.choice(blocks), chance.choice(blocks)),
        RemoveBlock(chance.choice(blocks)),
        SetParams(name, {"block": chance.choice(blocks), "repeat": chance.randrange(4)}),
    ]
    return chance.choice(edits)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FOLDED)), st.integers(0, 2**32))
def test_every_edit_can_be_taken_back_and_what_it_makes_can_be_opened(name: str, seed: int) -> None:
    chance = random.Random(seed)
    document, done = FOLDED[name](), 0
    for _ in range(25):
        text = builder.dump(document)
        edit = random_edit(document, chance)
        try:
            after = edit.apply(document)
        except EditError as error:
            assert str(error)[-1] in ".?", str(error)
            assert builder.dump(document) == text
            continue
        done += 1
        inverse = edit.inverse(document)
        assert inverse.apply(after) == document and builder.dump(inverse.apply(after)) == text
        assert inverse.inverse(after).apply(document) == after
        assert builder.dump(builder.load(builder.dump(after))) == builder.dump(after)
        for problem in builder.check(after):
            assert problem.message and problem.code
            if problem.fix:
                builder.apply_all(after, problem.fix)
        document = after
    assert len(builder.summary(document)) <= len(builder.infer(document))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_folding_and_unpacking_any_selection_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    layers = [item.name for item in RESIDUAL_CNN.nodes if item.role == "layer"]
    start = chance.randrange(len(layers))
    names = tuple(layers[start : start + chance.randrange(1, 9)])
    try:
        folded = MakeBlock(names, "part", "part").apply(RESIDUAL_CNN)
    except EditError:
        return
    assert builder.check(folded) == builder.check(RESIDUAL_CNN) and figures(folded) == figures(RESIDUAL_CNN)
    total = builder.summary(RESIDUAL_CNN)["parameters"].sum()
    assert builder.infer(folded)["part"] == builder.infer(RESIDUAL_CNN)[_last(names)]
    assert sum(value.numel() for value in builder.compile(folded).parameters()) == total
    back = Unpack("part").apply(folded)
    assert figures(back) == figures(RESIDUAL_CNN) and set(back.by_name) == set(RESIDUAL_CNN.by_name)


def _last(names: tuple[str, ...]) -> str:
    leaving = [e.source for e in RESIDUAL_CNN.edges if e.source in names and e.target not in names]
    return leaving[0]
