"""Messages of other libraries reach people without colour codes, tracebacks and advice for developers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import builder
from builder.exports.formats.onnx import Onnx
from builder.foreign_text import MAX_LENGTH, cleaned, in_words
from builder.library.adaptive import AdaptiveWindows
from builder.library.ensemble import Ensemble

ONNX = (
    "Failed to convert the exported program to an ONNX model. \x1b[96mThis is step 3/3\x1b[0m of exporting the model "
    "to ONNX. Next steps:\n- If there is a missing ONNX function, implement it and register it to the registry.\n- If "
    "there is an internal error during ONNX conversion, debug the error and submit a PR to PyTorch.\n"
)
CUDA = (
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be reported at some other call.\n"
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA`"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ONNX, "Failed to convert the exported program to an ONNX model."),
        (
            "No ONNX function found for <OpOverload(op='aten.adaptive_max_pool2d', overload='default')>. Failure "
            "message: No decompositions registered for the real-valued input",
            "ONNX has no operation for aten.adaptive_max_pool2d.",
        ),
        (
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5).",
        ),
        (
            CUDA,
            "CUDA error: device-side assert triggered. CUDA kernel errors might be reported at some other call.",
        ),
        (
            "Using padding='same' may require a copy (Triggered internally at /__w/pytorch/Convolution.cpp:1101.)",
            "Using padding='same' may require a copy.",
        ),
        ('It failed.\nTraceback (most recent call last):\n  File "a.py", line 3, in f\n', "It failed."),
        ("\x1b[31mred\x1b[0m", "red."),
        ("This is a bug. Please report this at https://github.com/pytorch/pytorch/issues", "This is a bug."),
        ("<object at 0x7f00aa> is wrong", "<object> is wrong."),
        ("", ""),
    ],
)
def test_what_is_of_use_is_left(text: str, words: str) -> None:
    assert cleaned(text) == words


def test_the_first_cause_is_told_and_a_text_is_never_long() -> None:
    error = RuntimeError(ONNX)
    error.__cause__ = ValueError("word " * 500)
    assert in_words(error).startswith("word word") and len(in_words(error)) < MAX_LENGTH + 3
    assert in_words(KeyError()) == "KeyError."
    error.__cause__.__cause__ = error  # a circle
    assert in_words(error)


def pooled(kind: str, shape: tuple[int, ...], size: Any) -> builder.Document:
    nodes: list[dict[str, Any]] = [
        {"name": "x", "type": "Input", "params": {"shape": list(shape)}},
        {"name": "pool", "type": kind, "params": {"output_size": size}},
        {"name": "end", "type": "Output"},
    ]
    edges = [{"source": "x", "target": "pool"}, {"source": "pool", "target": "end"}]
    return builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges})


@pytest.mark.parametrize(
    ("sizes", "output"), [((8,), (3,)), ((7,), (10,)), ((8, 9), (3, 4)), ((5, 6), (5, 4)), ((3, 3), (1, 2))]
)
def test_slices_pool_as_torch_does(sizes: tuple[int, ...], output: tuple[int, ...]) -> None:
    given = torch.randn(2, 3, *sizes)
    rank = len(sizes)
    largest = getattr(nn, f"AdaptiveMaxPool{rank}d")(output)(given)
    mean = getattr(nn, f"AdaptiveAvgPool{rank}d")(output)(given)
    assert torch.equal(AdaptiveWindows(output, largest=True)(given), largest)
    assert torch.allclose(AdaptiveWindows(output, largest=False)(given), mean, atol=1e-6)


@pytest.mark.usefixtures("warm_converter")
def test_adaptive_pooling_with_unequal_windows_goes_to_onnx(tmp_path: Path) -> None:
    document = pooled("AdaptiveMaxPool2d", (2, 8, 9), [3, 4])
    made = builder.export(builder.compile(document), document, tmp_path / "model.onnx", "onnx")
    assert made.difference == 0.0


@pytest.mark.parametrize("members", [0, 2])
def test_only_unequal_windows_are_replaced(members: int) -> None:
    """Also in a block, whose node has the name of another one, and in each member of an ensemble."""
    block = {
        "nodes": [
            {"name": "a", "type": "Input"},
            {"name": "pool", "type": "AdaptiveMaxPool2d", "params": {"output_size": 4}},
            {"name": "b", "type": "Output"},
        ],
        "edges": [{"source": "a", "target": "pool"}, {"source": "pool", "target": "b"}],
    }
    nodes: list[dict[str, Any]] = [
        {"name": "x", "type": "Input", "params": {"shape": [2, 8, 8]}},
        {"name": "stage", "type": "Block", "params": {"block": "shrink"}},
        {"name": "pool", "type": "AdaptiveMaxPool2d", "params": {"output_size": 3}},
        {"name": "end", "type": "Output"},
    ]
    edges = [{"source": one["name"], "target": two["name"]} for one, two in itertools.pairwise(nodes)]
    document = builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges, "blocks": {"shrink": block}})
    networks = [builder.compile(document).eval() for _ in range(max(members, 1))]
    module = Ensemble(networks, "values") if members else networks[0]
    given = torch.randn(3, 2, 8, 8)
    before = module(given)
    Onnx().adapt(module, document, "main")
    assert torch.equal(module(given), before)
    for network in networks:
        assert isinstance(network.get_submodule("pool"), AdaptiveWindows)
        assert not isinstance(network.get_submodule("stage.0.pool"), AdaptiveWindows)
