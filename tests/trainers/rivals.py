"""Small documents of two networks that play against each other, for tests."""

from __future__ import annotations

import itertools
from typing import Any

import builder
from builder.document import Document


def rivals(asked: bool = False, **training: Any) -> Document:
    """A GAN on points of the plane that trains in a second; `asked`: both sides hear the class."""
    generator = [("noise", "Input", {"shape": [4]}), ("fc1", "Linear", {"out_features": 12}), ("act1", "ReLU", {}),
                 ("place", "Linear", {"out_features": 2}), ("drawn", "Output", {})]  # fmt: skip
    judge = [("point", "Input", {"shape": [2]}), ("fc2", "Linear", {"out_features": 12}), ("act2", "LeakyReLU", {}),
             ("score", "Linear", {"out_features": 1}), ("real", "Output", {})]  # fmt: skip
    nodes, edges = [], []
    for network, chain in (("generator", generator), ("discriminator", judge)):
        own = [{"name": name, "type": kind, "params": params, "network": network} for name, kind, params in chain]
        wires = [{"source": one[0], "target": other[0]} for one, other in itertools.pairwise(chain)]
        if asked:
            table = {"num_embeddings": 2, "embedding_dim": 3}
            kinds = (("Input", {"shape": [1], "dtype": "int"}), ("Embedding", table), ("Flatten", {}), ("Concat", {}))
            names = [f"{network}_{part}" for part in ("class", "table", "flat", "both")]
            more = [
                {"name": name, "type": kind, "params": params, "network": network}
                for name, (kind, params) in zip(names, kinds, strict=True)
            ]
            own[1:1] = more
            first, second = chain[0][0], chain[1][0]
            wires[0] = {"source": first, "target": names[3]}
            wires += [{"source": one, "target": other} for one, other in itertools.pairwise(names)]
            wires.append({"source": names[3], "target": second})
        nodes += own
        edges += wires
    settings = {
        "data": {"name": "moons", "samples": 240, "batch_size": 32, "validation": 0.2, "test": 0.2},
        "paradigm": {"name": "gan"}, "optimizer": {"name": "Adam", "lr": 0.002}, "epochs": 2, "seed": 0, **training,
    }  # fmt: skip
    return builder.load({"format": "netloom/2", "name": "Rivals", "nodes": nodes, "edges": edges, "training": settings})
