"""Inputs that a layer cannot take: the message names the sizes, and if possible one click fixes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import builder
from builder.document import Document
from builder.problems import NodeError, Problem

Make = Callable[..., Document]


def only(document: Document) -> Problem:
    (problem,) = builder.check(document)
    return problem


def fixed(document: Document, problem: Problem) -> Document:
    for edit in problem.fix or ():
        document = edit.apply(document)
    return document


SEQUENCE, IMAGE = [6, 8], [3, 8, 8]

# The shape of the Input, the layer after it, parts of the message, and the parameter that the fix sets.
CASES: dict[str, tuple[list[int], str, dict[str, Any], list[str], dict[str, Any] | None]] = {
    "heads": (SEQUENCE, "MultiheadAttention", {"num_heads": 3}, ["8 features", "3 heads", "num_heads"],
              {"num_heads": 2}),
    "many heads": (SEQUENCE, "TransformerEncoderLayer", {"nhead": 12}, ["8 features", "12 heads", "nhead"],
                   {"nhead": 8}),
    "too long": (SEQUENCE, "PositionalEmbedding", {"max_len": 4}, ["4 positions (max_len)", "6 steps"], {"max_len": 6}),
    "projection": (SEQUENCE, "LSTM", {"hidden_size": 4, "proj_size": 4}, ["proj_size of 4", "hidden_size (4)"],
                   {"proj_size": 0}),
    "groups": (IMAGE, "Conv2d", {"groups": 2}, ["3 input channels", "2 groups"], {"groups": 1}),
    "group norm": (IMAGE, "GroupNorm", {"num_groups": 4}, ["3 channels", "4 groups"], {"num_groups": 3}),
    "pixels": (IMAGE, "PixelShuffle", {"upscale_factor": 2}, ["multiple of 4", "has 3"], {"upscale_factor": 1}),
    "mirror": (IMAGE, "ReflectionPad2d", {"padding": 9}, ["9 pixels", "8 × 8"], {"padding": 7}),
    "pads within": (IMAGE, "Conv2d", {"padding": 8, "padding_mode": "reflect"}, ["reflect", "8 × 8"],
                    {"padding_mode": "zeros"}),
    "mode": (IMAGE, "Upsample", {"mode": "linear"}, ["linear", "bilinear"], {"mode": "bilinear"}),
    "both": (IMAGE, "Upsample", {"size": 4, "scale_factor": 2}, ["both a size and a scale_factor"], {"size": None}),
    "numbers": (IMAGE, "Upsample", {"scale_factor": [2, 2, 2]}, ["3 numbers", "2 spatial axes"],
                {"scale_factor": None}),
    "corners": (IMAGE, "Upsample", {"align_corners": True}, ["align_corners"], {"align_corners": None}),
    "cut away": (IMAGE, "ConvTranspose2d", {"padding": 9}, ["padding of 9"], {"padding": 0}),
    "added": (IMAGE, "ConvTranspose2d", {"output_padding": 1}, ["output_padding of 1 × 1", "stride (1 × 1)"],
              {"output_padding": 0}),
    "spread": ([3, 1], "InstanceNorm1d", {}, ["one value per channel"], None),
    "entry": (SEQUENCE, "Select", {"index": 6}, ["entry 6", "0 to 5"], {"index": -1}),
    "nothing left": (SEQUENCE, "Slice", {"start": 4, "end": 2}, ["selects nothing", "6 entries"],
                     {"start": 0, "end": None}),
    "not one": (SEQUENCE, "Squeeze", {"dim": 1}, ["must be 1", "it is 6"], None),
    "the batch": (SEQUENCE, "Max", {"dim": 0}, ["batch"], {"dim": 1}),
    "new axis": (SEQUENCE, "Unsqueeze", {"dim": 0}, ["1 to 3", "0 is the batch"], {"dim": 1}),
    "shifts": (SEQUENCE, "Roll", {"shifts": [1, 2]}, ["2 shifts for 1 dim"], None),
    "memory": ([2], "Parameter", {"shape": [100000, 100000]}, ["does not fit into memory"], None),
}  # fmt: skip


@pytest.mark.parametrize(("shape", "kind", "params", "words", "fix"), CASES.values(), ids=CASES)
def test_a_layer_says_what_it_cannot_do(
    make: Make, shape: list[int], kind: str, params: dict[str, Any], words: list[str], fix: dict[str, Any] | None
) -> None:
    document = make(("x", "Input", {"shape": shape}), ("layer", kind, params), ("end", "Output"))
    problem = only(document)
    assert problem.severity == "error" and problem.node == "layer"
    for word in words:
        assert word in problem.message, problem.message
    assert (problem.fix is None) == (fix is None)
    if fix is not None:
        after = fixed(document, problem)
        assert {name: after.node("layer").params.get(name) for name in fix} == fix
        assert not builder.check(after), "the fix does not mend it"


def test_products_of_matrices_name_their_inner_sizes(make: Make) -> None:
    a, b = ("a", "Input", {"shape": [4, 6]}), ("b", "Input", {"shape": [5, 6]})
    problem = only(make(a, b, ("m", "MatMul"), ("end", "Output"), edges="a > m, b > m, m > end"))
    assert "4 × 6 and 5 × 6" in problem.message and "transposed, it fits" in problem.message
    many = ("b", "Input", {"shape": [2, 6, 4]})
    assert (
        "2 and 3 axes" in only(make(a, many, ("m", "MatMul"), ("end", "Output"), edges="a > m, b > m, m > end")).message
    )


def test_keys_and_values_are_as_many_and_a_mask_needs_equal_lengths(make: Make) -> None:
    q, k, v = (("q", "Input", {"shape": [4, 8]}), ("k", "Input", {"shape": [5, 8]}), ("v", "Input", {"shape": [6, 8]}))
    edges = "q > att:query, k > att:key, v > att:value, att > end"
    problem = only(make(q, k, v, ("att", "MultiheadAttention"), ("end", "Output"), edges=edges))
    assert "5 steps at key" in problem.message and "6 at value" in problem.message
    att = ("att", "MultiheadAttention", {"causal": True})
    document = make(q, k, att, ("end", "Output"), edges="q > att, k > att:key, att > end")
    problem = only(document)
    assert "4 steps and its key 5" in problem.message and not builder.check(fixed(document, problem))


def test_a_decoder_and_its_memory_have_one_width(make: Make) -> None:
    a, b = ("a", "Input", {"shape": [4, 8]}), ("b", "Input", {"shape": [5, 6]})
    document = make(a, b, ("dec", "TransformerDecoderLayer"), ("end", "Output"), edges="a > dec, b > dec, dec > end")
    assert "8 and 6 features" in only(document).message


def test_dropout_between_the_layers_of_one_is_a_warning(make: Make) -> None:
    document = make(("x", "Input", {"shape": SEQUENCE}), ("rnn", "GRU", {"dropout": 0.3}), ("end", "Output"))
    problem = only(document)
    assert problem.severity == "warning" and problem.code == "N220" and "no effect here" in problem.message
    assert not builder.check(fixed(document, problem))
    builder.compile(document)(torch.zeros(2, 6, 8))  # torch's own warning would be an error here


LAST_AXIS: dict[str, tuple[list[tuple[Any, ...]], bool]] = {
    "a image": ([], True),
    "a convolution": ([("c", "Conv2d"), ("r", "ReLU"), ("d", "Dropout")], True),
    "a norm of channels": ([("n", "BatchNorm2d"), ("i", "Identity")], True),
    "pooling": ([("p", "AdaptiveAvgPool2d")], True),
    "a skip connection": ([("c", "Conv2d", {"out_channels": 3, "padding": "same"}), ("p", "ReLU")], True),
    "channels last": ([("t", "Permute", {"dims": [0, 2, 3, 1]})], False),
    "channels last and on": ([("t", "Permute", {"dims": [0, 2, 3, 1]}), ("r", "GELU"), ("d", "Dropout")], False),
    "a norm of the last axis": ([("n", "LayerNorm")], False),
    "another shape": ([("s", "Reshape", {"shape": [4, 4, 12]})], False),
}


@pytest.mark.parametrize(("between", "refused"), LAST_AXIS.values(), ids=LAST_AXIS)
def test_layers_of_the_last_axis_do_not_read_pictures(
    make: Make, between: list[tuple[Any, ...]], refused: bool
) -> None:
    document = make(("x", "Input", {"shape": IMAGE}), *between, ("fc", "Linear"), ("end", "Output"))
    if not refused:
        assert not builder.check(document)
        return
    problem = only(document)
    assert problem.node == "fc" and "channels first" in problem.message and problem.fix_label == "Insert Flatten"
    assert not builder.check(fixed(document, problem))


def test_tokens_through_an_embedding_may_have_any_number_of_axes(make: Make) -> None:
    tokens = ("x", "Input", {"shape": [4, 5], "dtype": "int"})
    assert not builder.check(make(tokens, ("e", "Embedding"), ("fc", "Linear"), ("end", "Output")))


def test_a_token_beyond_the_vocabulary_is_named(make: Make) -> None:
    document = make(
        ("words", "Input", {"shape": [3], "dtype": "int"}),
        ("vectors", "Embedding", {"num_embeddings": 5}),
        ("end", "Output"),
    )
    model = builder.compile(document)
    for token in (5, 99, -1):
        with pytest.raises(NodeError, match=rf"^vectors got the token {token}, but .*num_embeddings 5") as caught:
            model(torch.tensor([[0, token, 2]]))
        assert caught.value.node == "vectors"


def test_a_learned_tensor_needs_no_wire_and_takes_the_size_of_the_batch(make: Make) -> None:
    nodes = [
        ("queries", "Parameter", {"shape": [3, 8]}),
        ("x", "Input", {"shape": [5, 8]}),
        ("att", "MultiheadAttention"),
        ("end", "Output"),
    ]
    document = make(*nodes, edges="queries > att, x > att:key, att > end")
    assert not builder.check(document) and builder.infer(document)["queries"] == (3, 8)
    model = builder.compile(document)
    assert next(iter(model.state_dict())) == "queries.value"
    assert model(torch.zeros(7, 5, 8)).shape == (7, 3, 8)
    assert "queries(x)" in builder.to_python(document)
    wired = make(*nodes, edges="x > queries, queries > att, x > att:key, att > end")
    assert builder.to_python(wired) == builder.to_python(document)
