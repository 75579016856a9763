"""Which nodes may be wired, with the reason if they may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document, Edge
from builder.edits import Connect
from builder.edits.connect import occupant, why_not
from builder.problems import EditError

Make = Callable[..., Document]


@pytest.fixture
def network(make: Make) -> Document:
    return make(
        ("image", "Input", {"shape": [4]}),
        ("a", "ReLU"),
        ("b", "ReLU"),
        ("sub", "Subtract"),
        ("add", "Add"),
        ("end", "Output"),
        ("there", "Input", {"shape": [4]}, {"network": "other"}),
        edges="image > a, a > b, b > sub:input, a > add, b > add, add > end",
    )


@pytest.mark.parametrize(
    ("source", "target", "port", "words"),
    [
        ("image", "ghost", None, "There is no node 'ghost'."),
        ("imag", "a", None, "Did you mean image?"),
        ("a", "a", None, "a cannot be its own input."),
        ("there", "add", None, "no wire joins two networks"),
        ("end", "sub", None, "end is an output: it has no successor."),
        ("a", "image", None, "image is an input: it has no predecessor."),
        ("b", "a", None, "close a cycle: a → b → a. A network must be acyclic."),
        ("add", "a", None, "close a cycle: a → add → a"),
        ("a", "add", None, "a is already wired to add."),
        ("b", "sub", "input", "b is already wired to sub."),
        ("image", "b", None, "b takes 1 input and has 2; remove 1."),
        ("image", "sub", "input", "sub has two wires at its port input: from b and image."),
        ("image", "sub", "left", "sub has no port 'left'; its ports are: input, other."),
    ],
)
def test_a_wire_that_does_not_fit(network: Document, source: str, target: str, port: str | None, words: str) -> None:
    edge = Edge(source=source, target=target, port=port)
    complaint = why_not(network, edge)
    assert complaint is not None and words in complaint and complaint[-1] in ".?"
    with pytest.raises(EditError):
        Connect(edge).apply(network)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [("image", "sub", None), ("image", "sub", "other"), ("b", "sub", "other"), ("image", "add", None)],
)
def test_a_wire_that_fits(network: Document, source: str, target: str, port: str | None) -> None:
    edge = Edge(source=source, target=target, port=port)
    assert why_not(network, edge) is None
    assert Connect(edge).apply(network).edges[-1] == edge


def test_a_wire_to_a_node_that_is_wrong_itself_is_left_to_the_checks(make: Make) -> None:
    document = make(("image", "Input"), ("x", "Ghost"), ("y", "Dropout", {"p": 3}), edges="", load=False)
    assert why_not(document, Edge(source="image", target="x")) is None
    assert why_not(document, Edge(source="image", target="y")) is None


def test_the_wire_that_stands_in_the_way(network: Document) -> None:
    def found(source: str, target: str, port: str | None = None) -> str | None:
        edge = occupant(network, Edge(source=source, target=target, port=port))
        return edge.source if edge else None

    assert found("image", "b") == "a"
    assert found("image", "add") is None, "a merge takes any number"
    assert found("image", "sub", "input") == "b" and found("image", "sub", "other") is None
    assert found("image", "sub") is None


NAMES = ["image", "a", "b", "sub", "add", "end", "there"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from([None, "input", "other"]))))
def test_wires_that_are_let_in_never_make_a_cycle_or_a_wrong_binding(wires: list[tuple[str, str, str | None]]) -> None:
    kinds = ["Input", "ReLU", "ReLU", "Subtract", "Add", "Output", "Input"]
    made = [{"name": name, "type": kind} for name, kind in zip(NAMES, kinds, strict=True)]
    document = builder.load({"format": "netloom/2", "nodes": made})
    for source, target, port in wires:
        edge = Edge(source=source, target=target, port=port)
        if why_not(document, edge) is None:
            document = Connect(edge).apply(document)
    codes = {problem.code for problem in builder.check(document)}
    assert not codes & {"N120", "N140"}
    for problem in builder.check(document):
        if problem.code == "N130":
            assert "no input" in problem.message or "free" in problem.message or "two or more" in problem.message
