"""The cases of the catalogue's tests: every layer with its defaults, and with other parameters and inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch

import builder
from builder.document import Document
from builder.spec import LayerSpec, Signal

ALL = [spec for spec in builder.CATALOGUE.values() if spec.role == "layer"]
MISSING = [spec for spec in ALL if spec().missing()]  # they need a package that is not installed, and cannot be built
LAYERS = [spec for spec in ALL if spec not in MISSING]

# Type → parameters, and input shapes if they are not the layer's example. A new layer does not have to be here.
OTHERS: dict[str, list[tuple[dict[str, Any], list[tuple[int, ...]] | None]]] = {
    "Linear": [({"out_features": 3, "bias": False}, [(5, 8)]), ({"out_features": 2}, None)],
    "Bilinear": [({"out_features": 3, "bias": False}, [(5, 4), (5, 3)])],
    "Embedding": [({"num_embeddings": 7, "embedding_dim": 3, "padding_idx": 1}, [(4, 2)])],
    "Conv1d": [({"out_channels": 4, "padding": "same", "groups": 2, "dilation": 2}, [(2, 9)]),
               ({"out_channels": 3, "kernel_size": 2, "padding": 1, "padding_mode": "reflect", "stride": 2}, None)],
    "Conv2d": [({"out_channels": 4, "kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0], "groups": 2},
                [(4, 7, 6)]),
               ({"out_channels": 2, "padding": 1, "padding_mode": "circular", "bias": False}, None)],
    "Conv3d": [({"out_channels": 2, "kernel_size": [1, 2, 3], "padding": [0, 1, 1]}, [(1, 4, 4, 4)])],
    "ConvTranspose1d": [({"out_channels": 2, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, None)],
    "ConvTranspose2d": [({"out_channels": 4, "kernel_size": [3, 4], "stride": 2, "groups": 2, "bias": False},
                         [(4, 3, 5)])],
    "ConvTranspose3d": [({"out_channels": 2, "stride": [1, 2, 2], "dilation": 2}, None)],
    "MaxPool1d": [({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, [(2, 10)])],
    "MaxPool2d": [({"kernel_size": [3, 2], "stride": 2, "padding": [1, 1], "ceil_mode": True}, [(2, 9, 8)])],
    "MaxPool3d": [({"kernel_size": 3, "stride": [1, 2, 2], "padding": 1}, None)],
    "AvgPool1d": [({"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, None)],
    "AvgPool2d": [({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, [(2, 9, 8)])],
    "AvgPool3d": [({"kernel_size": [1, 2, 2], "ceil_mode": True}, [(2, 3, 5, 5)])],
    "AdaptiveAvgPool1d": [({"output_size": 4}, None)],
    "AdaptiveAvgPool2d": [({"output_size": [3, 6]}, None)],
    "AdaptiveMaxPool1d": [({"output_size": 4}, None)],
    "AdaptiveMaxPool2d": [({"output_size": [3, 6]}, None)],
    "Upsample": [({"mode": "bilinear", "align_corners": True}, None),
                 ({"scale_factor": 1.5, "mode": "linear"}, [(2, 6)]),
                 ({"size": [4, 5, 6], "mode": "trilinear"}, [(2, 3, 3, 3)]),
                 ({"size": [7, 5], "mode": "bicubic"}, None),
                 ({"mode": "nearest-exact", "scale_factor": [2, 3]}, None)],
    "PixelShuffle": [({"upscale_factor": 3}, [(9, 2, 3)])],
    "ZeroPad2d": [({"padding": [1, 2, 0, 3]}, None)],
    "ReflectionPad2d": [({"padding": [1, 2, 0, 3]}, None)],
    "BatchNorm1d": [({"affine": False}, [(3, 5)]), ({"eps": 0.1, "momentum": None}, None)],
    "BatchNorm2d": [({"track_running_stats": False}, None)],
    "LayerNorm": [({"normalized_shape": [4, 8], "bias": False}, None), ({"elementwise_affine": False}, [(3, 4, 6)])],
    "RMSNorm": [({"normalized_shape": [4, 8], "eps": 0.01}, None)],
    "GroupNorm": [({"num_groups": 2, "affine": False}, [(4, 6)])],
    "InstanceNorm1d": [({"affine": True}, None)],
    "InstanceNorm2d": [({"affine": True, "track_running_stats": True}, None)],
    "LocalResponseNorm": [({"size": 2, "alpha": 0.1, "k": 2.0}, [(3, 4)])],
    "PReLU": [({"num_parameters": 4}, [(4, 5)])],
    "GELU": [({"approximate": "tanh"}, None)],
    "GLU": [({"dim": 1}, [(4, 3)])],
    "Softmax": [({"dim": -1}, [(4, 3)])],
    "RNN": [({"hidden_size": 5, "nonlinearity": "relu", "num_layers": 2, "dropout": 0.2}, None),
            ({"hidden_size": 3, "output": "last", "bidirectional": True, "num_layers": 2, "bias": False}, None)],
    "LSTM": [({"hidden_size": 5, "output": "last"}, None),
             ({"hidden_size": 5, "proj_size": 2, "bidirectional": True}, None),
             ({"hidden_size": 4, "output": "last", "bidirectional": True, "num_layers": 2}, [(7, 3)])],
    "GRU": [({"hidden_size": 5, "output": "last"}, None),
            ({"hidden_size": 4, "output": "last", "bidirectional": True}, [(7, 3)])],
    "MultiheadAttention": [({"num_heads": 2}, [(5, 8)]), ({"num_heads": 2, "causal": True, "bias": False}, [(5, 8)]),
                           ({"num_heads": 2, "dropout": 0.1}, [(5, 8), (7, 8)])],
    "TransformerEncoderLayer": [({"nhead": 2, "dim_feedforward": 12, "causal": True}, None),
                                ({"activation": "gelu", "norm_first": True, "bias": False, "layer_norm_eps": 0.01},
                                 None)],
    "TransformerDecoderLayer": [({"nhead": 2, "dim_feedforward": 12, "causal": True, "norm_first": True}, None)],
    "PositionalEmbedding": [({"max_len": 5}, None)],
    "SinusoidalEncoding": [({}, [(3, 7)])],
    "Add": [({}, [(4, 6), (1, 6), (4, 1)])],
    "Average": [({}, [(4, 6), (4, 6), (4, 6)])],
    "Maximum": [({}, [(4, 6), (4, 6), (4, 6)])],
    "Concat": [({"dim": -1}, [(4, 6), (4, 2)])],
    "Stack": [({"dim": -1}, [(4, 6), (4, 6), (4, 6)])],
    "MatMul": [({}, [(4, 6), (6, 2)])],
    "Flatten": [({"start_dim": 2}, None), ({"end_dim": 2}, None)],
    "Reshape": [({"shape": [3, -1]}, None)],
    "Select": [({"dim": 2, "index": -1}, None)],
    "Slice": [({"dim": 2, "start": -3}, None), ({"dim": -1, "start": 1, "end": -2}, None)],
    "Mean": [({"dim": [1, 2], "keepdim": True}, None)],
    "Max": [({"dim": [1, 2], "keepdim": True}, None)],
    "Squeeze": [({"dim": [1, 3]}, [(1, 4, 1)])],
    "Unsqueeze": [({"dim": -1}, None)],
    "Roll": [({"shifts": [1, -2], "dims": [1, 2]}, None)],
    "Reparameterize": [({}, [(2, 4, 4), (2, 4, 4)])],
    "BayesianLinear": [({"out_features": 3, "bias": False}, [(5, 8)]),
                       ({"out_features": 2, "prior_std": 0.1, "initial_std": 0.5}, None)],
    "BayesianConv2d": [({"out_channels": 4, "kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0], "groups": 2},
                        [(4, 7, 6)]),
                       ({"out_channels": 2, "padding": "same", "dilation": 2, "bias": False}, None)],
    "TimestepEmbedding": [({"embedding_dim": 7, "max_period": 100}, None), ({"embedding_dim": 1}, None)],
    "Parameter": [({"shape": [2, 3], "init": 0.5}, None), ({"shape": [4], "init": "ones"}, [(2, 2, 2)])],
    "Scale": [({"dim": -1, "init": 1e-6}, [(4, 6)])],
}  # fmt: skip


class Case(NamedTuple):
    """A layer with its parameters and its inputs."""

    spec: type[LayerSpec]
    params: dict[str, Any]
    signals: tuple[Signal, ...]

    @property
    def label(self) -> str:
        settings = "-".join(f"{name}_{value}" for name, value in self.params.items())
        return f"{self.spec.__name__}-{settings}" if settings else self.spec.__name__

    @property
    def layer(self) -> LayerSpec:
        return self.spec.model_validate(self.params)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [signal.shape for signal in self.signals]

    def tensors(self, batch: int, grad: bool = False) -> list[torch.Tensor]:
        """Random inputs; integers are in the vocabulary of every embedding."""
        generator = torch.Generator().manual_seed(batch)
        known = getattr(self.layer, self.spec.vocabulary_parameter or "", 2)
        return [
            torch.randint(0, known, (batch, *signal.shape), generator=generator)
            if signal.dtype == "int"
            else torch.randn((batch, *signal.shape), generator=generator).requires_grad_(grad)
            for signal in self.signals
        ]


def case(spec: type[LayerSpec], params: dict[str, Any], shapes: Iterable[tuple[int, ...]] | None = None) -> Case:
    return Case(spec, params, tuple(Signal(shape, spec.takes or "float") for shape in shapes or spec.example))


EVERY = [case(spec, {}) for spec in ALL]
DEFAULTS = [item for item in EVERY if item.spec in LAYERS]
CASES = DEFAULTS + [case(builder.CATALOGUE[name], *other) for name, others in OTHERS.items() for other in others]


def together(cases: Iterable[Case]) -> Document:
    """One network of many layers in parallel, each with its own inputs and output: "layer3" and "out3"."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for number, item in enumerate(cases):
        layer = f"layer{number}"
        for place, signal in enumerate(item.signals):
            name = f"in{number}_{place}"
            nodes.append({"name": name, "type": "Input", "params": {"shape": signal.shape, "dtype": signal.dtype}})
            edges.append({"source": name, "target": layer})
        nodes.append({"name": layer, "type": item.spec.__name__, "params": item.params})
        nodes.append({"name": f"out{number}", "type": "Output"})
        edges.append({"source": layer, "target": f"out{number}"})
    return Document.model_validate({"nodes": nodes, "edges": edges})
