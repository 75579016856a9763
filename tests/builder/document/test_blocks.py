"""Blocks of a document: messages for wrong ones, opening and closing a block, limits."""

from __future__ import annotations

from typing import Any

import pytest

import builder
from builder.document import Document
from builder.document.blocks import closed, expansion, first_uses, opened
from builder.edits import AddNode, Connect, Disconnect, InBlock, RemoveNodes, RenameNode, SetParams, SetText
from builder.problems import DocumentError, EditError
from tests.builder.folded import FOLDED, RESIDUAL, data, gated, graph, node, residual, wires


def chain(*nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A block of nodes in a chain, between x and y."""
    names = ["x", *(item["name"] for item in nodes), "y"]
    return graph(" > ".join(names), node("x", "Input"), *nodes, node("y", "Output"), **fields)


def use(block: str, repeat: int = 1) -> dict[str, Any]:
    return node("part", "Block", block=block, repeat=repeat)


def around(blocks: dict[str, Any], *extra: dict[str, Any]) -> dict[str, Any]:
    """A document that uses the block `a`."""
    return data(
        "image > part > end", node("image", "Input", shape=[4]), use("a"), node("end", "Output"), *extra, blocks=blocks
    )


@pytest.mark.timeout(60)  # linear code takes seconds
def refused(source: dict[str, Any]) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        builder.load(source)
    found = [str(problem) for problem in caught.value.problems]
    assert all(text[-1] in ".?" and len(text) < 600 for text in found), found
    return found


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_written_can_be_read_again(name: str) -> None:
    document = FOLDED[name]()
    text = builder.dump(document)
    assert builder.load(text) == document and builder.dump(builder.load(text)) == text
    assert builder.check(document) == []


def test_layout_and_description_are_kept_and_may_be_left_out() -> None:
    made = builder.load(around({"a": chain(node("act", "ReLU"), layout={"act": [1, 2]}, description="One layer.")}))
    again = builder.load(builder.dump(made))
    assert again.blocks["a"].layout == {"act": (1.0, 2.0)} and again.blocks["a"].description == "One layer."
    assert '"layout"' not in builder.dump(residual()) and "description" not in builder.dump(residual())


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ({"a": chain(node("fc", "Liner"))}, "In the block a: There is no layer type 'Liner'. Did you mean Linear"),
        ({"a": chain(node("fc", "Linear", out_features="x"))}, "part.0.fc: In the block a: out_features must be"),
        ({"a": chain(node("fc", "Linear"), node("fc", "ReLU"))}, "In the block a: 2 nodes have the name 'fc'"),
        ({"a": chain(node("class", "ReLU"))}, "blocks['a']['nodes'][1] ('class'): 'class' is a keyword of Python"),
        ({"a": chain(node("a b", "ReLU"))}, "'a b' cannot be a name"),
        ({"a": {**RESIDUAL, "edges": wires("x > conv1, ghost > y")}}, "starts at 'ghost', but there is no node"),
        ({"a": chain(layout={"ghost": [0, 0]})}, "In the block a: The layout has a position for 'ghost'"),
        ({"a": chain({**node("fc", "ReLU"), "network": "critic"})}, "remove the network 'critic'"),
        ({"a": chain(), "b": chain(node("fc", "Liner"))}, "In the block b, fc: There is no layer type"),
        ({"a": chain(), "class": chain()}, "A block: 'class' is a keyword of Python"),
        ({"a": {"nodes": [], "edge": []}}, "Did you mean edges?"),
        ({"aa": chain()}, "part: There is no block 'a' in this document. Did you mean aa?"),
        ({"b": chain()}, "part: There is no block 'a' in this document. Its blocks: b."),
        ({"a": chain(use("bb")), "bbb": chain()}, "In the block a: There is no block 'bb' in this document. Did you"),
        ({"a": chain(use("a"))}, "would put the block a inside itself: a → a."),
        ({"a": chain(use("b")), "b": chain(use("c")), "c": chain(use("a"))}, "inside itself: a → b → c → a."),
        ({"a": chain(use("b", 0)), "b": chain()}, "repeat must be at least 1"),
        ({"a": chain(use("b", 10_000)), "b": chain(node("act", "ReLU"))}, "10,002 nodes; 10,000 is the limit."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_block_is_refused_in_words(blocks: dict[str, Any], words: str) -> None:
    found = refused(around(blocks))
    assert any(words in text for text in found), found


def test_all_problems_are_listed_with_their_block_and_node() -> None:
    blocks = {"a": chain(node("one", "Liner"), node("two", "Conv2d", stride=0)), "b": chain(node("three", "X"))}
    found = refused(around(blocks, node("fc", "Lnear")))
    assert len(found) == 4
    assert all(word in "\n".join(found) for word in ("fc: ", "part.0.one: ", "part.0.two: ", "block b, three: "))


def nest(levels: int) -> dict[str, Any]:
    blocks = {f"b{number}": chain(use(f"b{number + 1}")) for number in range(1, levels)}
    return {**blocks, f"b{levels}": chain(node("act", "ReLU")), "a": chain(use("b1"))}


def test_eight_levels_are_the_most() -> None:
    document = builder.load(around(nest(7)))
    assert builder.infer(document)["part.0.part.0.part.0.part.0.part.0.part.0.part.0.part.0.act"] == (4,)
    assert any("nested 9 blocks deep; 8 is the limit" in text for text in refused(around(nest(8))))


@pytest.mark.parametrize("levels", [9, 200, 3000])
def test_a_document_that_would_blow_up_is_refused_at_once(levels: int) -> None:
    """Ten thousand repeats of ten thousand repeats of …: counted without expanding them."""
    deep = {f"b{number}": chain(use(f"b{number + 1}", 10_000)) for number in range(levels)}
    refused(around({**deep, f"b{levels}": chain(), "a": chain(use("b0", 10_000))}))
    wide = {f"b{number}": chain(use(f"b{number + 1}", 10_000)) for number in range(6)}
    found = refused(around({**wide, "b6": chain(node("act", "ReLU")), "a": chain(use("b0", 10_000))}))
    assert any("With its blocks unpacked it has about 1,000,000,000,000 nodes" in text for text in found)


def test_ports_and_wires_count_too() -> None:
    ports = [node(f"i{number}", "Input") for number in range(2000)]
    blocks = {"a": chain(use("b", 100)), "b": graph("i0 > y", *ports, node("y", "Output"))}
    assert any("wires; 50,000 is the limit" in text for text in refused(around(blocks)))
    merge = node("sum", "Add")
    many = {"a": chain(use("b", 200)), "b": {**chain(merge), "edges": wires("sum > y") + 1000 * wires("x > sum")}}
    assert any("wires; 50,000 is the limit" in text for text in refused(around(many)))


def test_a_block_that_nothing_uses_is_allowed_and_not_checked() -> None:
    document = builder.load(around({"a": chain(), "spare": graph("", node("act", "ReLU"))} | {}))
    assert builder.check(document) == []
    assert first_uses(document) == {"a": "part.0"}


@pytest.mark.timeout(60)  # linear code takes seconds
def test_ten_thousand_nodes_in_blocks_are_checked_in_seconds() -> None:
    document = builder.load(around({"a": chain(use("b", 4990)), "b": chain(node("act", "ReLU"), node("tan", "Tanh"))}))
    assert builder.check(document) == [] and len(builder.infer(document)) > 9_980


def test_a_block_opens_as_a_document_and_closes_again() -> None:
    document = residual()
    inner = opened(document, "residual")
    assert inner.name == "residual" and inner.nodes == document.blocks["residual"].nodes
    assert closed(document, "residual", inner) == document
    edited = SetParams("conv1", {"out_channels": 3, "kernel_size": 5, "padding": 2}).apply(inner)
    after = closed(document, "residual", edited)
    weights = {key: tuple(value.shape) for key, value in builder.compile(after).state_dict().items()}
    assert {weights[f"stage1.{number}.conv1.weight"] for number in range(3)} == {(3, 3, 5, 5)}


def test_wires_follow_a_port_that_is_renamed() -> None:
    document = gated()
    after = InBlock("gated", RenameNode("gate", "mask")).apply(document)
    assert [edge.port for edge in after.edges if edge.target == "b1"] == ["x", "mask"]
    assert InBlock("gated", RenameNode("gate", "mask")).inverse(document).apply(after) == document
    swapped = InBlock("gated", RenameNode("x", "gate2")).apply(after)
    assert [edge.port for edge in swapped.edges if edge.target == "b1"] == ["gate2", "mask"]
    assert builder.infer(swapped)["b1"] == (5,) and builder.load(builder.dump(swapped)) == swapped


def test_wires_go_with_a_port_that_is_removed() -> None:
    document = gated()
    after = InBlock("gated", RemoveNodes(("gate",))).apply(document)
    assert [(edge.source, edge.target) for edge in after.edges] == [
        ("a", "b1"),
        ("b1", "sum"),
        ("sum", "out"),
        ("b", "sum"),
    ]
    first = InBlock("gated", RemoveNodes(("x",))).apply(
        Document.model_validate({**document.model_dump(), "edges": wires("a > b1, b > b1, b1 > sum > out, b > sum")})
    )
    assert (first.edges[0].source, first.edges[0].target) == ("b", "b1"), "without names, by their places"


def test_wires_inside_other_blocks_follow_too() -> None:
    outer = graph(
        "p > g:x, q > g:gate, g > y",
        node("p", "Input"),
        node("q", "Input"),
        node("g", "Block", block="gated"),
        node("y", "Output"),
    )
    document = gated()
    document = builder.load(
        {**document.model_dump(mode="json"), "blocks": {"outer": outer, **document.model_dump(mode="json")["blocks"]}}
    )
    after = InBlock("gated", RenameNode("gate", "mask")).apply(document)
    assert [edge.port for edge in after.blocks["outer"].edges] == ["x", "mask", None]
    assert list(after.blocks) == ["outer", "gated"], "the order of the blocks is kept"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (InBlock("ghost", RemoveNodes(("x",))), "no block 'ghost'"),
        (InBlock("residual", RemoveNodes(("ghost",))), "no node 'ghost'"),
        (InBlock("residual", SetText("name", "other")), "belong to the document"),
        (InBlock("residual", AddNode(builder.Node(name="me", type="Block", params={"block": "residual"}))), "itself"),
        (AddNode(builder.Node(name="b", type="Block", params={"block": "residul"})), "Did you mean residual?"),
        (AddNode(builder.Node(name="b", type="Block")), "block is missing"),
        (SetParams("stage1", {"block": "residual", "repeat": 9000}), "10,000 is the limit"),
        (SetParams("stage1", {"block": "ghost"}), "no block 'ghost'"),
        (InBlock("residual", Connect(builder.Edge(source="add", target="conv1"))), "would close a cycle"),
        (Disconnect(builder.Edge(source="x", target="conv1")), "no wire"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_edits_that_do_not_fit(edit: Any, words: str) -> None:
    with pytest.raises(EditError, match=words):
        edit.apply(residual())


def test_what_cannot_be_expanded_is_no_reason_to_fail() -> None:
    """A document in memory can have any problem: it is reported, and the rest is analysed."""
    blocks: dict[str, Any] = {"a": chain(use("a")), "b": chain(use("ghost")), "c": chain(use("b")), "d": chain()}
    nodes = [node("image", "Input", shape=[4]), *(node(name, "Block", block=name) for name in "abcdx")]
    text = ", ".join(f"image > {name}" for name in "abcdx")
    document = Document.model_validate({"nodes": nodes, "edges": wires(text), "blocks": blocks})
    assert expansion(document).expandable == {"d"}
    assert builder.infer(document).keys() == {"image", "d", "d.0", "d.0.x", "d.0.y"}
    assert sum(problem.code == "N104" for problem in builder.check(document)) == 3
