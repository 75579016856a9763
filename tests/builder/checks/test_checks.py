"""Every kind of problem: reported once, with the sizes in its message, and gone after its fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builder
import builder.checks
from builder.checks.base import Check
from builder.document import Document
from builder.edits import apply_all
from builder.problems import Problem
from builder.registry import discover

Make = Callable[..., Document]
IMAGE = ("image", "Input", {"shape": [3, 8, 8]})
VECTOR = ("image", "Input", {"shape": [8]})
END = ("end", "Output")


def one(document: Document, code: str, severity: str = "error") -> Problem:
    """The only problem of that severity, which must have this code."""
    found = [problem for problem in builder.check(document) if problem.severity == severity]
    assert [problem.code for problem in found] == [code], [str(problem) for problem in found]
    return found[0]


def fixed(document: Document, problem: Problem) -> Document:
    """The document after the problem's fix, which must not have this problem or a new one."""
    assert problem.fix and problem.fix_label, "a problem of this kind has a fix"
    before = {(item.code, item.node) for item in builder.check(document)}
    after = apply_all(document, problem.fix)
    left = {(item.code, item.node) for item in builder.check(after) if item.severity == "error"}
    assert (problem.code, problem.node) not in left
    assert left <= before, f"the fix brought {left - before}"
    assert builder.load(builder.dump(after)) == after
    return after


def check_message(problem: Problem, *words: str) -> None:
    for word in words:
        assert word in problem.message, problem.message
    assert problem.message[-1] in ".?", problem.message
    assert problem.category


def test_every_check_has_a_number_of_its_own_and_says_why() -> None:
    checks = discover(builder.checks, Check, lambda kind: kind.code)  # ValueError: two have the same number
    assert len(checks) >= 8
    for code, kind in checks.items():
        assert code[0] == "N" and len(code) == 4 and code[1:].isdigit()
        assert kind.category and kind.severity in ("error", "warning")
        assert (kind.__doc__ or "") != (Check.__doc__ or "")


@pytest.mark.parametrize("document", builder.templates().values(), ids=builder.templates())
def test_templates_have_no_problem_but_shapes_that_the_data_set_gives(document: Document) -> None:
    assert {problem.code for problem in builder.check(document)} <= {"N200"}


def test_an_empty_canvas_is_told_once_that_it_needs_an_input() -> None:
    problem = one(Document(), "N110")
    assert problem.node is None
    check_message(problem, "has no Input")
    after = apply_all(Document(), problem.fix or ())
    assert [node.type for node in after.nodes] == ["Input"]


def test_no_input(make: Make) -> None:
    document = make(("act", "ReLU"), END)
    problem = next(item for item in builder.check(document) if item.code == "N110")
    assert problem.severity == "error" and problem.node is None and problem.fix_label == "Add Input"
    check_message(problem, "has no Input")
    after = apply_all(document, problem.fix or ())
    assert [(edge.source, edge.target) for edge in after.edges] == [("act", "end"), ("image", "act")]
    assert one(after, "N200").node == "image", "the new input only lacks its shape"


def test_no_output(make: Make) -> None:
    document = make(VECTOR, ("act", "ReLU"))
    problem = one(document, "N111")
    assert problem.node is None and problem.fix_label == "Add Output"
    check_message(problem, "has no Output")
    assert builder.check(fixed(document, problem)) == []


def test_each_network_needs_its_own_ends(make: Make) -> None:
    other = {"network": "critic"}
    document = make(
        VECTOR,
        END,
        ("there", "Input", {"shape": [8]}, other),
        ("act", "ReLU", {}, other),
        edges="image > end, there > act",
    )
    problem = one(document, "N111")
    check_message(problem, "critic")
    assert builder.check(fixed(document, problem)) == []


def test_a_cycle_is_told_with_its_path_and_cut(make: Make) -> None:
    document = make(
        VECTOR,
        ("add", "Add"),
        ("a", "ReLU"),
        ("b", "ReLU"),
        ("c", "ReLU"),
        END,
        edges="image > add, add > a, a > b, b > add, b > c, c > end",
    )
    problem = one(document, "N120")
    assert problem.node == "add"
    check_message(problem, "add → a → b → add", "must be acyclic")
    after = apply_all(document, problem.fix or ())
    assert not any(item.code == "N120" for item in builder.check(after))
    assert len(after.edges) == len(document.edges) - 1


def test_a_node_that_feeds_itself_is_a_cycle(make: Make) -> None:
    document = make(VECTOR, ("add", "Add"), END, edges="image > add, add > add, add > end")
    problem = one(document, "N120")
    check_message(problem, "add → add")


def test_two_cycles_are_told_one_by_one(make: Make) -> None:
    nodes = [("a", "ReLU"), ("b", "ReLU"), ("c", "ReLU"), ("d", "ReLU")]
    document = make(VECTOR, *nodes, END, edges="a > b, b > a, c > d, d > c, image > end")
    assert [item.node for item in builder.check(document) if item.code == "N120"] == ["a", "c"]


@pytest.mark.parametrize(
    ("nodes", "edges", "words", "label"),
    [
        ([("act", "ReLU")], "image > end", "has no input; wire a node into it", ""),
        ([("add", "Add")], "image > add, add > end", "takes two or more inputs and has 1", "Remove add"),
        ([("add", "Add")], "image > end", "takes two or more inputs and has none", ""),
        ([("sub", "Subtract")], "image > sub, sub > end", "takes 2 inputs; other is free", ""),
        ([("sub", "Subtract")], "image > end", "takes 2 inputs; input, other are free", ""),
        (
            [("a", "ReLU"), ("b", "Tanh")],
            "image > a, image > b, a > b, b > end",
            "takes 1 input and has 2; remove 1",
            "Keep the first 1",
        ),
        ([("a", "ReLU")], "image > a:inpt, a > end", "has no port 'inpt'; its ports are: input", ""),
        (
            [("a", "ReLU"), ("sub", "Subtract")],
            "image > a, image > sub:input, a > sub:input, sub > end",
            "has two wires at its port input: from image and a",
            "",
        ),
        ([("two", "Input", {"shape": [8]})], "image > two, two > end", "takes no input and has 1", "Remove the wire"),
    ],
)
def test_wires_that_do_not_fit(make: Make, nodes: list[Any], edges: str, words: str, label: str) -> None:
    document = make(VECTOR, *nodes, END, edges=edges)
    problem = one(document, "N130")
    assert problem.node == nodes[-1][0] and problem.fix_label == label
    check_message(problem, words)
    if label:
        fixed(document, problem)
    else:
        assert problem.fix is None


def test_a_node_that_leads_nowhere_is_a_warning(make: Make) -> None:
    document = make(VECTOR, ("act", "ReLU"), END, edges="image > act, image > end")
    problem = one(document, "N131", "warning")
    assert problem.node == "act"
    check_message(problem, "leads to no output")


SHAPES: list[tuple[str, list[Any], str, list[str], str]] = [
    ("linear after a image", [IMAGE, ("x", "Linear", {"out_features": 2}), END], "", ["a vector", "3 × 8 × 8"],
     "Insert Flatten"),
    ("add", [IMAGE, ("c", "Conv2d", {"out_channels": 5, "padding": 1}), ("x", "Add"), END],
     "image > c, image > x, c > x, x > end", ["axis 1", "3 in input 1", "5 in input 2", "3 × 8 × 8", "5 × 8 × 8"],
     "Insert Conv2d"),
    ("add axes", [IMAGE, ("f", "Flatten"), ("x", "Add"), END], "image > f, image > x, f > x, x > end",
     ["input 1 has 3 axes", "input 2 has 1"], ""),
    ("add three", [("a", "Input", {"shape": [1, 4]}), ("b", "Input", {"shape": [3, 4]}),
                   ("c", "Input", {"shape": [2, 4]}), ("x", "Add"), END],
     "a > x, b > x, c > x, x > end", ["axis 1", "3 in input 2", "2 in input 3"], "Insert Conv1d"),
    ("subtract", [VECTOR, ("b", "Input", {"shape": [9]}), ("x", "Subtract"), END], "image > x, b > x, x > end",
     ["subtract", "axis 1 is 8 in input 1 and 9 in input 2"], "Insert Linear"),
    ("concat", [IMAGE, ("p", "MaxPool2d"), ("x", "Concat"), END], "image > p, image > x, p > x, x > end",
     ["along dim 1", "axis 2 is 8 in input 1 and 4 in input 2"], "Insert Upsample"),
    ("concat over the batch", [IMAGE, ("x", "Concat", {"dim": 0}), END], "image > x, image > x, x > end",
     ["batch axis"], "Set dim to 1"),
    ("concat dim", [IMAGE, ("x", "Concat", {"dim": 5}), END], "image > x, image > x, x > end", ["dim 5", "1 to 3"], ""),
    ("kernel", [IMAGE, ("x", "Conv2d", {"kernel_size": 9}), END], "", ["kernel of 9 × 9", "input of 8 × 8"],
     "Set kernel_size to 8"),
    ("kernel pair", [IMAGE, ("x", "Conv2d", {"kernel_size": [9, 2]}), END], "", ["9 × 2", "8 × 8"],
     "Set kernel_size to 8, 2"),
    ("kernel and padding", [IMAGE, ("x", "Conv2d", {"kernel_size": 11, "padding": 1}), END], "",
     ["11 × 11", "8 × 8", "with padding"], "Set kernel_size to 10"),
    ("dilated kernel", [IMAGE, ("x", "Conv2d", {"kernel_size": 3, "dilation": 5}), END], "", ["11 × 11", "8 × 8"],
     "Set kernel_size to 2"),
    ("pool", [IMAGE, ("x", "AvgPool2d", {"kernel_size": 20}), END], "", ["20 × 20", "8 × 8"], "Set kernel_size to 8"),
    ("pool padding", [IMAGE, ("x", "MaxPool2d", {"padding": 2}), END], "", ["padding of 2 × 2", "half its kernel"],
     "Set padding to 0"),
    ("groups", [IMAGE, ("x", "Conv2d", {"groups": 2}), END], "", ["3 input channels", "2 groups"], "Set groups to 1"),
    ("same and stride", [IMAGE, ("x", "Conv2d", {"padding": "same", "stride": 2}), END], "",
     ['"same"', "becomes 4 × 4"], "Set padding to 1"),
    ("rank", [VECTOR, ("x", "Conv2d"), END], "", ["channels × height × width", "gets 8"], ""),
    ("flatten the batch", [IMAGE, ("x", "Flatten", {"start_dim": 0}), END], "", ["mix the samples", "batch"],
     "Set start_dim to 1"),
    ("mean over the batch", [IMAGE, ("x", "Mean", {"dim": 0}), END], "", ["mix the samples"], "Set dim to 1"),
    ("mean over everything", [IMAGE, ("x", "Mean", {"dim": []}), END], "", ["has no axis"], ""),
    ("mean twice", [IMAGE, ("x", "Mean", {"dim": [1, -3]}), END], "", ["has a repeated axis"], ""),
    ("softmax over the batch", [VECTOR, ("x", "Softmax", {"dim": 0}), END], "", ["mix the samples"], "Set dim to 1"),
    ("permute the batch", [IMAGE, ("x", "Permute", {"dims": [1, 0, 2, 3]}), END], "", ["batch axis"],
     "Set dims to 0, 1, 2, 3"),
    ("permute axes", [IMAGE, ("x", "Permute", {"dims": [0, 1]}), END], "", ["dims must contain each of them once"], ""),
    ("reshape", [IMAGE, ("x", "Reshape", {"shape": [5, -1]}), END], "", ["192 values", "[5, -1]"], ""),
    ("glu", [("image", "Input", {"shape": [7]}), ("x", "GLU"), END], "", ["7", "odd"], ""),
    ("prelu", [IMAGE, ("x", "PReLU", {"num_parameters": 2}), END], "", ["2 slopes for 3 channels"],
     "Set num_parameters to 1"),
    ("layer norm", [VECTOR, ("x", "LayerNorm", {"normalized_shape": [9]}), END], "", ["9", "8"],
     "Set normalized_shape to none"),
    ("embedding of measurements", [VECTOR, ("x", "Embedding"), END], "", ["integers", "floating-point numbers"], ""),
    ("padding_idx", [("image", "Input", {"shape": [8], "dtype": "int"}),
                     ("x", "Embedding", {"padding_idx": 1000}), END], "", ["padding_idx 1000", "1000 entries"],
     "Set padding_idx to none"),
    ("no shape", [("x", "Input"), END], "", ["has no shape yet"], ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "edges", "words", "label"), [case[1:] for case in SHAPES], ids=[c[0] for c in SHAPES]
)
def test_shapes_that_do_not_fit(make: Make, nodes: list[Any], edges: str, words: list[str], label: str) -> None:
    document = make(*nodes, edges=edges)
    problem = one(document, "N200")
    assert problem.node == "x" and problem.fix_label == label
    check_message(problem, *words)
    if label:
        fixed(document, problem)
    else:
        assert problem.fix is None


def test_the_fix_of_a_linear_layer_after_a_picture_puts_a_flatten_before_it(make: Make) -> None:
    document = make(IMAGE, ("fc", "Linear", {"out_features": 2}), END)
    after = fixed(document, one(document, "N200"))
    assert [node.type for node in after.nodes] == ["Input", "Linear", "Output", "Flatten"]
    assert builder.infer(after)["flatten"] == (192,) and builder.check(after) == []


def test_nodes_behind_a_failure_are_not_blamed(make: Make) -> None:
    document = make(IMAGE, ("fc", "Linear"), ("act", "ReLU"), ("fc2", "Linear"), END)
    assert one(document, "N200").node == "fc"


def test_parameters_out_of_bounds_and_unknown_types_in_memory(make: Make) -> None:
    document = make(VECTOR, ("fc", "Linear", {"out_features": 0}), ("act", "Rellu"), END, load=False)
    found = {problem.node: problem for problem in builder.check(document) if problem.severity == "error"}
    assert found["fc"].code == "N102" and found["act"].code == "N101"
    check_message(found["fc"], "out_features must be at least 1, got 0")
    check_message(found["act"], "no layer type 'Rellu'", "Did you mean ReLU")
    assert set(found) == {"fc", "act"}, "what waits for them is not blamed"


def test_loose_wires_and_double_names_in_memory(make: Make) -> None:
    document = make(
        VECTOR, ("act", "ReLU"), ("act", "Tanh"), END, edges="image > act, act > end, ghost > end", load=False
    )
    text = " ".join(str(problem) for problem in builder.check(document))
    assert "2 nodes have the name 'act'" in text and "'ghost', but there is no node" in text


def test_no_wire_joins_two_networks(make: Make) -> None:
    document = make(
        VECTOR,
        END,
        ("there", "Input", {"shape": [8]}, {"network": "other"}),
        ("out", "Output", {}, {"network": "other"}),
        ("add", "Add"),
        edges="image > end, there > out, there > add, image > add",
    )
    problem = one(document, "N140")
    assert problem.node == "add"
    check_message(problem, "from there", "in the network main and has a wire from there, which is in other")
    after = apply_all(document, problem.fix or ())
    assert not any(item.code == "N140" for item in builder.check(after))


@pytest.mark.parametrize(
    ("kind", "params", "other", "words"),
    [
        ("Linear", {"out_features": 8}, {"shares_weights_with": "ghost"}, "no weights of its own"),
        ("Linear", {"out_features": 8}, {"shares_weights_with": "b"}, "no weights of its own"),
        ("ReLU", {}, {"shares_weights_with": "a"}, "it is a ReLU and the other is a Linear"),
        ("Linear", {"out_features": 8, "bias": False}, {"shares_weights_with": "a"}, "differ"),
        ("Linear", {"out_features": 9}, {"shares_weights_with": "a"}, "differ"),
    ],
)
def test_weights_are_shared_by_equals_only(make: Make, kind: str, params: Any, other: Any, words: str) -> None:
    document = make(VECTOR, ("a", "Linear", {"out_features": 8}), ("b", kind, params, other), END)
    problem = one(document, "N141")
    assert problem.node == "b"
    check_message(problem, words)


def test_a_network_larger_than_memory_is_refused_before_it_is_made(make: Make) -> None:
    wide = {"out_features": 1_000_000}
    document = make(VECTOR, ("a", "Linear", wide), ("b", "Linear", wide), END)
    problem = one(document, "N210")
    assert problem.node == "b"
    check_message(problem, "1,000,001,000,000 parameters", "GB")
    with pytest.raises(builder.GraphError):
        builder.compile(document)


def test_errors_stand_first_and_then_in_the_order_of_the_nodes(make: Make) -> None:
    document = make(
        IMAGE,
        ("idle", "ReLU"),
        ("b", "Linear"),
        ("a", "Linear"),
        END,
        edges="image > idle, image > b, image > a, b > end",
    )
    assert [(item.severity, item.node) for item in builder.check(document)] == [
        ("error", "b"),
        ("error", "a"),
        ("warning", "idle"),
        ("warning", "a"),
    ]


def test_an_output_of_gigabytes_for_one_sample_is_refused() -> None:
    document = builder.load(
        {
            "format": "netloom/2",
            "nodes": [
                {"name": "image", "type": "Input", "params": {"shape": [64, 8, 8]}},
                {"name": "pool", "type": "AdaptiveAvgPool2d", "params": {"output_size": 4096}},
                {"name": "result", "type": "Output"},
            ],
            "edges": [{"source": "image", "target": "pool"}, {"source": "pool", "target": "result"}],
        }
    )
    found = [problem for problem in builder.check(document) if problem.code == "N211"]
    assert [problem.node for problem in found] == ["pool", "result"]
    assert "4.0 GB" in found[0].message
