"""The layout: no node covers another, edges go from left to right, long networks are wrapped into rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document
from builder.document.blocks import opened
from builder.document.layout import COLUMN, ROW, arrange
from builder.edits import Move
from tests.builder.folded import transformer

Make = Callable[..., Document]


def assert_readable(document: Document, columns: int) -> dict[str, tuple[float, float]]:
    places = arrange(document, columns)
    assert set(places) == set(document.by_name)
    taken: list[tuple[float, float]] = sorted(places.values())
    assert len(set(taken)) == len(taken)
    for index, (x, y) in enumerate(taken):
        for other_x, other_y in taken[index + 1 :]:
            assert abs(x - other_x) >= COLUMN or abs(y - other_y) >= ROW, "two nodes cover each other"
    assert max((x for x, _ in taken), default=0) <= (columns - 1) * COLUMN
    return places


@pytest.mark.parametrize("columns", [1, 3, 4, 100])
@pytest.mark.parametrize("document", builder.templates().values(), ids=builder.templates())
def test_templates(document: Document, columns: int) -> None:
    places = assert_readable(document, columns)
    for edge in document.edges:
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        assert x2 > x1 or y2 > y1, f"{edge.target} stands left of {edge.source}, in the same row"
    assert Move(places).apply(document).layout == places


def test_a_branch_stands_in_one_column_and_a_merge_right_of_all_its_inputs(make: Make) -> None:
    nodes = [("image", "Input"), ("a", "ReLU"), ("b", "Tanh"), ("c", "ReLU"), ("add", "Add"), ("end", "Output")]
    document = make(*nodes, edges="image > a, image > b, b > c, a > add, c > add, add > end")
    places = arrange(document, 10)
    assert places["a"][0] == places["b"][0] and places["a"][1] < places["b"][1]
    assert places["add"][0] == places["c"][0] + COLUMN and places["end"][0] == places["add"][0] + COLUMN


def test_a_long_chain_is_wrapped_into_rows(make: Make) -> None:
    document = make(("image", "Input"), *((f"n{number}", "ReLU") for number in range(9)))
    places = arrange(document, 4)
    rows = sorted({y for _, y in places.values()})
    assert len(rows) == 3 and [sum(y == row for _, y in places.values()) for row in rows] == [4, 4, 2]
    assert places["n3"] == (0.0, rows[1]) and places["image"] == (0.0, 0.0)


def test_an_empty_document_has_no_place() -> None:
    assert arrange(Document()) == {}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20), st.integers(1, 6))
def test_any_graph_even_with_cycles(pairs: list[tuple[int, int]], columns: int) -> None:
    nodes = [{"name": f"n{number}", "type": "Add"} for number in range(10)]
    edges = [{"source": f"n{one}", "target": f"n{other}"} for one, other in pairs]
    assert_readable(Document.model_validate({"nodes": nodes, "edges": edges}), columns)


@pytest.mark.timeout(60)  # linear code takes seconds
def test_ten_thousand_nodes_side_by_side_take_no_long_time() -> None:
    nodes = [{"name": f"n{number}", "type": "ReLU"} for number in range(10_000)]
    document = Document.model_validate({"nodes": nodes})
    assert len(set(arrange(document).values())) == 10_000


def test_blocks_are_arranged_like_documents() -> None:
    document = transformer()
    assert_readable(document, 4)
    for name, block in document.blocks.items():
        assert arrange(block) == arrange(opened(document, name)) and set(arrange(block)) == set(block.by_name)
