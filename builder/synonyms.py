"""Words of other tools for parameters, and the ones that are used here: Keras' `filters` is torch's `out_channels`.

The types' other names are at the layers themselves (`LayerSpec.also`), since each belongs to one layer. A parameter has
one name in all layers, so these words are here, once. A message suggests the right word; nothing is renamed silently.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

# Another tool's word → the names here; the first that the layer has is meant.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "units": ("out_features", "hidden_size"),
    "neurons": ("out_features", "hidden_size"),
    "num_units": ("out_features", "hidden_size"),
    "n_units": ("out_features", "hidden_size"),
    "num_hidden": ("out_features", "hidden_size"),
    "hidden": ("hidden_size", "dim_feedforward", "out_features"),
    "hidden_dim": ("hidden_size", "dim_feedforward", "out_features"),
    "hidden_units": ("hidden_size", "dim_feedforward", "out_features"),
    "state_size": ("hidden_size",),
    "features": ("out_features", "out_channels", "hidden_size", "embedding_dim"),
    "size": ("out_features", "out_channels", "kernel_size", "scale_factor", "output_size", "shape"),
    "width": ("out_features", "out_channels"),
    "out": ("out_features", "out_channels"),
    "out_dim": ("out_features", "out_channels", "embedding_dim"),
    "output_dim": ("out_features", "embedding_dim", "out_channels"),
    "dim_out": ("out_features", "out_channels"),
    "num_outputs": ("out_features", "out_channels"),
    "num_output": ("out_features", "out_channels"),
    "nout": ("out_features", "out_channels"),
    "filters": ("out_channels",),
    "num_filters": ("out_channels",),
    "n_filters": ("out_channels",),
    "nb_filter": ("out_channels",),
    "channels": ("out_channels",),
    "output_channels": ("out_channels",),
    "out_planes": ("out_channels",),
    "kernel": ("kernel_size",),
    "kernel_shape": ("kernel_size",),
    "filter_size": ("kernel_size",),
    "window": ("kernel_size",),
    "window_size": ("kernel_size",),
    "pool_size": ("kernel_size",),
    "strides": ("stride",),
    "step": ("stride",),
    "subsample": ("stride",),
    "pad": ("padding",),
    "pads": ("padding",),
    "border_mode": ("padding",),
    "dilation_rate": ("dilation",),
    "dilations": ("dilation",),
    "group": ("groups", "num_groups"),
    "feature_group_count": ("groups",),
    "use_bias": ("bias",),
    "with_bias": ("bias",),
    "bias_term": ("bias",),
    "rate": ("p", "dropout"),
    "drop_rate": ("p", "dropout"),
    "dropout_rate": ("p", "dropout"),
    "drop_prob": ("p", "dropout"),
    "prob": ("p", "dropout"),
    "probability": ("p", "dropout"),
    "dropout": ("p",),
    "stddev": ("std",),
    "sigma": ("std",),
    "epsilon": ("eps", "layer_norm_eps"),
    "layer_norm_epsilon": ("layer_norm_eps", "eps"),
    "elementwise": ("elementwise_affine",),
    "alpha": ("negative_slope", "init"),
    "slope": ("negative_slope",),
    "axis": ("dim", "dims"),
    "axes": ("dim", "dims"),
    "dim": ("dims", "start_dim"),
    "dims": ("dim",),
    "permutation": ("dims",),
    "perm": ("dims",),
    "order": ("dims",),
    "target_shape": ("shape",),
    "new_shape": ("shape",),
    "input_shape": ("shape",),
    "batch_input_shape": ("shape",),
    "begin": ("start",),
    "stop": ("end",),
    "idx": ("index",),
    "keepdims": ("keepdim",),
    "keep_dims": ("keepdim",),
    "heads": ("num_heads", "nhead"),
    "num_heads": ("nhead",),
    "nhead": ("num_heads",),
    "n_heads": ("num_heads", "nhead"),
    "n_head": ("num_heads", "nhead"),
    "is_causal": ("causal",),
    "use_causal_mask": ("causal",),
    "ffn_dim": ("dim_feedforward",),
    "intermediate_dim": ("dim_feedforward",),
    "intermediate_size": ("dim_feedforward",),
    "d_ff": ("dim_feedforward",),
    "vocab_size": ("num_embeddings",),
    "vocabulary_size": ("num_embeddings",),
    "n_vocab": ("num_embeddings",),
    "input_dim": ("num_embeddings",),
    "embed_dim": ("embedding_dim",),
    "embedding_size": ("embedding_dim",),
    "emb_dim": ("embedding_dim",),
    "max_length": ("max_len",),
    "sequence_length": ("max_len",),
    "input_length": ("max_len",),
    "layers": ("num_layers",),
    "n_layers": ("num_layers",),
    "bidir": ("bidirectional",),
    "return_sequences": ("output",),
    "interpolation": ("mode",),
    "scale": ("scale_factor", "upscale_factor", "init"),
    "factor": ("scale_factor", "upscale_factor"),
    "block_size": ("upscale_factor",),
    "repeats": ("repeat",),
    "times": ("repeat",),
    "n": ("repeat",),
    "class_name": ("type",),
    "kind": ("type",),
    "layer": ("type",),
    "layer_type": ("type",),
    "op": ("type",),
    "id": ("name",),
    "label": ("name",),
    "config": ("params",),
    "args": ("params",),
    "kwargs": ("params",),
    "parameters": ("params",),
    "options": ("params",),
    "attributes": ("params",),
    "from": ("source",),
    "src": ("source",),
    "start_node": ("source",),
    "to": ("target",),
    "dst": ("target",),
    "destination": ("target",),
    "input_name": ("port",),
    "target_port": ("port",),
    "layers_list": ("nodes",),
    "connections": ("edges",),
    "links": ("edges",),
    "wires": ("edges",),
}

# Sizes that follow from the input: torch's own names are found at the layers, these are other tools' names.
INFERRED = frozenset(
    """
    in_features in_channels num_features input_size num_channels embed_dim d_model kdim vdim in1_features in2_features
    normalized_shape input_dim in_dim in_size input_channels in_planes inplanes n_in nin num_inputs key_dim
    input_features num_input_features
    """.split()  # noqa: SIM905
)

# Settings that are made elsewhere, or that are always the same here.
ELSEWHERE: dict[str, str] = {
    "batch_first": "batch_first is always true here, as the batch is the first axis everywhere: leave it out.",
    "time_major": "The batch is always the first axis here: leave time_major out.",
    "inplace": "Nothing is computed in place here: leave inplace out.",
    "activation": "An activation is a node of its own here: add one behind this node, and leave activation out.",
    "recurrent_activation": "The gates have torch's activations: leave recurrent_activation out.",
    "nonlinearity": "An activation is a node of its own here: add one behind this node, and leave nonlinearity out.",
    "data_format": "Images have their channels first here, as in torch: leave data_format out, and Permute others.",
    "input_shape": "The shape of a sample is the shape of the Input node: leave input_shape out.",
    "batch_input_shape": "The shape of a sample is the shape of the Input node: leave batch_input_shape out.",
    "batch_size": "The batch size is a training setting: leave batch_size out.",
    "kernel_initializer": "The initial weights are a training setting (initialisation): leave kernel_initializer out.",
    "bias_initializer": "The initial weights are a training setting (initialisation): leave bias_initializer out.",
    "weight_init": "The initial weights are a training setting (initialisation): leave weight_init out.",
    "kernel_regularizer": "Weight decay is a setting of the optimizer: leave kernel_regularizer out.",
    "weight_decay": "Weight decay is a setting of the optimizer: leave weight_decay out.",
    "trainable": "Which layers are trained is a setting of the paradigm transfer: leave trainable out.",
    "requires_grad": "Which layers are trained is a setting of the paradigm transfer: leave requires_grad out.",
    "device": "The device is a training setting: leave device out.",
    "return_state": "A recurrent layer returns its output alone: leave return_state out.",
    "stateful": "Every sample starts with a state of zeros: leave stateful out.",
    "recurrent_dropout": "There is no dropout inside a cell, only between layers: use dropout with two or more layers.",
    "training": "Training and evaluation are switched by the run: leave training out.",
    "seed": "The seed is a training setting: leave seed out.",
    "weights_shared": "Weights are shared by shares_weights_with of the node: leave weights_shared out.",
}

# Values of other tools: what they mean here, as a sentence behind the message about the wrong value.
VALUES: dict[tuple[str, str], str] = {
    ("padding", "valid"): '"valid" means no padding: 0.',
    ("padding", "same"): "For an odd kernel_size k and stride 1, a padding of (k - 1) / 2 keeps the size.",
    ("padding", "causal"): "Pad the start of the series by kernel_size - 1 instead.",
    ("padding_mode", "constant"): 'Constant padding is "zeros".',
    ("padding_mode", "symmetric"): 'The nearest is "reflect".',
    ("padding_mode", "edge"): 'Repeating the border is "replicate".',
    ("padding_mode", "wrap"): 'Wrapping around is "circular".',
    ("output", "true"): 'All steps are "sequence", the last one is "last".',
    ("output", "false"): 'All steps are "sequence", the last one is "last".',
    ("dtype", "float32"): 'Numbers are "float", tokens and categories "int".',
    ("dtype", "int64"): 'Numbers are "float", tokens and categories "int".',
    ("dtype", "long"): 'Numbers are "float", tokens and categories "int".',
}


def plain(name: str) -> str:
    """A name without the marks that tools set differently: 'Conv_2D' and 'conv2d' are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_BY_PLAIN_NAME = {plain(word): names for word, names in PARAMETERS.items()}
_INFERRED = frozenset(map(plain, INFERRED))
_ELSEWHERE = {plain(word): text for word, text in ELSEWHERE.items()}


def right_name(wrong: str, known: Collection[str]) -> str | None:
    """The field that another tool's word means, among the known ones; None: it means none of them."""
    word = plain(wrong)
    own = next((name for name in known if plain(name) == word), None)
    return own or next((name for name in _BY_PLAIN_NAME.get(word, ()) if name in known), None)


def advice(wrong: str, known: Collection[str], inferred: Collection[str] | None = None) -> str:
    """What to write instead of a name that is not known, as a sentence; empty: nobody knows.

    Parameters:
        known: the names that are.
        inferred: of a layer, the sizes that torch wants and that follow from its inputs; None: it is no layer.
    """
    word = plain(wrong)
    name = right_name(wrong, known)
    if inferred is not None and word in map(plain, inferred):
        return _ELSEWHERE.get(word) or f"{wrong} is worked out from what comes in: leave it out."
    if name is not None:
        return f"Here it is called {name}. {VALUES.get((name, 'true'), '')}".rstrip()
    if inferred is None:
        return ""
    if word in _INFERRED:
        return f"{wrong} is worked out from what comes in: leave it out."
    return _ELSEWHERE.get(word, "")


def meaning(name: str, value: Any) -> str:
    """What another tool's value of a parameter means here, as a sentence; empty: it is no such value."""
    return VALUES.get((name, str(value).lower()), "") if isinstance(value, str | bool) else ""
