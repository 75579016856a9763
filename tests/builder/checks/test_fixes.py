"""Inputs that do not fit have a fix that makes the network whole, and that a person would choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import builder
from builder.document import Document
from builder.edits import apply_all

Make = Callable[..., Document]
END = ("end", "Output")


def x(*shape: int, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return ("x", "Input", {"shape": list(shape), **params})


def fixed(document: Document) -> tuple[str, Document]:
    """Apply the fix of the first problem; returns its label and the document, which has no problem and runs."""
    problem = next(each for each in builder.check(document) if each.severity == "error")
    assert problem.fix and problem.fix_label, str(problem)
    after = apply_all(document, problem.fix)
    assert [str(each) for each in builder.check(after)] == []
    model = builder.compile(after).eval()
    given = [node for node in after.nodes if node.role == "input"]
    kinds = {"int": torch.zeros(2, 1, dtype=torch.int64), "float": torch.zeros(2, 1)}
    inputs = [kinds[node.spec.dtype].new_zeros((2, *node.spec.shape)) for node in given]  # type: ignore[attr-defined]
    assert model(*inputs).shape[1:] == builder.infer(after)["end"]
    return problem.fix_label, after


@pytest.mark.parametrize(
    ("start", "layer", "label"),
    [
        (x(28, 28), ("Conv2d",), "Insert Unsqueeze"),
        (x(28, 28), ("MaxPool2d",), "Insert Unsqueeze"),
        (x(28, 28), ("ConvTranspose2d",), "Insert Unsqueeze"),
        (x(28, 28), ("ZeroPad2d",), "Insert Unsqueeze"),
        (x(100), ("Conv1d",), "Insert Unsqueeze"),
        (x(3, 8, 8), ("Conv1d",), "Use Conv2d instead"),
        (x(3, 8, 8), ("Conv3d", {"out_channels": 5}), "Use Conv2d instead"),
        (x(1, 64), ("Conv2d", {"kernel_size": [3, 3]}), "Use Conv1d instead"),
        (x(3, 8, 8), ("AdaptiveAvgPool1d",), "Use AdaptiveAvgPool2d instead"),
        (x(3, 8, 8), ("BatchNorm1d",), "Use BatchNorm2d instead"),
        (x(64), ("BatchNorm2d", {"momentum": 0.2}), "Use BatchNorm1d instead"),
        (x(2, 4, 4, 4), ("BatchNorm2d",), "Use BatchNorm3d instead"),
        (x(64), ("Dropout2d", {"p": 0.2}), "Use Dropout instead"),
        (x(3, 8, 8), ("Dropout1d",), "Use Dropout2d instead"),
        (x(784), ("Conv2d",), "Insert Reshape"),
        (x(3072), ("Conv2d",), "Insert Reshape"),
        (x(1, 28, 28), ("LSTM",), "Insert Squeeze"),
        (x(3, 32, 32), ("GRU",), "Insert Permute and Flatten"),
        (x(13), ("LSTM", {"output": "last"}), "Insert Unsqueeze"),
        (x(5, 3, 4, 4, axis_roles=["steps", "channels", "height", "width"]), ("RNN",), "Insert Flatten"),
        (x(16, 8, 8), ("TransformerEncoderLayer",), "Insert Flatten and Permute"),
        (x(3, 8, 8), ("TransformerEncoderLayer",), "Insert Flatten and Permute and Linear"),
        (x(13), ("MultiheadAttention",), "Insert Unsqueeze and Linear"),
        (x(8, 8, 8), ("PositionalEmbedding",), "Insert Flatten and Permute"),
    ],
)
def test_an_input_with_another_number_of_axes(make: Make, start: Any, layer: Any, label: str) -> None:
    found, after = fixed(make(start, ("layer", *layer), END))
    assert found == label
    if "out_channels" in (layer[1] if len(layer) > 1 else {}):
        assert after.node("layer").params["out_channels"] == 5


@pytest.mark.parametrize("kind", ["Conv2d", "BayesianConv2d"])
@pytest.mark.parametrize(
    ("size", "params"),
    [
        ((28, 28), {"kernel_size": 3, "stride": 2}),
        ((15, 28), {"kernel_size": 3, "stride": 2}),
        ((28, 27), {"kernel_size": 5, "stride": 3}),
        ((28, 27), {"kernel_size": 4, "stride": 2}),
        ((28, 28), {"kernel_size": 3, "stride": 2, "dilation": 2}),
        ((28, 28), {"kernel_size": [3, 5], "stride": [1, 2]}),
        ((9, 9), {"kernel_size": 2, "stride": 2}),
    ],
)
def test_same_with_a_stride(make: Make, kind: str, size: tuple[int, int], params: dict[str, Any]) -> None:
    document = make(x(3, *size), ("conv", kind, {"padding": "same", **params}), END)
    label, after = fixed(document)
    assert label.startswith("Set padding to ")
    strides = params["stride"] if isinstance(params["stride"], list) else [params["stride"]] * 2
    wanted = tuple(-(-length // stride) for length, stride in zip(size, strides, strict=True))
    assert builder.infer(after)["conv"][1:] == wanted


def test_same_with_a_stride_that_no_padding_gives(make: Make) -> None:
    params = {"padding": "same", "kernel_size": [2, 3], "stride": [1, 2]}
    document = make(x(3, 8, 8), ("conv", "Conv2d", params), END)
    (problem,) = builder.check(document)
    assert problem.fix_label == "Set stride to 1"
    assert builder.check(apply_all(document, problem.fix or ())) == []


@pytest.mark.parametrize("merge", ["Add", "Multiply", "Subtract", "Average", "Maximum"])
@pytest.mark.parametrize(
    ("start", "main", "label"),
    [
        (x(16, 8, 8), ("Conv2d", {"out_channels": 32, "padding": 1}), "Insert Conv2d"),
        (x(16, 8, 8), ("Conv2d", {"out_channels": 32, "padding": 1, "stride": 2}), "Insert Conv2d"),
        (x(16, 9, 8), ("Conv2d", {"out_channels": 16, "padding": 1, "stride": 2}), "Insert Conv2d"),
        (x(16, 8, 8), ("Conv2d", {"out_channels": 16}), "Insert Conv2d"),
        (x(16, 8, 8), ("Conv2d", {"out_channels": 8, "padding": 1}), "Insert Conv2d"),
        (x(4, 20), ("Conv1d", {"out_channels": 8, "padding": 1}), "Insert Conv1d"),
        (x(2, 6, 6, 6), ("Conv3d", {"out_channels": 4, "stride": 2, "padding": 1}), "Insert Conv3d"),
        (x(16), ("Linear", {"out_features": 8}), "Insert Linear"),
        (x(12, 8, axis_roles=["steps", "features"]), ("LSTM", {"hidden_size": 16}), "Insert Linear"),
    ],
)
def test_unlike_residual_branches(make: Make, merge: str, start: Any, main: Any, label: str) -> None:
    document = make(start, ("main", *main), ("sum", merge), END, edges="x > main, main > sum, x > sum, sum > end")
    found, after = fixed(document)
    assert found == label
    (new,) = (node for node in after.nodes if node.name not in document.by_name)
    if main[0].startswith("Conv") and main[1]["out_channels"] >= 16:
        assert [edge.source for edge in after.edges if edge.target == new.name] == ["x"]  # at the shortcut


def test_a_gate_for_each_channel(make: Make) -> None:
    nodes = [
        x(16, 8, 8),
        ("mean", "Mean", {"dim": [2, 3]}),
        ("fc", "Linear", {"out_features": 16}),
        ("gate", "Multiply"),
        END,
    ]
    label, after = fixed(make(*nodes, edges="x > mean, mean > fc, x > gate, fc > gate, gate > end"))
    assert label == "Insert Reshape" and builder.infer(after)["end"] == (16, 8, 8)


def unet(make: Make, size: int, up: Any, merge: str = "Concat") -> Document:
    nodes = [
        x(1, size, size),
        ("down", "Conv2d", {"out_channels": 4, "padding": 1}),
        ("pool", "MaxPool2d"),
        ("deep", "Conv2d", {"out_channels": 4, "padding": 1}),
        ("up", *up),
        ("relu", "ReLU"),
        ("join", merge),
        END,
    ]
    return make(
        *nodes, edges="x > down, down > pool, pool > deep, deep > up, up > relu, down > join, relu > join, join > end"
    )


@pytest.mark.parametrize("merge", ["Concat", "Add"])
@pytest.mark.parametrize(
    ("up", "label"),
    [
        (("ConvTranspose2d", {"out_channels": 4, "kernel_size": 2, "stride": 2}), "Set output_padding to 1 at up"),
        (("Upsample",), "at up"),
        (("Upsample", {"scale_factor": 2.0, "mode": "bilinear"}), "at up"),
    ],
)
def test_odd_sizes_in_a_unet(make: Make, merge: str, up: Any, label: str) -> None:
    found, after = fixed(unet(make, 15, up, merge))
    assert label in found
    assert builder.infer(after)["end"] == ((8 if merge == "Concat" else 4), 15, 15)


def test_odd_sizes_that_no_parameter_gives_are_cropped(make: Make) -> None:
    up = ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 2, "stride": 2, "output_padding": 1})
    label, after = fixed(unet(make, 17, ("PixelShuffle",), "Concat"))
    assert label == "Insert Slice" and builder.infer(after)["end"] == (5, 16, 16)
    label, after = fixed(unet(make, 18, up))  # 19 and 18
    assert "Slice" in label or "output_padding to 0" in label


def test_vectors_and_images_are_concatenated_as_vectors(make: Make) -> None:
    other = ("y", "Input", {"shape": [5]})
    label, after = fixed(make(x(3, 4, 4), other, ("join", "Concat"), END, edges="x > join, y > join, join > end"))
    assert label == "Insert Flatten" and builder.infer(after)["end"] == (53,)


def test_a_product_with_the_second_matrix_turned(make: Make) -> None:
    other = ("y", "Input", {"shape": [7, 5]})
    label, after = fixed(make(x(3, 5), other, ("m", "MatMul"), END, edges="x > m:input, y > m:other, m > end"))
    assert label == "Insert Permute" and builder.infer(after)["end"] == (3, 7)


def test_a_decoder_gets_a_memory_of_its_width(make: Make) -> None:
    other = ("y", "Input", {"shape": [7, 12]})
    label, after = fixed(
        make(x(5, 8), other, ("d", "TransformerDecoderLayer"), END, edges="x > d:tgt, y > d:memory, d > end")
    )
    assert label == "Insert Linear" and builder.infer(after)["end"] == (5, 8)


def test_group_normalisation_of_a_vector_is_torchs(make: Make) -> None:
    document = make(x(8), ("norm", "GroupNorm", {"num_groups": 2}), END)
    assert builder.check(document) == []
    given = torch.randn(3, 8)
    assert torch.equal(builder.compile(document)(given), torch.nn.GroupNorm(2, 8)(given))


@pytest.mark.parametrize(
    ("start", "layer"),
    [
        (x(8), ("GroupNorm", {"num_groups": 8})),
        (x(8, 1, 1), ("GroupNorm", {"num_groups": 8})),
        (x(8, 1), ("LayerNorm",)),
    ],
)
def test_normalising_one_value_gives_nothing(make: Make, start: Any, layer: Any) -> None:
    document = make(start, ("norm", *layer), END)
    (problem,) = (each for each in builder.check(document) if each.code == "N220")
    assert "does not depend on the input" in problem.message and problem.fix
    assert not [each for each in builder.check(apply_all(document, problem.fix)) if each.code == "N220"]
    assert builder.compile(document)(torch.randn(2, *start[2]["shape"])).abs().max() < 1e-3
