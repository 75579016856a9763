"""Small language models as documents, for tests of how they train, write and are watched."""

from __future__ import annotations

import itertools
from typing import Any

import builder
from builder.document import Document

MEMORY = ("memory", "GRU", {"hidden_size": 24})
ATTENTION = ("attention", "TransformerEncoderLayer", {"nhead": 2, "dim_feedforward": 32})
CAUSAL = (*ATTENTION[:2], {**ATTENTION[2], "causal": True})


def writer(
    *middle: tuple[str, str, dict[str, Any]],
    vocabulary: int = 97,
    width: int = 97,
    data: dict[str, Any] | None = None,
    paradigm: dict[str, Any] | None = None,
    **training: Any,
) -> Document:
    """A network from tokens to scores of tokens on the embedded text, 16 characters at a time."""
    nodes = [
        ("text", "Input", {"shape": [16], "dtype": "int"}),
        ("embedding", "Embedding", {"num_embeddings": vocabulary, "embedding_dim": 16}),
        *(middle or (MEMORY,)),
        ("next", "Linear", {"out_features": width}),
        ("scores", "Output", {}),
    ]
    source = {
        "name": "python_reference",
        "context": 16,
        "limit": 6000,
        "batch_size": 16,
        "validation": 0.1,
        "test": 0.1,
    }
    return builder.load(
        {
            "format": "netloom/2",
            "name": "Writer",
            "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in nodes],
            "edges": [{"source": a[0], "target": b[0]} for a, b in itertools.pairwise(nodes)],
            "training": {
                "data": {**source, **(data or {})},
                "paradigm": {"name": "language", "sample_length": 12, **(paradigm or {})},
                "optimizer": {"name": "Adam", "lr": 0.01},
                "epochs": 1,
                "seed": 0,
                **training,
            },
        }
    )
