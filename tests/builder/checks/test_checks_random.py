"""Checks of random documents in memory: no exception, every fix can be applied, and thousands of errors are fast."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document
from builder.edits import apply_all
from builder.problems import EditError

NAME = st.sampled_from(["a", "b", "c", "d", "e", "ghost"])
KIND = st.sampled_from([*builder.CATALOGUE, *builder.CATALOGUE, "Ghost"])
VALUE = st.none() | st.integers(-3, 9) | st.booleans() | st.floats(-2, 2) | st.lists(st.integers(-2, 9), max_size=4)


@st.composite
def nodes(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(KIND)
    fields = list(builder.CATALOGUE[kind].model_fields) if kind in builder.CATALOGUE else ["p"]
    params = draw(st.dictionaries(st.sampled_from([*fields, "other"]), VALUE, max_size=3)) if fields else {}
    return {
        "name": draw(NAME.filter(lambda name: name != "ghost")),
        "type": kind,
        "params": params,
        "network": draw(st.sampled_from(["main", "main", "other"])),
        "shares_weights_with": draw(st.none() | st.none() | NAME),
    }


EDGES = st.fixed_dictionaries({"source": NAME, "target": NAME}, optional={"port": st.sampled_from(["input", "other"])})
SOURCE = st.fixed_dictionaries(
    {"shape": st.lists(st.integers(1, 9), max_size=4)}, optional={"dtype": st.sampled_from(["int", "float"])}
)


@settings(max_examples=150, deadline=None)
@given(st.lists(nodes(), max_size=5), SOURCE, st.lists(EDGES, max_size=8))
def test_checks_stand_any_document(nodes: list[dict[str, Any]], source: Any, edges: list[dict[str, str]]) -> None:
    """Also for documents that loading would refuse, there are problems and no exception."""
    nodes = [{"name": "a", "type": "Input", "params": source}, *nodes]
    document = Document.model_validate({"nodes": nodes, "edges": edges})
    problems = builder.check(document)
    for problem in problems:
        assert problem.message and problem.message[0] != " "
    shapes = builder.infer(document)
    assert len(builder.summary(document)) == len(shapes)
    if not any(problem.severity == "error" for problem in problems):
        builder.to_python(document)
        for network in {node.network for node in document.nodes}:
            builder.compile(document, network)
    else:
        with pytest.raises(builder.GraphError):
            builder.compile(document)


@settings(max_examples=60, deadline=None)
@given(st.lists(nodes(), max_size=4, unique_by=lambda node: node["name"]), st.lists(EDGES, max_size=6))
def test_every_fix_can_be_applied(nodes: list[dict[str, Any]], edges: list[dict[str, str]]) -> None:
    document = Document.model_validate({"nodes": nodes, "edges": edges})
    for problem in builder.check(document):
        if problem.fix:
            try:
                after = apply_all(document, problem.fix)
            except EditError as error:
                raise AssertionError(f"{problem}: its fix does not fit: {error}") from error
            assert after != document


MANY = 3000
LINE = [{"source": f"n{number}", "target": f"n{number + 2}"} for number in range(0, MANY - 2, 2)]
PAIRS = [{"source": f"n{number}", "target": f"n{number ^ 1}"} for number in range(MANY)]
STAR = [{"source": "image", "target": f"n{number}"} for number in range(MANY)]
IMAGE = {"name": "image", "type": "Input", "params": {"shape": [1, 4, 4]}}


def many(kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"name": f"n{n}", "type": kind, **{key: str(value) + str(n) for key, value in fields.items()}}
        for n in range(MANY)
    ]


@pytest.mark.timeout(60)  # linear code takes seconds
@pytest.mark.parametrize(
    ("nodes", "edges"),
    [
        (many("Ghost"), []),
        (many("Add"), [*PAIRS, *LINE]),
        (many("Add", network="net"), []),
        ([IMAGE, *many("Linear")], STAR),
        ([IMAGE, *many("Linear", shares_weights_with="n")], STAR),
        ([IMAGE, *many("Add")], [*STAR, *STAR]),
        (many("ReLU"), PAIRS[::2] * 20),
    ],
    ids=["unknown", "cycles", "networks", "shapes", "sharing", "twice", "surplus"],
)
def test_thousands_of_mistakes_are_told_in_seconds(nodes: list[dict[str, Any]], edges: list[dict[str, str]]) -> None:
    document = Document.model_validate({"nodes": nodes, "edges": edges})
    assert builder.check(document)
