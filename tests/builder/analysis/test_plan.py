"""The plan: execution order, ports, and messages for nodes whose edges do not fit; also the functions of the graph."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.analysis.plan import PortError, bind, make_plan, needed_steps
from builder.document import Document, Edge
from builder.document.graph import behind_cycles, cycles, incoming, order, path, reaching

Make = Callable[..., Document]


def subtract(*ports: str | None) -> tuple[str, ...]:
    edges = [Edge(source=f"n{number}", target="x", port=port) for number, port in enumerate(ports)]
    return bind(builder.CATALOGUE["Subtract"](), edges)


def test_edges_without_a_port_take_the_next_free_one() -> None:
    assert subtract(None, None) == ("n0", "n1")
    assert subtract("input", "other") == ("n0", "n1")
    assert subtract("other", "input") == ("n1", "n0")
    assert subtract(None, "input") == ("n1", "n0")
    assert subtract("other", None) == ("n1", "n0")


@pytest.mark.parametrize("ports", [(), (None,), ("other",), (None, None, None), ("input", "input"), ("left", "right")])
def test_edges_that_do_not_fit_the_ports(ports: tuple[str | None, ...]) -> None:
    with pytest.raises(PortError) as caught:
        subtract(*ports)
    assert str(caught.value)[-1] == "."


def test_the_inputs_of_a_merge_are_in_the_order_of_the_edges(make: Make) -> None:
    nodes = [("a", "Input"), ("b", "Input"), ("c", "Input"), ("cat", "Concat"), ("end", "Output")]
    document = make(*nodes, edges="c > cat, a > cat, b > cat, cat > end")
    steps = {step.name: step for step in make_plan(document).steps}
    assert steps["cat"].inputs == ("c", "a", "b")


def test_ties_are_broken_by_the_order_of_the_nodes(make: Make) -> None:
    nodes = [("z", "ReLU"), ("image", "Input"), ("m", "ReLU"), ("a", "ReLU"), ("add", "Add")]
    document = make(*nodes, edges="image > a, image > m, image > z, a > add, m > add, z > add")
    assert order(document) == ["image", "z", "m", "a", "add"]


def test_nodes_in_and_behind_a_cycle_are_left_out_and_wait(make: Make) -> None:
    nodes = [("image", "Input", {"shape": [2]}), ("add", "Add"), ("a", "ReLU"), ("b", "ReLU"), ("end", "Output")]
    document = make(*nodes, edges="image > add, add > a, a > add, a > b, b > end")
    plan = make_plan(document)
    assert plan.order == ("image",) and plan.unbound == {}
    assert cycles(document) == [["add", "a"]]
    assert behind_cycles(document, plan.order) == {"a": "add", "b": "add", "end": "add"}


def test_a_node_that_cannot_be_bound_is_left_out_with_the_reason(make: Make) -> None:
    document = make(("image", "Input"), ("add", "Add"), ("end", "Output"))
    plan = make_plan(document)
    assert [step.name for step in plan.steps] == ["image", "end"] and list(plan.unbound) == ["add"]


def test_paths_and_ancestors(make: Make) -> None:
    nodes = [("image", "Input"), ("a", "ReLU"), ("b", "ReLU"), ("add", "Add"), ("idle", "ReLU"), ("end", "Output")]
    document = make(*nodes, edges="image > a, a > b, b > add, image > add, add > end, image > idle")
    assert path(document, "image", "end") == ["image", "add", "end"]
    assert path(document, "end", "image") is None and path(document, "ghost", "end") is None
    assert reaching(document, {"add", "ghost"}) == {"image", "a", "b", "add"}
    assert [edge.source for edge in incoming(document)["add"]] == ["b", "image"]
    steps = needed_steps(make_plan(document), {"b"})
    assert [step.name for step in steps] == ["image", "a", "b"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14))
def test_order_against_its_definition(pairs: list[tuple[int, int]]) -> None:
    names = [f"n{number}" for number in range(8)]
    edges = [{"source": names[one], "target": names[other]} for one, other in pairs]
    document = Document.model_validate({"nodes": [{"name": n, "type": "Add"} for n in names], "edges": edges})
    ordered = order(document)
    place = {name: index for index, name in enumerate(ordered)}
    for edge in document.edges:
        if edge.target in place:
            assert edge.source in place and place[edge.source] < place[edge.target]
    waiting = behind_cycles(document, ordered)
    firsts = {names[0] for names in cycles(document)}
    assert set(waiting) | firsts == set(names) - set(ordered) and not set(waiting) & firsts
    for closed in cycles(document):
        for one, other in zip(closed, [*closed[1:], closed[0]], strict=True):
            assert any((edge.source, edge.target) == (one, other) for edge in document.edges)


@pytest.mark.timeout(60)  # linear code takes seconds
def test_ten_thousand_nodes_are_planned_in_seconds() -> None:
    count = 10_000
    nodes = [{"name": f"n{number}", "type": "ReLU"} for number in range(count)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(count - 1)]
    document = builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges})
    assert len(make_plan(document).order) == count
