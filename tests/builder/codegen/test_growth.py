"""The work of reading a document grows with its number of nodes, not with its square: lines of Python are counted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import builder
from builder.document import Document
from tests.builder.codegen.test_codegen import document, node
from tests.builder.generated_code import compare

SMALL, LARGE = 40, 160


def chain(size: int) -> Document:
    """Layers one after the other, with a residual connection around each pair."""
    return residual(size, "node")


def long_names(size: int) -> Document:
    """Names that are equal in the characters that a local variable keeps."""
    return residual(size, "a_residual_connection_of_the_network")


def residual(size: int, stem: str) -> Document:
    nodes, edges, last = [node("x", "Input", shape=[4])], [], "x"
    for number in range(size // 2):
        layer, added = f"{stem}_{number}", f"{stem}_add_{number}"
        nodes += [node(layer, "Linear", out_features=4), node(added, "Add")]
        edges += [(last, layer), (last, added), (layer, added)]
        last = added
    return document([*nodes, node("y", "Output")], [*edges, (last, "y")])


def outputs(size: int) -> Document:
    """Many results."""
    nodes, edges = [node("x", "Input", shape=[4])], []
    for number in range(size // 2):
        nodes += [node(f"layer{number}", "Linear", out_features=4), node(f"y{number}", "Output")]
        edges += [("x", f"layer{number}"), (f"layer{number}", f"y{number}")]
    return document(nodes, edges)


def merge(size: int) -> Document:
    """Many inputs of one node."""
    names = [f"branch{number}" for number in range(size - 3)]
    nodes = [node("x", "Input", shape=[4]), *(node(name, "ReLU") for name in names)]
    edges = [*(("x", name) for name in names), *((name, "sum") for name in names), ("sum", "y")]
    return document([*nodes, node("sum", "Add"), node("y", "Output")], edges)


def blocks(size: int) -> Document:
    """Many blocks, each used once."""
    kinds, nodes, edges, last = {}, [node("x", "Input", shape=[4])], [], "x"
    inner = [("x", "layer"), ("layer", "y")]
    wires = [{"source": source, "target": target} for source, target in inner]
    for number in range(size // 4):
        layers = [node("x", "Input"), node("layer", "Linear", out_features=1200 + number), node("y", "Output")]
        kinds[f"kind{number}"] = {"nodes": layers, "edges": wires}
        nodes.append(node(f"use{number}", "Block", block=f"kind{number}"))
        edges.append((last, f"use{number}"))
        last = f"use{number}"
    return document([*nodes, node("y", "Output")], [*edges, (last, "y")], blocks=kinds)


def lines(action: Callable[[Document], Any], made: Document) -> int:
    """How many lines of Python are executed, each turn of a loop or a comprehension counted."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action(made)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("action", [builder.to_python, builder.check, builder.infer, builder.dump])
@pytest.mark.parametrize("make", [chain, long_names, outputs, merge, blocks])
def test_the_work_grows_with_the_number_of_nodes(
    make: Callable[[int], Document], action: Callable[[Document], Any]
) -> None:
    small, large = make(SMALL), make(LARGE)
    action(small), action(large)  # what is remembered of each layer is not counted
    assert lines(action, large) < 1.3 * LARGE / SMALL * lines(action, small)


def test_a_loop_over_all_nodes_for_each_node_is_noticed() -> None:
    def quadratic(made: Document) -> None:
        for _ in made.nodes:
            sum(1 for _ in made.nodes)

    assert lines(quadratic, chain(LARGE)) > 1.3 * LARGE / SMALL * lines(quadratic, chain(SMALL))


def test_long_names_with_the_same_beginning_become_different_variables() -> None:
    stem = "a_residual_connection_of"  # the longest name of a variable
    assert len(stem) == 24
    nodes = [node("x", "Input", shape=[4])]
    names = [f"{stem}_the_network", f"{stem}_a_block", f"{stem}_3", f"{stem}_2", f"{stem}_4", f"{stem}_end"]
    edges = []
    for source, name in zip(["x", *names], names, strict=False):
        nodes += [node(name, "Linear", out_features=4), node(f"relu{len(nodes)}", "ReLU")]
        edges += [(source, name), (name, nodes[-1]["name"]), (nodes[-1]["name"], "sum")]
    nodes += [node("sum", "Add"), node("y", "Output")]
    source = compare(document(nodes, [*edges, (names[-1], "sum"), ("sum", "y")]))
    variables = [line.split(" = ")[0].strip() for line in source.splitlines() if f" = self.{stem}" in line]
    assert variables == [stem, f"{stem}_5", f"{stem}_3", f"{stem}_2", f"{stem}_4", f"{stem}_6"]
