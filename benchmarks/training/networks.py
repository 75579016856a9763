"""The same networks twice: as a document, and as a person writes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import builder
from benchmarks.documents import node, wires


def _document(name: str, shape: list[int], layers: list[tuple[str, str, dict[str, Any]]], skips: dict[str, str]) -> Any:
    nodes = [{"name": "image", "type": "Input", "params": {"shape": shape}}]
    edges = []
    last = "image"
    for layer, kind, params in layers:
        nodes.append({"name": layer, "type": kind, "params": params})
        edges.append({"source": last, "target": layer})
        if layer in skips:
            edges.append({"source": skips[layer], "target": layer})
        last = layer
    nodes.append({"name": "scores", "type": "Output", "params": {}})
    edges.append({"source": last, "target": "scores"})
    return builder.load({"format": "netloom/2", "name": name, "nodes": nodes, "edges": edges})


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(784, 128)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(128, 64)
        self.relu2 = nn.ReLU()
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.fc1(self.flatten(x)))
        return self.fc3(self.relu2(self.fc2(x)))


def perceptron_document() -> Any:
    layers: list[tuple[str, str, dict[str, Any]]] = [
        ("flatten", "Flatten", {}),
        ("fc1", "Linear", {"out_features": 128}), ("relu1", "ReLU", {}),
        ("fc2", "Linear", {"out_features": 64}), ("relu2", "ReLU", {}),
        ("fc3", "Linear", {"out_features": 10}),
    ]  # fmt: skip
    return _document("Perceptron", [1, 28, 28], layers, {})


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.fc(self.flatten(x))


def convolutional_document() -> Any:
    layers: list[tuple[str, str, dict[str, Any]]] = [
        ("conv1", "Conv2d", {"out_channels": 16, "padding": 1}), ("relu1", "ReLU", {}), ("pool1", "MaxPool2d", {}),
        ("conv2", "Conv2d", {"out_channels": 32, "padding": 1}), ("relu2", "ReLU", {}), ("pool2", "MaxPool2d", {}),
        ("flatten", "Flatten", {}), ("fc", "Linear", {"out_features": 10}),
    ]  # fmt: skip
    return _document("Convolutional", [1, 28, 28], layers, {})


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.conv = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1, bias=False) for _ in range(6))
        self.norm = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(6))
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        for block in range(3):
            skip = x
            x = self.relu(self.norm[2 * block](self.conv[2 * block](x)))
            x = self.norm[2 * block + 1](self.conv[2 * block + 1](x))
            x = self.relu(x + skip)
        return self.fc(torch.flatten(self.pool(x), 1))


def residual_document() -> Any:
    layers: list[tuple[str, str, dict[str, Any]]] = [
        ("stem", "Conv2d", {"out_channels": 16, "stride": 2, "padding": 1})
    ]
    layers.append(("relu", "ReLU", {}))
    skips, skip = {}, "relu"
    conv = {"out_channels": 16, "padding": 1, "bias": False}
    for b in range(3):
        layers += [(f"conv{b}a", "Conv2d", conv), (f"norm{b}a", "BatchNorm2d", {}), (f"relu{b}a", "ReLU", {})]
        layers += [(f"conv{b}b", "Conv2d", conv), (f"norm{b}b", "BatchNorm2d", {})]
        layers += [(f"add{b}", "Add", {}), (f"relu{b}", "ReLU", {})]
        skips[f"add{b}"], skip = skip, f"relu{b}"
    layers += [("pool", "AdaptiveAvgPool2d", {}), ("flatten", "Flatten", {}), ("fc", "Linear", {"out_features": 10})]
    return _document("Residual", [1, 28, 28], layers, skips)


class Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(h)) + x)


class Folded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, stride=4, padding=1)
        self.stage = nn.ModuleList(Bottleneck() for _ in range(4))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.stage:
            x = block(x)
        return self.fc(self.flatten(self.pool(x)))


def folded_document() -> Any:
    conv: dict[str, Any] = {"out_channels": 16, "padding": 1, "bias": False}
    inner = [
        node("x", "Input"), node("conv1", "Conv2d", **conv), node("norm1", "BatchNorm2d"), node("relu1", "ReLU"),
        node("conv2", "Conv2d", **conv), node("norm2", "BatchNorm2d"), node("add", "Add"), node("relu2", "ReLU"),
        node("y", "Output"),
    ]  # fmt: skip
    edges = wires("x > conv1 > norm1 > relu1 > conv2 > norm2 > add > relu2 > y, x > add")
    nodes = [
        node("image", "Input", shape=[1, 28, 28]), node("stem", "Conv2d", out_channels=16, stride=4, padding=1),
        node("stage", "Block", block="bottleneck", repeat=4), node("pool", "AdaptiveAvgPool2d", output_size=1),
        node("flatten", "Flatten"), node("fc", "Linear", out_features=10), node("scores", "Output"),
    ]  # fmt: skip
    outer = wires("image > stem > stage > pool > flatten > fc > scores")
    blocks = {"bottleneck": {"nodes": inner, "edges": edges}}
    return builder.load({"format": "netloom/2", "name": "Folded", "nodes": nodes, "edges": outer, "blocks": blocks})


PAIRS = {
    "perceptron": (perceptron_document, Perceptron),
    "CNN": (convolutional_document, Convolutional),
    "residual network": (residual_document, Residual),
    "4 repeats of a block": (folded_document, Folded),
}
