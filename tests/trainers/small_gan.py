"""A small GAN as a document, for tests."""

from __future__ import annotations

import itertools
from typing import Any

import builder
from builder.document import Document

Layers = list[tuple[str, str, dict[str, Any]]]
GENERATOR: Layers = [
    ("noise", "Input", {"shape": [4]}),
    ("fc1", "Linear", {"out_features": 12}),
    ("act1", "ReLU", {}),
    ("point", "Linear", {"out_features": 2}),
    ("generated", "Output", {}),
]
DISCRIMINATOR: Layers = [
    ("sample", "Input", {"shape": [2]}),
    ("fc2", "Linear", {"out_features": 12}),
    ("act2", "LeakyReLU", {}),
    ("score", "Linear", {"out_features": 1}),
    ("realness", "Output", {}),
]


def small_gan(conditional: bool = False, **training: Any) -> Document:
    """A GAN for points of the plane that trains in a second; `conditional`: both networks receive the class."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, str]] = []
    for network, chain in (("generator", GENERATOR), ("discriminator", DISCRIMINATOR)):
        layers, wires = list(chain), [(one[0], other[0]) for one, other in itertools.pairwise(chain)]
        if conditional:
            branch = class_branch(network)
            names = [name for name, _, _ in branch]
            layers[1:1] = branch
            wires[0] = (chain[0][0], names[-1])
            wires += [*itertools.pairwise(names), (names[-1], chain[1][0])]
        nodes += [{"name": name, "type": kind, "params": params, "network": network} for name, kind, params in layers]
        edges += [{"source": source, "target": target} for source, target in wires]
    settings = {
        "data": {"name": "moons", "samples": 240, "batch_size": 32, "validation": 0.2, "test": 0.2},
        "paradigm": {"name": "gan"},
        "optimizer": {"name": "Adam", "lr": 0.002},
        "epochs": 2,
        "seed": 0,
        **training,
    }
    document = {"format": "netloom/2", "name": "Small GAN", "nodes": nodes, "edges": edges, "training": settings}
    return builder.load(document)


def class_branch(network: str) -> Layers:
    """The class of a sample, embedded and concatenated with the first input."""
    return [
        (f"{network}_class", "Input", {"shape": [1], "dtype": "int"}),
        (f"{network}_embedding", "Embedding", {"num_embeddings": 2, "embedding_dim": 3}),
        (f"{network}_flat", "Flatten", {}),
        (f"{network}_both", "Concat", {}),
    ]
