"""Several networks in one document: connected nodes stay in one network, and each network has its own layout."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import builder
from builder.document import Document, Edge, Node
from builder.document.graph import connected, networks
from builder.document.layout import arrange
from builder.edits import AddNode, Connect, InBlock, SetNetwork, Together, apply_all
from builder.problems import EditError

Make = Callable[..., Document]


def pair(make: Make, **fields: object) -> Document:
    """Two chains in two networks."""
    one, other = {"network": "generator"}, {"network": "discriminator"}
    return make(
        ("noise", "Input", {"shape": [8]}, one),
        ("fc1", "Linear", {"out_features": 2}, one),
        ("sample", "Output", {}, one),
        ("point", "Input", {"shape": [2]}, other),
        ("fc2", "Linear", {"out_features": 1}, other),
        ("verdict", "Output", {}, other),
        edges="noise > fc1, fc1 > sample, point > fc2, fc2 > verdict",
        **fields,
    )


def test_what_is_wired_or_shares_weights_goes_along(make: Make) -> None:
    nodes = [
        ("a", "Input"),
        ("b", "Linear"),
        ("c", "Output"),
        ("d", "Linear", {}, {"shares_weights_with": "b"}),
        ("e", "ReLU"),
    ]
    document = make(*nodes, edges="a > b, b > c")
    assert connected(document, ["c"]) == {"a", "b", "c", "d"} and connected(document, ["e"]) == {"e"}
    after = SetNetwork(("c",), "generator").apply(document)
    assert {node.name for node in after.nodes if node.network == "generator"} == {"a", "b", "c", "d"}
    assert networks(after) == ("generator", "main")
    assert SetNetwork(("c",), "generator").inverse(document).apply(after) == document
    assert SetNetwork(("a",), "generator").apply(after) is after
    assert builder.dump(builder.load(builder.dump(after))) == builder.dump(after)


def test_networks_are_arranged_one_above_the_other(make: Make) -> None:
    places = arrange(pair(make))
    assert places["noise"][0] == places["point"][0] == 0.0
    assert {places[name][1] for name in ("noise", "fc1", "sample")} == {0.0}
    assert min(places[name][1] for name in ("point", "fc2", "verdict")) > 120


def test_each_network_is_checked_for_its_own_ends_and_mended_in_its_place(make: Make) -> None:
    document = pair(make)
    assert builder.check(document) == []
    gone = {"sample", "point"}
    broken = document.changed(
        nodes=tuple(node for node in document.nodes if node.name not in gone),
        edges=tuple(edge for edge in document.edges if not {edge.source, edge.target} & gone),
    )
    found = {problem.code: problem for problem in builder.check(broken)}
    assert "discriminator has no Input" in found["N110"].message and "generator has no Output" in found["N111"].message
    fixed = apply_all(broken, [*(found["N110"].fix or ()), *(found["N111"].fix or ())])
    assert {node.network for node in fixed.nodes if node.role == "output"} == {"generator", "discriminator"}
    assert not {problem.code for problem in builder.check(fixed)} & {"N110", "N111", "N140"}


def test_code_has_a_class_for_each_network_by_its_name(make: Make) -> None:
    source = builder.to_python(pair(make))
    assert source.index("class Generator(nn.Module):") < source.index("class Discriminator(nn.Module):")
    assert set(builder.compile(pair(make), "discriminator").state_dict()) == {"fc2.weight", "fc2.bias"}


def test_no_wire_joins_two_networks_and_a_block_has_none_of_its_own(make: Make) -> None:
    document = pair(make)
    with pytest.raises(EditError, match="no wire joins two networks"):
        Connect(Edge(source="fc1", target="verdict")).apply(document)
    lone = Together((AddNode(Node(name="act", type="ReLU")), SetNetwork(("act",), "generator")))
    Connect(Edge(source="fc1", target="act")).apply(lone.apply(document))
    block = {
        "nodes": [{"name": "x", "type": "Input"}, {"name": "y", "type": "Output"}],
        "edges": [{"source": "x", "target": "y"}],
    }
    with pytest.raises(EditError, match="cannot have another one"):
        InBlock("part", SetNetwork(("x",), "other")).apply(pair(make, blocks={"part": block}))
