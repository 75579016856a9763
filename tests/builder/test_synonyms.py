"""Words of Keras and other tools lead to the right one, in loading, in edits and in the search of the palette."""

from __future__ import annotations

from typing import Any

import pytest

import builder
from builder.catalogue import CATALOGUE
from builder.edits import SetParams
from builder.problems import DocumentError, EditError
from builder.synonyms import ELSEWHERE, PARAMETERS, VALUES


def message(kind: str, params: dict[str, Any] | None = None, **fields: Any) -> str:
    """Why a document with this node cannot be loaded."""
    node = {"name": "a", "type": kind, "params": params or {}, **fields}
    with pytest.raises(DocumentError) as caught:
        builder.load({"format": "netloom/2", "nodes": [node]})
    (problem,) = caught.value.problems
    assert problem.node == "a" and problem.message.endswith((".", "?"))
    return problem.message


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Dense", "Here it is called Linear."),
        ("dense", "Here it is called Linear."),
        ("Conv2D", "Conv2d?"),
        ("conv_2d", "Conv2d?"),
        ("relu", "ReLU?"),
        ("MaxPooling2D", "MaxPool2d."),
        ("max_pool2d", "MaxPool2d?"),
        ("GlobalAveragePooling2D", "AdaptiveAvgPool2d, with output_size 1"),
        ("Conv2DTranspose", "ConvTranspose2d."),
        ("BatchNormalization", "BatchNorm1d, BatchNorm2d or BatchNorm3d."),
        ("SimpleRNN", "RNN."),
        ("Bidirectional", "LSTM or GRU, with bidirectional true."),
        ("Concatenate", "Concat."),
        ("Swish", "SiLU."),
        ("Transpose", "Permute."),
        ("DepthwiseConv2D", "Conv2d, with groups equal"),
        ("InputLayer", "Input?"),
        ("input_layer", "Input?"),
        ("Sequential", "Block."),
        ("Conv4d", "Did you mean Conv"),
    ],
)
def test_other_names_of_a_type(wrong: str, right: str) -> None:
    text = message(wrong)
    assert text.startswith(f"There is no layer type {wrong!r}.") and right in text


@pytest.mark.parametrize(
    ("kind", "params", "right"),
    [
        ("Linear", {"units": 8}, "called out_features"),
        ("Linear", {"in_features": 8}, "in_features is worked out from what comes in: leave it out."),
        ("Linear", {"input_dim": 8}, "worked out from what comes in"),
        ("Linear", {"activation": "relu"}, "a node of its own"),
        ("Linear", {"use_bias": False}, "called bias"),
        ("Conv2d", {"filters": 8}, "called out_channels"),
        ("Conv2d", {"in_channels": 8}, "worked out from what comes in"),
        ("Conv2d", {"kernel": 3}, "called kernel_size"),
        ("Conv2d", {"strides": 2}, "called stride"),
        ("Conv2d", {"dilationRate": 2}, "called dilation"),
        ("Conv2d", {"data_format": "channels_last"}, "channels first"),
        ("Conv2d", {"padding_mode": "constant"}, '"zeros"'),
        ("BatchNorm2d", {"num_features": 8}, "worked out from what comes in"),
        ("GroupNorm", {"num_channels": 8}, "worked out from what comes in"),
        ("LayerNorm", {"epsilon": 0.1}, "called eps"),
        ("LSTM", {"units": 8}, "called hidden_size"),
        ("LSTM", {"input_size": 8}, "worked out from what comes in"),
        ("LSTM", {"batch_first": True}, "always true here"),
        ("LSTM", {"return_sequences": True}, 'called output. All steps are "sequence"'),
        ("LSTM", {"output": True}, '"sequence"'),
        ("MultiheadAttention", {"embed_dim": 8}, "worked out from what comes in"),
        ("MultiheadAttention", {"heads": 8}, "called num_heads"),
        ("TransformerEncoderLayer", {"num_heads": 2}, "called nhead"),
        ("TransformerEncoderLayer", {"d_model": 8}, "worked out from what comes in"),
        ("Embedding", {"input_dim": 8}, "called num_embeddings"),
        ("Embedding", {"output_dim": 8}, "called embedding_dim"),
        ("Dropout", {"rate": 0.5}, "called p"),
        ("GRU", {"dropout_rate": 0.5}, "called dropout"),
        ("MaxPool2d", {"pool_size": 2}, "called kernel_size"),
        ("MaxPool2d", {"padding": "valid"}, "no padding: 0."),
        ("AvgPool1d", {"padding": "same"}, "(k - 1) / 2"),
        ("ConvTranspose2d", {"padding": "same"}, "(k - 1) / 2"),
        ("Concat", {"axis": 1}, "called dim"),
        ("Softmax", {"axis": -1}, "called dim"),
        ("Permute", {"dim": [0, 2, 1]}, "called dims"),
        ("Reshape", {"target_shape": [2]}, "called shape"),
        ("ReLU", {"inplace": True}, "leave inplace out"),
        ("LeakyReLU", {"alpha": 0.1}, "called negative_slope"),
        ("GaussianNoise", {"stddev": 0.1}, "called std"),
        ("Linear", {"out_feature": 8}, "Did you mean out_features"),
    ],
)
def test_other_names_of_a_parameter(kind: str, params: dict[str, Any], right: str) -> None:
    assert right in message(kind, params)


@pytest.mark.parametrize(
    ("fields", "right"), [({"config": {}}, "called params"), ({"class_name": "ReLU"}, "called type")]
)
def test_other_names_of_what_a_node_has(fields: dict[str, Any], right: str) -> None:
    assert right in message("ReLU", **fields)


def test_an_edge_from_one_node_to_another() -> None:
    with pytest.raises(DocumentError) as caught:
        builder.load({"format": "netloom/2", "nodes": [], "edges": [{"from": "a", "to": "b"}]})
    text = str(caught.value)
    assert "called source" in text and "called target" in text


def test_an_edit_says_it_too() -> None:
    document = builder.load({"format": "netloom/2", "nodes": [{"name": "fc", "type": "Linear"}]})
    with pytest.raises(EditError, match="called out_features"):
        SetParams("fc", {"units": 3}).apply(document)


def test_every_word_leads_to_something_that_exists() -> None:
    fields = {name for layer in CATALOGUE.values() for name in layer.model_fields}
    fields |= {name for model in (builder.Node, builder.Edge, builder.Document) for name in model.model_fields}
    assert {name for names in PARAMETERS.values() for name in names} <= fields
    assert {name for name, _ in VALUES} <= fields
    assert not set(ELSEWHERE) & {name for layer in CATALOGUE.values() for name in layer.inferred_names()} - {
        "batch_first"
    }


def test_no_other_name_of_a_type_is_the_name_of_a_type() -> None:
    for kind, layer in CATALOGUE.items():
        assert not set(layer.other_names()) & set(CATALOGUE), kind


@pytest.mark.parametrize("kind", CATALOGUE)
def test_what_torch_wants_to_know_of_the_input_is_never_a_parameter(kind: str) -> None:
    for name in CATALOGUE[kind].inferred_names():
        text = message(kind, {name: 3})
        assert "leave it out" in text or "leave " in text, text
