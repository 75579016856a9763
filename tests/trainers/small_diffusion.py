"""A small diffusion network as a document, for tests of training and sampling."""

from __future__ import annotations

from typing import Any

import builder
from builder.document import Document

NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("image", "Input", {}),
    ("time", "Input", {"shape": [1], "dtype": "int"}),
    ("embed", "TimestepEmbedding", {"embedding_dim": 8}),
    ("shift", "Linear", {"out_features": 8}),
    ("as_channels", "Reshape", {"shape": [8, 1, 1]}),
    ("conv", "Conv2d", {"out_channels": 8, "padding": 1}),
    ("add", "Add", {}),
    ("silu", "SiLU", {}),
    ("last", "Conv2d", {"out_channels": 1, "padding": 1}),
    ("noise", "Output", {}),
]
EDGES = "time>embed embed>shift shift>as_channels image>conv conv>add as_channels>add add>silu silu>last last>noise"


def small_diffusion(paradigm: dict[str, Any] | None = None, nodes: list[Any] = NODES, **training: Any) -> Document:
    """Two convolutions for digits of 8 × 8 pixels: one receives the time step, one outputs the noise."""
    names = {name for name, _, _ in nodes}
    wires = [wire.split(">") for wire in EDGES.split()]
    return builder.load(
        {
            "format": "netloom/2",
            "name": "Small diffusion",
            "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in nodes],
            "edges": [{"source": a, "target": b} for a, b in wires if {a, b} <= names],
            "training": {
                "data": {"name": "digits", "batch_size": 128, "validation": 0.2, "test": 0.1},
                "paradigm": {"name": "diffusion", "timesteps": 40, "sampling_steps": 4, **(paradigm or {})},
                "optimizer": {"name": "Adam", "lr": 0.01},
                "epochs": 2,
                "seed": 0,
                "device": "cpu",
                **training,
            },
        }
    )
