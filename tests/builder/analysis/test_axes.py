"""The roles of the axes: where they start, how they go along, and the layers that take one for another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builder
from builder.analysis.infer import roles
from builder.axes import compact, describe, likely
from builder.document import Document
from builder.edits import apply_all
from builder.problems import Problem

Make = Callable[..., Document]
END = ("end", "Output")
SERIES = ("x", "Input", {"shape": [12, 8], "axis_roles": ["steps", "features"]})
CHANNELS = ("x", "Input", {"shape": [8, 12], "axis_roles": ["channels", "length"]})
IMAGE = ("x", "Input", {"shape": [3, 12, 10], "axis_roles": ["channels", "height", "width"]})
LAST = ("x", "Input", {"shape": [28, 28, 3]})


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((10,), "float", "features"),
        ((10,), "int", "steps"),
        ((1,), "int", ""),
        ((12, 8), "float", " "),
        ((1, 6400), "float", "channels length"),
        ((50, 1), "float", "steps features"),
        ((3, 32, 32), "float", "channels height width"),
        ((28, 28, 3), "float", "height width channels"),
        ((60, 80, 3), "float", "height width channels"),
        ((16, 4, 4), "float", "channels height width"),
        ((512, 7, 7), "float", "channels height width"),
        ((1, 28, 28), "float", "channels height width"),
        ((2, 8, 8, 8), "float", "channels depth height width"),
        ((8, 8, 8, 1), "float", "depth height width channels"),
    ],
)
def test_a_shape_alone_says_what_can_be_said(shape: tuple[int, ...], dtype: str, expected: str) -> None:
    assert " ".join(likely(shape, dtype)) == expected


@pytest.mark.parametrize(
    ("shape", "axes", "text"),
    [
        ((120, 8), ("steps", "features"), "120 steps × 8 features"),
        ((16, 14, 14), ("channels", "height", "width"), "16 channels × 14 × 14"),
        ((14, 14, 1), ("height", "width", "channels"), "14 × 14 × 1 channel"),
        ((3, 5, 4), ("channels", "width", "height"), "3 channels × 5 width × 4 height"),
        ((4, 5), ("", "steps"), "4 × 5 steps"),
        ((4, 5), (), "4 × 5"),
        ((), (), "a single number"),
    ],
)
def test_a_shape_is_written_with_its_roles(shape: tuple[int, ...], axes: tuple[str, ...], text: str) -> None:
    assert describe(shape, axes) == text


@pytest.mark.parametrize(
    ("shape", "axes", "text"),
    [
        ((120, 8), ("steps", "features"), "120 steps × 8"),
        ((8, 120), ("features", "steps"), "8 × 120 steps"),
        ((16, 120), ("channels", "length"), "16 ch × 120"),
        ((16, 14, 14), ("channels", "height", "width"), "16 × 14 × 14"),
        ((28, 28, 3), ("height", "width", "channels"), "28 × 28 × 3 ch"),
        ((16, 48), ("positions", "channels"), "16 positions × 48"),
        ((64,), ("features",), "64"),
        ((4, 5), (), "4 × 5"),
        ((), (), "1"),
    ],
)
def test_a_short_form_names_the_role_that_says_most(shape: tuple[int, ...], axes: tuple[str, ...], text: str) -> None:
    assert compact(shape, axes) == text


FLOWS: list[tuple[Any, list[tuple[Any, ...]], str]] = [
    (SERIES, [("p", "Permute"), ("c", "Conv1d"), ("r", "ReLU")], "channels steps"),
    (SERIES, [("l", "LSTM")], "steps features"),
    (SERIES, [("l", "LSTM", {"output": "last"})], "features"),
    (SERIES, [("m", "Mean")], "features"),
    (SERIES, [("m", "Max", {"dim": -1})], "steps"),
    (SERIES, [("m", "Mean", {"keepdim": True})], "steps features"),
    (SERIES, [("r", "Reshape", {"shape": [12, 2, 4]})], "steps  features"),
    (SERIES, [("r", "Reshape", {"shape": [12, 2, 4]}), ("back", "Reshape", {"shape": [12, 8]})], "steps features"),
    (SERIES, [("u", "Unsqueeze")], " steps features"),
    (SERIES, [("f", "Flatten")], "features"),
    (SERIES, [("s", "Slice", {"start": 2})], "steps features"),
    (SERIES, [("d", "Dropout"), ("l", "Linear"), ("g", "GELU")], "steps features"),
    (SERIES, [("t", "ClassToken"), ("e", "TransformerEncoderLayer")], "steps features"),
    (IMAGE, [("c", "Conv2d"), ("n", "BatchNorm2d"), ("p", "MaxPool2d")], "channels height width"),
    (IMAGE, [("f", "Flatten", {"start_dim": 2})], "channels positions"),
    (IMAGE, [("f", "Flatten", {"start_dim": 2}), ("p", "Permute")], "positions channels"),
    (IMAGE, [("f", "Flatten", {"end_dim": 2})], "features width"),
    (IMAGE, [("r", "Reshape", {"shape": [3, 120]})], "channels positions"),
    (IMAGE, [("p", "Permute", {"dims": [0, 2, 3, 1]}), ("r", "Reshape", {"shape": [120, 3]})], "positions channels"),
    (("x", "Input", {"shape": [12]}), [("r", "Reshape", {"shape": [3, 2, 2]})], "  "),
    (("x", "Input", {"shape": [1, 6, 5]}), [("s", "Squeeze", {"dim": 1})], "height width"),
    (
        ("x", "Input", {"shape": [1, 6, 5]}),
        [("s", "Reshape", {"shape": [6, 5]}), ("u", "Unsqueeze")],
        "channels height width",
    ),
    (("x", "Input", {"shape": [7], "dtype": "int"}), [("e", "Embedding")], "steps features"),
]


@pytest.mark.parametrize(("start", "layers", "expected"), FLOWS)
def test_roles_go_along_with_the_shapes(make: Make, start: Any, layers: list[Any], expected: str) -> None:
    document = make(start, *layers, END)
    assert [str(problem) for problem in builder.check(document)] == []
    assert " ".join(roles(document)["end"]) == expected


def test_elementwise_results_take_what_is_known_of_any_input(make: Make) -> None:
    nodes = [SERIES, ("flat", "Flatten"), ("again", "Reshape", {"shape": [12, 8]}), ("add", "Add"), END]
    document = make(*nodes, edges="x > flat, flat > again, again > add, x > add, add > end")
    found = roles(document)
    assert found["again"] == ("", "") and found["add"] == ("steps", "features")


def axes_problem(document: Document) -> Problem:
    (problem,) = (item for item in builder.check(document) if item.code == "N240")
    assert problem.severity == "warning" and problem.message.endswith(".")
    return problem


WRONG: list[tuple[Any, list[tuple[Any, ...]], str, list[str]]] = [
    (SERIES, [("n", "Conv1d")], "steps", ["p", "n"]),
    (SERIES, [("n", "BatchNorm1d")], "steps", ["p", "n", "p"]),
    (SERIES, [("n", "MaxPool1d")], "steps", ["p", "n", "p"]),
    (SERIES, [("n", "AdaptiveAvgPool1d"), ("f", "Flatten")], "steps", ["p", "n", "p", "f"]),
    (SERIES, [("n", "GroupNorm")], "steps", ["p", "n", "p"]),
    (SERIES, [("n", "InstanceNorm1d")], "steps", ["p", "n", "p"]),
    (SERIES, [("n", "Dropout1d")], "steps", ["p", "n", "p"]),
    (SERIES, [("n", "Upsample")], "steps", ["p", "n", "p"]),
    (SERIES, [("p0", "Permute"), ("n", "LSTM")], "steps", ["p0", "p", "n"]),
    (CHANNELS, [("n", "LSTM")], "length", ["p", "n"]),
    (CHANNELS, [("n", "GRU", {"output": "last"})], "length", ["p", "n"]),
    (CHANNELS, [("n", "TransformerEncoderLayer")], "length", ["p", "n"]),
    (CHANNELS, [("n", "MultiheadAttention")], "length", ["p", "n"]),
    (CHANNELS, [("n", "PositionalEmbedding")], "length", ["p", "n"]),
    (CHANNELS, [("n", "LayerNorm")], "length", ["p", "n", "p"]),
    (CHANNELS, [("c", "Conv1d"), ("n", "Linear")], "length", ["c", "f", "n"]),
    (IMAGE, [("m", "Mean", {"dim": 3}), ("n", "Linear")], "height", ["m", "f", "n"]),
    (IMAGE, [("n", "LayerNorm")], "width", ["p", "n", "p"]),
    (
        IMAGE,
        [("f", "Flatten", {"start_dim": 2}), ("n", "TransformerEncoderLayer", {"nhead": 1})],
        "positions",
        ["f", "p", "n"],
    ),
    (IMAGE, [("p0", "Permute", {"dims": [0, 2, 3, 1]}), ("n", "Conv2d")], "height", ["p0", "p", "n"]),
    (LAST, [("n", "Conv2d")], "height", ["p", "n"]),
    (LAST, [("n", "BatchNorm2d")], "height", ["p", "n", "p"]),
    (LAST, [("n", "MaxPool2d")], "height", ["p", "n", "p"]),
    (LAST, [("n", "ConvTranspose2d")], "height", ["p", "n"]),
    (LAST, [("n", "ZeroPad2d")], "height", ["p", "n", "p"]),
]


@pytest.mark.parametrize(("start", "layers", "axis", "order"), WRONG)
def test_a_layer_that_takes_one_axis_for_another_is_told_and_fixed(
    make: Make, start: Any, layers: list[Any], axis: str, order: list[str]
) -> None:
    document = make(start, *layers, END)
    problem = axes_problem(document)
    assert problem.node == "n" and axis in problem.message and problem.fix_label.startswith("Insert ")
    assert problem.fix is not None
    after = apply_all(document, problem.fix)
    assert [str(item) for item in builder.check(after)] == []
    names, at = [], "x"
    while at != "end":
        (edge,) = (edge for edge in after.edges if edge.source == at)
        at = edge.target
        names.append(at)
    new = {"Permute": "p", "Flatten": "f"}
    known = {name for name, *_ in layers}
    assert [name if name in known else new[after.node(name).type] for name in names[:-1]] == order
    builder.compile(after)


RIGHT: list[tuple[Any, list[tuple[Any, ...]]]] = [
    # the rows of an image are the steps of a sequence
    (("x", "Input", {"shape": [1, 28, 28]}), [("s", "Squeeze", {"dim": 1}), ("l", "LSTM"), ("n", "LayerNorm")]),
    # ConvNeXt normalises and mixes the channels at the end, and puts them back
    (
        IMAGE,
        [
            ("a", "Permute", {"dims": [0, 2, 3, 1]}),
            ("n", "LayerNorm"),
            ("l", "Linear"),
            ("b", "Permute", {"dims": [0, 3, 1, 2]}),
            ("c", "Conv2d"),
        ],
    ),
    # an MLP-Mixer mixes the steps on purpose, and an inverted transformer attends from feature to feature
    (SERIES, [("a", "Permute"), ("l", "Linear"), ("b", "Permute"), ("n", "LayerNorm"), ("m", "Linear")]),
    (SERIES, [("a", "Permute"), ("t", "TransformerEncoderLayer", {"nhead": 2}), ("m", "Linear")]),
    # triplet attention convolves over the channels and one side of the image
    (IMAGE, [("a", "Permute", {"dims": [0, 2, 1, 3]}), ("c", "Conv2d")]),
    (IMAGE, [("a", "Permute", {"dims": [0, 3, 2, 1]}), ("c", "Conv2d")]),
    # normalised over all of its axes
    (IMAGE, [("n", "LayerNorm", {"normalized_shape": [3, 12, 10]})]),
    # a text as an image with one channel
    (SERIES, [("u", "Unsqueeze"), ("c", "Conv2d")]),
    # columns of a written line, read one after the other
    (IMAGE, [("a", "Permute", {"dims": [0, 3, 1, 2]}), ("f", "Flatten", {"start_dim": 2}), ("l", "GRU")]),
    (IMAGE, [("f", "Flatten", {"start_dim": 1, "end_dim": 2}), ("a", "Permute"), ("l", "GRU")]),
    # axes without a role are not questioned
    (("x", "Input", {"shape": [12, 8]}), [("c", "Conv1d")]),
    (("x", "Input", {"shape": [12, 8]}), [("l", "LSTM")]),
    (("x", "Input", {"shape": [24]}), [("r", "Reshape", {"shape": [6, 4]}), ("n", "BatchNorm1d"), ("l", "LSTM")]),
    (LAST, [("l", "Linear")]),
    (("x", "Input", {"shape": [3, 4, 6]}), [("n", "LayerNorm")]),
]


@pytest.mark.parametrize(("start", "layers"), RIGHT)
def test_what_people_do_on_purpose_is_no_problem(make: Make, start: Any, layers: list[Any]) -> None:
    assert [str(problem) for problem in builder.check(make(start, *layers, END))] == []


@pytest.mark.parametrize(
    ("start", "shape", "after"),
    [
        (SERIES, [8, 12], {"dims": [0, 2, 1]}),
        (SERIES, [8, -1], {"dims": [0, 2, 1]}),
        (CHANNELS, [12, 8], {"dims": [0, 2, 1]}),
        (LAST, [3, 28, 28], {"dims": [0, 3, 1, 2]}),
        (IMAGE, [12, 10, 3], {"dims": [0, 2, 3, 1]}),
        (IMAGE, [120, 3], None),
    ],
)
def test_a_reshape_in_the_place_of_a_permute(make: Make, start: Any, shape: list[int], after: Any) -> None:
    document = make(start, ("n", "Reshape", {"shape": shape}), END)
    problem = axes_problem(document)
    assert "Permute" in problem.message and problem.fix is not None
    fixed = apply_all(document, problem.fix)
    assert builder.check(fixed) == []
    assert len(fixed.nodes) == (3 if after else 4)
    if after:
        assert fixed.node("n").type == "Permute" and fixed.node("n").params == after
    assert builder.infer(fixed)["end"] == builder.infer(document)["end"]


@pytest.mark.parametrize(
    ("start", "layers", "code", "params"),
    [
        (SERIES, [("l", "Linear"), ("n", "Softmax")], "N241", {"dim": 2}),
        (SERIES, [("l", "Linear"), ("n", "LogSoftmax", {"dim": 1}), ("d", "Dropout")], "N241", {"dim": 2}),
        (IMAGE, [("c", "Conv2d"), ("n", "Softmax", {"dim": -1})], "N241", {"dim": 1}),
        (IMAGE, [("c", "Conv2d"), ("n", "LogSoftmax", {"dim": 3})], "N241", {"dim": 1}),
        (IMAGE, [("c", "Conv2d"), ("n", "GLU")], "N240", {"dim": 1}),
        (SERIES, [("l", "LSTM"), ("n", "Scale")], "N240", {"dim": 2, "init": 1.0}),
    ],
)
def test_the_axis_that_a_parameter_names(make: Make, start: Any, layers: list[Any], code: str, params: Any) -> None:
    document = make(start, *layers, END)
    (problem,) = builder.check(document)
    assert problem.code == code and problem.severity == "warning" and problem.fix is not None
    after = apply_all(document, problem.fix)
    assert builder.check(after) == []
    assert {**params, **after.node("n").params} == params


def test_a_softmax_inside_the_network_may_be_along_the_steps(make: Make) -> None:
    nodes = [
        SERIES,
        ("scores", "Linear", {"out_features": 8}),
        ("share", "Softmax"),
        ("pick", "Multiply"),
        ("sum", "Mean"),
        END,
    ]
    document = make(*nodes, edges="x > scores, scores > share, share > pick, x > pick, pick > sum, sum > end")
    assert builder.check(document) == []


BRANCHES = "x > a, x > b, a > both, b > both, both > end"


def branches(make: Make, dim: int, second: Any = None) -> Document:
    nodes = [SERIES, ("a", "GRU", {"hidden_size": 8}), second or ("b", "LSTM", {"hidden_size": 8})]
    return make(*nodes, ("both", "Concat", {"dim": dim}), END, edges=BRANCHES)


def test_branches_of_one_input_are_joined_side_by_side(make: Make) -> None:
    (problem,) = builder.check(branches(make, 1))
    assert problem.code == "N242" and problem.node == "both" and "12 become 24" in problem.message
    after = apply_all(branches(make, 1), problem.fix or ())
    assert builder.check(after) == [] and builder.infer(after)["both"] == (12, 16)


@pytest.mark.parametrize("dim", [2, -1])
def test_features_side_by_side_are_no_problem(make: Make, dim: int) -> None:
    assert builder.check(branches(make, dim)) == []


def test_sequences_of_different_inputs_may_follow_each_other(make: Make) -> None:
    other = ("b", "Input", {"shape": [12, 8], "axis_roles": ["steps", "features"]})
    document = make(SERIES, other, ("both", "Concat"), END, edges="x > both, b > both, both > end")
    assert builder.check(document) == []
    document = make(
        SERIES, ("b", "Slice", {"end": 4}), ("both", "Concat"), END, edges="x > both, x > b, b > both, both > end"
    )
    assert builder.check(document) == []


def test_a_concat_that_fits_along_another_axis_says_so(make: Make) -> None:
    document = branches(make, 1, ("b", "LSTM", {"hidden_size": 4}))
    (problem,) = builder.check(document)
    assert "Along dim 2 they fit" in problem.message
    assert builder.check(apply_all(document, problem.fix or ())) == []


def test_inputs_of_a_merge_have_their_axes_in_one_order(make: Make) -> None:
    square = ("x", "Input", {"shape": [8, 8], "axis_roles": ["steps", "features"]})
    nodes = [square, ("turn", "Permute"), ("conv", "Conv1d", {"out_channels": 8, "padding": 1}), ("add", "Add"), END]
    document = make(*nodes, edges="x > turn, turn > conv, conv > add, x > add, add > end")
    problem = axes_problem(document)
    assert problem.node == "add" and "channels" in problem.message and "steps" in problem.message
    assert problem.fix is not None
    assert builder.check(apply_all(document, problem.fix)) == []


def test_a_fix_in_a_block_goes_into_the_block(make: Make) -> None:
    block = {
        "nodes": [{"name": "a", "type": "Input"}, {"name": "c", "type": "Conv1d"}, {"name": "b", "type": "Output"}],
        "edges": [{"source": "a", "target": "c"}, {"source": "c", "target": "b"}],
    }
    document = make(SERIES, ("use", "Block", {"block": "one"}), END, blocks={"one": block})
    problem = axes_problem(document)
    assert problem.node == "use.0.c" and problem.fix is not None
    after = apply_all(document, problem.fix)
    assert builder.check(after) == [] and len(after.blocks["one"].nodes) == 4


def test_an_input_has_a_role_for_each_axis(make: Make) -> None:
    document = make(("x", "Input", {"shape": [4, 5], "axis_roles": ["steps"]}), ("l", "LSTM"), END)
    (problem,) = builder.check(document)
    assert "axis_roles" in problem.message and problem.fix is not None
    assert builder.check(apply_all(document, problem.fix)) == []
