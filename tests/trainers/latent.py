"""Small autoencoders for tests: for images of digits, for tables, with a sampled code or without."""

from __future__ import annotations

import itertools
from typing import Any

import builder
from builder.document import Document

Layer = tuple[str, str, dict[str, Any]]


def autoencoder(
    shape: tuple[int, ...] = (1, 8, 8),
    code: int = 4,
    end: str = "Sigmoid",
    data: str | dict[str, Any] = "digits",
    draw: bool = False,
    middle: tuple[Layer, ...] = (),
    paradigm: dict[str, Any] | None = None,
    **training: Any,
) -> Document:
    """Flatten, 24 hidden units, a code named `bottleneck` (or `mean`, sampled at `draw`), 24 units, the shape again."""
    size = 1
    for axis in shape:
        size *= axis
    layers: list[Layer] = [
        ("sample", "Input", {"shape": list(shape)}),
        ("flatten", "Flatten", {}),
        ("encoder", "Linear", {"out_features": 24}),
        ("bend1", "ELU", {}),
        ("mean" if draw else "bottleneck", "Linear", {"out_features": code}),
        *([("draw", "Reparameterize", {})] if draw else []),
        *middle,
        ("decoder", "Linear", {"out_features": 24}),
        ("bend2", "ELU", {}),
        ("values", "Linear", {"out_features": size}),
        ("form", "Reshape", {"shape": list(shape)}),
        *([("end", end, {})] if end else []),
        ("reconstruction", "Output", {}),
    ]
    nodes = [{"name": name, "type": kind, "params": params} for name, kind, params in layers]
    edges = [{"source": a, "target": b} for (a, _, _), (b, _, _) in itertools.pairwise(layers)]
    if draw:
        edges = [{**edge, **({"port": "mean"} if edge["target"] == "draw" else {})} for edge in edges]
        nodes.insert(5, {"name": "log_variance", "type": "Linear", "params": {"out_features": code}})
        edges.append({"source": "bend1", "target": "log_variance"})
        edges.append({"source": "log_variance", "target": "draw", "port": "log_variance"})
    name = "variational" if draw else "autoencoder"
    settings = {
        "data": {"batch_size": 64, **({"name": data} if isinstance(data, str) else data)},
        "optimizer": {"name": "Adam", "lr": 0.01},
        "epochs": 2,
        "seed": 0,
        **training,
        "paradigm": {"name": name, **(paradigm or {})},
    }
    return builder.load({"format": "netloom/2", "name": "Small", "nodes": nodes, "edges": edges, "training": settings})
