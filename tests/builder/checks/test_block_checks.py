"""Problems inside blocks: reported once, at the first use that has them, and fixed for all uses."""

from __future__ import annotations

from typing import Any

import builder
from builder.analysis.infer import analyse
from builder.document import Document, Edge
from builder.edits import Connect, Disconnect, InBlock, RemoveNodes, SetParams, Together
from builder.edits.connect import why_not
from builder.problems import Problem
from tests.builder.folded import data, gated, graph, node, residual, wires


def one(document: Document, code: str) -> Problem:
    """The only problem of a document; its fix, if there is one, is tested."""
    found = builder.check(document)
    assert [problem.code for problem in found] == [code], [f"{problem.code} {problem}" for problem in found]
    if found[0].fix:
        fixed = builder.apply_all(document, found[0].fix)
        assert code not in {problem.code for problem in builder.check(fixed)}, builder.check(fixed)
    return found[0]


def changed(document: Document, block: str, *edits: Any) -> Document:
    return InBlock(block, Together(edits)).apply(document)


def without(document: Document, block: str, *edges: tuple[str, str]) -> Document:
    """A document in memory without a wire that an edit would not remove."""
    inner = document.blocks[block]
    kept = tuple(edge for edge in inner.edges if (edge.source, edge.target) not in edges)
    return document.changed(blocks={**document.blocks, block: inner.model_copy(update={"edges": kept})})


def test_a_problem_in_a_block_is_told_once_and_mended_in_the_block() -> None:
    document = changed(residual(), "residual", SetParams("conv1", {"out_channels": 3, "kernel_size": 9}))
    problem = one(document, "N200")
    fix = (problem.fix or ())[0]
    assert problem.node == "stage1.0.conv1" and isinstance(fix, InBlock) and fix.block == "residual"


def test_a_layer_to_be_inserted_goes_into_the_block() -> None:
    inner = graph("x > fc > y", node("x", "Input"), node("fc", "Linear", out_features=6), node("y", "Output"))
    document = builder.load(
        data(
            "image > a > end",
            node("image", "Input", shape=[2, 3, 3]),
            node("a", "Block", block="head"),
            node("end", "Output"),
            blocks={"head": inner},
        )
    )
    problem = one(document, "N200")
    fixed = builder.apply_all(document, problem.fix or ())
    assert problem.node == "a.0.fc" and "flatten" in fixed.blocks["head"].by_name and builder.check(fixed) == []


def test_a_result_that_does_not_fit_its_own_first_port() -> None:
    inner = graph(
        "x > conv > add > y, x > add",
        node("x", "Input"),
        node("conv", "Conv2d", out_channels=1, padding=1),
        node("add", "Add"),
        node("last", "Conv2d", out_channels=4),
        node("y", "Output"),
    )
    inner["edges"] = wires("x > conv > add > last > y, x > add, x > split, split > add")
    inner["nodes"].append(node("split", "Reshape", shape=[3, 8, 8]))
    document = builder.load(
        data(
            "image > stage > flat > end",
            node("image", "Input", shape=[3, 8, 8]),
            node("stage", "Block", block="down", repeat=4),
            node("flat", "Flatten"),
            node("end", "Output"),
            blocks={"down": inner},
        )
    )
    problem = one(document, "N201")
    assert problem.node == "stage" and problem.fix_label == "Set repeat to 1"
    assert problem.message.startswith(
        "is repeated 4 times, but its result 4 × 6 × 6 does not fit its own first port x, which takes 3 × 8 × 8: "
        "split cannot "
    )


def test_repeats_that_change_the_shape_are_no_problem() -> None:
    """The input of the second repeat is the first one's output, and its layers are built for that shape."""
    wider = SetParams("conv1", {"out_channels": 8, "padding": 1})
    straight = [RemoveNodes(("add",)), Connect(Edge(source="relu", target="y")), wider]
    assert builder.check(changed(residual(), "residual", *straight)) == []


def test_a_block_needs_an_input_and_one_output() -> None:
    document = changed(residual(), "residual", RemoveNodes(("y",)))
    problem = one(document, "N111")
    assert problem.node == "stage1" and problem.message == "The block residual has no Output: it has no result."
    assert builder.check(builder.apply_all(document, problem.fix or ())) == []
    document = changed(residual(), "residual", RemoveNodes(("x",)))
    assert {problem.code for problem in builder.check(document)} >= {"N110", "N130"}
    more = [builder.edits.AddNode(builder.Node(name=name, type="Output")) for name in ("y2", "y3")]
    wires = [Connect(Edge(source="relu", target=name)) for name in ("y2", "y3")]
    problem = one(changed(residual(), "residual", *more, *wires), "N132")
    assert problem.node == "stage1.0.y2" and "is one of 3 outputs of the block residual (y, y2, y3)" in problem.message


def test_wiring_in_a_block() -> None:
    problem = one(without(residual(), "residual", ("x", "conv1")), "N130")
    assert problem.node == "stage1.0.conv1" and "has no input" in problem.message
    problems = builder.check(changed(residual(), "residual", Disconnect(Edge(source="relu", target="add"))))
    assert [(problem.code, problem.node) for problem in problems] == [
        ("N130", "stage1.0.add"),
        ("N131", "stage1.0.conv1"),
        ("N131", "stage1.0.relu"),
    ]
    assert problems[1].message.startswith("leads to no Output of the block residual")
    inner = residual().blocks["residual"]
    loop = inner.model_copy(update={"edges": (*inner.edges, Edge(source="add", target="conv1"))})
    document = residual().changed(blocks={"residual": loop})
    cycle = next(problem for problem in builder.check(document) if problem.code == "N120")
    assert cycle.node == "stage1.0.conv1" and "is in a cycle: conv1 → relu → add → conv1" in cycle.message
    assert builder.apply_all(document, cycle.fix or ()) == residual()
    waiting = analyse(document).waiting
    assert waiting["fc"].startswith("stage1") and "stage1" in waiting


def test_ports_of_a_block_are_wired_by_the_rules() -> None:
    document = gated()
    wire = Edge(source="b", target="b1", port="mask")
    assert why_not(document, wire) == "b1 has no port 'mask'; its ports are: x, gate."
    assert "would close a cycle: b1 → sum → b1" in str(why_not(document, Edge(source="sum", target="b1")))
    free = Disconnect(Edge(source="b", target="b1", port="gate")).apply(document)
    problem = one(free, "N130")
    assert problem.node == "b1" and problem.message == "takes 2 inputs; gate is free."
    assert why_not(free, Edge(source="a", target="b1", port="gate")) is None
    opened = builder.document.blocks.opened(document, "gated")
    assert why_not(opened, Edge(source="x", target="y")) == "y takes 1 input and has 2; remove 1."
    assert "would close a cycle: fc → times → fc" in str(why_not(opened, Edge(source="times", target="fc")))


def test_size_limits_count_every_repeat() -> None:
    inner = graph("x > fc > y", node("x", "Input"), node("fc", "Linear", out_features=30_000), node("y", "Output"))
    document = builder.load(
        data(
            "image > a > end",
            node("image", "Input", shape=[30_000]),
            node("a", "Block", block="big", repeat=9),
            node("end", "Output"),
            blocks={"big": inner},
        )
    )
    problem = one(document, "N210")
    assert problem.node == "a.0.fc" and "8,100,270,000" in problem.message
