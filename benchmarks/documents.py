"""Large networks as documents: GPT-2 small, folded into blocks, and ResNet-152, with every layer drawn."""

from __future__ import annotations

import itertools
from typing import Any

import builder


def node(name: str, kind: str, shares: str | None = None, **params: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "params": params, **({"shares_weights_with": shares} if shares else {})}


def wires(text: str) -> list[dict[str, str]]:
    """ "a > b > c, a > c" → the edges."""
    paths = [[name.strip() for name in path.split(">")] for path in text.split(",")]
    return [{"source": one, "target": other} for names in paths for one, other in itertools.pairwise(names)]


def gpt2_document(
    width: int = 768, depth: int = 12, heads: int = 12, vocabulary: int = 50257, length: int = 1024
) -> Any:
    """GPT-2 small: 124,439,808 parameters, the head's weights tied to the embedding's (Radford et al. 2019)."""
    width, depth, heads, vocabulary, length = 768, 12, 12, 50257, 1024
    layer = [
        node("x", "Input"), node("norm1", "LayerNorm"),
        node("attention", "MultiheadAttention", num_heads=heads, causal=True), node("add1", "Add"),
        node("norm2", "LayerNorm"), node("up", "Linear", out_features=4 * width), node("act", "GELU"),
        node("down", "Linear", out_features=width), node("add2", "Add"), node("y", "Output"),
    ]  # fmt: skip
    inner = "x > norm1 > attention > add1 > norm2 > up > act > down > add2 > y, x > add1, add1 > add2"
    nodes = [
        node("tokens", "Input", shape=[length], dtype="int"),
        node("embedding", "Embedding", num_embeddings=vocabulary, embedding_dim=width),
        node("position", "PositionalEmbedding", max_len=length), node("layers", "Block", block="layer", repeat=depth),
        node("norm", "LayerNorm"), node("head", "Linear", shares="embedding", out_features=vocabulary, bias=False),
        node("scores", "Output"),
    ]  # fmt: skip
    edges = wires("tokens > embedding > position > layers > norm > head > scores")
    blocks = {"layer": {"nodes": layer, "edges": wires(inner)}}
    return builder.load({"format": "netloom/2", "name": "GPT-2", "nodes": nodes, "edges": edges, "blocks": blocks})


def resnet152_document() -> Any:
    """ResNet-152: 60,192,808 parameters in 517 nodes (He et al. 2015)."""
    nodes = [node("image", "Input", shape=[3, 224, 224])]
    edges: list[dict[str, str]] = []

    def after(source: str, name: str, kind: str, **params: Any) -> str:
        nodes.append(node(name, kind, **params))
        edges.extend(wires(f"{source} > {name}"))
        return name

    def convolution(source: str, name: str, channels: int, size: int, stride: int = 1) -> str:
        settings = {"out_channels": channels, "kernel_size": size, "stride": stride, "padding": size // 2}
        return after(after(source, name, "Conv2d", bias=False, **settings), f"{name}_norm", "BatchNorm2d")

    last = after(convolution("image", "conv", 64, 7, 2), "relu", "ReLU")
    last = after(last, "pool", "MaxPool2d", kernel_size=3, stride=2, padding=1)
    for stage, (blocks, width) in enumerate(((3, 64), (8, 128), (36, 256), (3, 512)), start=1):
        for number in range(blocks):
            place, skip, stride = f"s{stage}b{number}", last, 2 if stage > 1 and number == 0 else 1
            if number == 0:
                skip = convolution(last, f"{place}_skip", 4 * width, 1, stride)
            last = after(convolution(last, f"{place}_conv1", width, 1), f"{place}_relu1", "ReLU")
            last = after(convolution(last, f"{place}_conv2", width, 3, stride), f"{place}_relu2", "ReLU")
            last = after(convolution(last, f"{place}_conv3", 4 * width, 1), f"{place}_add", "Add")
            edges.extend(wires(f"{skip} > {last}"))
            last = after(last, f"{place}_relu", "ReLU")
    last = after(after(last, "average", "AdaptiveAvgPool2d", output_size=1), "flatten", "Flatten")
    after(after(last, "fc", "Linear", out_features=1000), "scores", "Output")
    return builder.load({"format": "netloom/2", "name": "ResNet-152", "nodes": nodes, "edges": edges})
