"""Small documents with blocks, for the tests of blocks."""

from __future__ import annotations

import itertools
from typing import Any

import builder
from builder.document import Document


def node(name: str, kind: str, shares: str | None = None, /, **params: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "params": params, **({"shares_weights_with": shares} if shares else {})}


def wires(text: str) -> list[dict[str, str]]:
    """ "a > b > c, x > b:other" → the edges."""
    found = []
    for path in text.split(","):
        for one, other in itertools.pairwise(name.strip() for name in path.split(">")):
            target, _, port = other.partition(":")
            found.append({"source": one.partition(":")[0], "target": target, **({"port": port} if port else {})})
    return found


def graph(text: str, *nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "edges": wires(text), **fields}


def data(text: str, *nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"format": "netloom/2", **graph(text, *nodes, **fields)}


RESIDUAL = graph(
    "x > conv1 > relu > add > y, x > add",
    node("x", "Input"),
    node("conv1", "Conv2d", out_channels=3, padding=1),
    node("relu", "ReLU"),
    node("add", "Add"),
    node("y", "Output"),
)


def residual(repeat: int = 3, **fields: Any) -> Document:
    """Three repeats of one residual block."""
    return builder.load(
        data(
            "image > stage1 > flatten > fc > scores",
            node("image", "Input", shape=[3, 6, 6]),
            node("stage1", "Block", block="residual", repeat=repeat),
            node("flatten", "Flatten"),
            node("fc", "Linear", out_features=4),
            node("scores", "Output"),
            blocks={"residual": RESIDUAL},
            **fields,
        )
    )


def widening() -> Document:
    """A block that is used with two widths, so its layers have other arguments each time."""
    inner = graph(
        "x > conv > norm > act > y",
        node("x", "Input"),
        node("conv", "Conv2d", out_channels=8, padding=1),
        node("norm", "BatchNorm2d"),
        node("act", "ReLU"),
        node("y", "Output"),
    )
    outer = graph(
        "x > first > pool > second > y",
        node("x", "Input"),
        node("first", "Block", block="unit"),
        node("pool", "MaxPool2d"),
        node("second", "Block", block="unit", repeat=2),
        node("y", "Output"),
    )
    return builder.load(
        data(
            "image > left > right > flat > fc > scores",
            node("image", "Input", shape=[1, 8, 8]),
            node("left", "Block", block="stage"),
            node("right", "Block", block="stage"),
            node("flat", "Flatten"),
            node("fc", "Linear", out_features=3),
            node("scores", "Output"),
            blocks={"stage": outer, "unit": inner},
        )
    )


def gated(repeat: int = 3) -> Document:
    """A block with two ports: the first gets the result of the repeat before, the second always the same value."""
    inner = graph(
        "x > fc > times > y, gate > times",
        node("x", "Input"),
        node("gate", "Input"),
        node("fc", "Linear", out_features=5),
        node("times", "Multiply"),
        node("y", "Output"),
    )
    return builder.load(
        data(
            "a > b1:x, b > b1:gate, b1 > sum > out, b > sum",
            node("a", "Input", shape=[5]),
            node("b", "Input", shape=[5]),
            node("b1", "Block", block="gated", repeat=repeat),
            node("sum", "Add"),
            node("out", "Output"),
            blocks={"gated": inner},
        )
    )


def siamese() -> Document:
    """Two images through the same block with the same weights."""
    inner = graph(
        "x > conv > act > flat > y",
        node("x", "Input"),
        node("conv", "Conv2d", out_channels=2),
        node("act", "ReLU"),
        node("flat", "Flatten"),
        node("y", "Output"),
    )
    return builder.load(
        data(
            "one > left > distance, two > right > distance, distance > fc > same",
            node("one", "Input", shape=[1, 5, 5]),
            node("two", "Input", shape=[1, 5, 5]),
            node("left", "Block", block="branch"),
            node("right", "Block", "left", block="branch"),
            node("distance", "Subtract"),
            node("fc", "Linear", out_features=1),
            node("same", "Output"),
            blocks={"branch": inner},
        )
    )


def transformer(repeat: int = 2) -> Document:
    """A small GPT: a block within a block, and an output layer that shares the embedding's weights."""
    mlp = graph(
        "x > norm > up > act > down > y",
        node("x", "Input"),
        node("norm", "LayerNorm"),
        node("up", "Linear", out_features=16),
        node("act", "GELU"),
        node("down", "Linear", out_features=8),
        node("y", "Output"),
        description="Each place by itself.",
    )
    layer = graph(
        "x > norm > attention > add1 > mlp > add2 > y, x > add1, add1 > add2",
        node("x", "Input"),
        node("norm", "LayerNorm"),
        node("attention", "MultiheadAttention", num_heads=2, causal=True),
        node("add1", "Add"),
        node("mlp", "Block", block="mlp"),
        node("add2", "Add"),
        node("y", "Output"),
        description="Every place looks at those before it.",
    )
    return builder.load(
        data(
            "tokens > embedding > position > layers > norm > head > scores",
            node("tokens", "Input", shape=[6], dtype="int"),
            node("embedding", "Embedding", num_embeddings=11, embedding_dim=8),
            node("position", "PositionalEmbedding", max_len=6),
            node("layers", "Block", block="layer", repeat=repeat),
            node("norm", "LayerNorm"),
            node("head", "Linear", "embedding", out_features=11, bias=False),
            node("scores", "Output"),
            name="Small GPT",
            blocks={"layer": layer, "mlp": mlp},
        )
    )


def flat_residual() -> Document:
    """Two residual blocks as single layers."""
    conv = {"padding": 1, "bias": False}
    return builder.load(
        data(
            "image > stem > stem_relu > conv1a > norm1a > relu1a > conv1b > norm1b > add1 > relu1b, stem_relu > add1, "
            "relu1b > conv2a > norm2a > relu2a > conv2b > norm2b > add2, relu1b > shortcut2 > add2, "
            "add2 > relu2b > average > flatten > fc > class_scores",
            node("image", "Input", shape=[1, 8, 8]),
            node("stem", "Conv2d", out_channels=4, **conv),
            node("stem_relu", "ReLU"),
            node("conv1a", "Conv2d", out_channels=4, **conv),
            node("norm1a", "BatchNorm2d"),
            node("relu1a", "ReLU"),
            node("conv1b", "Conv2d", out_channels=4, **conv),
            node("norm1b", "BatchNorm2d"),
            node("add1", "Add"),
            node("relu1b", "ReLU"),
            node("conv2a", "Conv2d", out_channels=8, stride=2, **conv),
            node("norm2a", "BatchNorm2d"),
            node("relu2a", "ReLU"),
            node("conv2b", "Conv2d", out_channels=8, **conv),
            node("norm2b", "BatchNorm2d"),
            node("shortcut2", "Conv2d", out_channels=8, kernel_size=1, stride=2),
            node("add2", "Add"),
            node("relu2b", "ReLU"),
            node("average", "AdaptiveAvgPool2d", output_size=1),
            node("flatten", "Flatten"),
            node("fc", "Linear", out_features=3),
            node("class_scores", "Output"),
        )
    )


FOLDED = {
    "residual": residual,
    "widening": widening,
    "gated": gated,
    "siamese": siamese,
    "transformer": transformer,
}
