"""The cost of a network, compared with torch's own counter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import builder
from builder.analysis.infer import analyse
from builder.analysis.summary import human
from builder.document import Document
from builder.exports.subject import samples
from tests.builder.single_networks import single
from tests.builder.variants import CASES, together

Make = Callable[..., Document]
TEMPLATES = single({name: made for name, made in builder.templates().items() if not builder.check(made)})
COLUMNS = ["node", "type", "output_shape", "parameters", "flops", "activation_bytes"]


@pytest.fixture
def lenet(make: Make) -> Document:
    """LeNet-5 in its usual form: every channel of the second convolution uses every channel of the first."""
    return make(
        ("image", "Input", {"shape": [1, 28, 28]}),
        ("conv1", "Conv2d", {"out_channels": 6, "kernel_size": 5, "padding": 2}),
        ("act1", "Tanh"),
        ("pool1", "AvgPool2d"),
        ("conv2", "Conv2d", {"out_channels": 16, "kernel_size": 5}),
        ("act2", "Tanh"),
        ("pool2", "AvgPool2d"),
        ("flat", "Flatten"),
        ("fc1", "Linear", {"out_features": 120}),
        ("act3", "Tanh"),
        ("fc2", "Linear", {"out_features": 84}),
        ("act4", "Tanh"),
        ("fc3", "Linear", {"out_features": 10}),
        ("scores", "Output"),
    )


def test_lenet_has_its_well_known_size(lenet: Document) -> None:
    table = builder.summary(lenet).set_index("node")
    assert table["parameters"].sum() == 61_706
    assert dict(table["parameters"][table["parameters"] > 0]) == {
        "conv1": 156,
        "conv2": 2_416,
        "fc1": 48_120,
        "fc2": 10_164,
        "fc3": 850,
    }
    assert table.loc["conv1", "flops"] == 2 * 28 * 28 * 6 * 25
    assert table.loc["fc3", "flops"] == 2 * 84 * 10
    assert table.loc["pool2", "output_shape"] == (16, 5, 5)
    assert table.loc["pool2", "activation_bytes"] == 16 * 5 * 5 * 4


@pytest.mark.parametrize("document", TEMPLATES.values(), ids=TEMPLATES)
def test_totals_against_torch_over_the_whole_model(document: Document) -> None:
    table = builder.summary(document)
    assert list(table.columns) == COLUMNS
    assert list(table["node"]) == [step.name for step in analyse(document).plan.steps]
    with torch.device("meta"):  # without fused kernels torch counts every product, also inside recurrent layers
        model = builder.compile(document).eval().requires_grad_(False)
        given = [value.to("meta") for value in samples(document, "main", 1)]
        with FlopCounterMode(display=False) as counter:
            model(*given)
    assert table["flops"].sum() == counter.get_total_flops()
    assert table["parameters"].sum() == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("training", [False, True])
def test_every_layer_against_torch_over_the_whole_network(training: bool) -> None:
    """On meta tensors torch has no fused kernels: it counts every product, also inside recurrent layers."""
    cases = [case for case in CASES if case.params.get("momentum", 0.1) is not None]  # torch counts batches by .item()
    if training:  # in training a Bayesian layer computes means and variances; the summary is for evaluation
        cases = [case for case in cases if not case.spec.divergence]
    document = together(cases)
    with torch.device("meta"):
        model = builder.compile(document).train(training).requires_grad_(False)
        inputs = [torch.zeros_like(item, device="meta") for case in cases for item in case.tensors(2)]
        with FlopCounterMode(display=False) as counter:
            model(*inputs)
    theirs = {name.rpartition(".")[2]: sum(found.values()) for name, found in counter.get_flop_counts().items()}
    ours = dict(zip(*builder.summary(document)[["node", "flops"]].to_numpy().T, strict=True))
    for number, case in enumerate(cases):
        assert ours[f"layer{number}"] * 2 == theirs.get(f"layer{number}", 0), case.label
    assert sum(ours.values()) * 2 == counter.get_total_flops()


def test_products_without_weights_are_counted(make: Make) -> None:
    document = make(
        ("a", "Input", {"shape": [4, 5]}),
        ("b", "Input", {"shape": [5, 6]}),
        ("m", "MatMul"),
        ("end", "Output"),
        edges="a > m, b > m, m > end",
    )
    assert builder.summary(document).set_index("node").loc["m", "flops"] == 2 * 4 * 5 * 6


def test_nodes_that_cannot_be_inferred_have_no_row(make: Make) -> None:
    document = make(("image", "Input", {"shape": [1, 4, 4]}), ("fc", "Linear"), ("end", "Output"))
    assert list(builder.summary(document)["node"]) == ["image"]
    empty = builder.summary(Document())
    assert len(empty) == 0 and list(empty.columns) == COLUMNS


def test_whole_numbers_take_eight_bytes(make: Make) -> None:
    document = make(("words", "Input", {"shape": [6], "dtype": "int"}), ("vectors", "Embedding"), ("end", "Output"))
    table = builder.summary(document).set_index("node")
    assert table.loc["words", "activation_bytes"] == 48 and table.loc["vectors", "activation_bytes"] == 6 * 64 * 4


def test_a_layer_that_cannot_take_one_sample_is_counted(make: Make) -> None:
    norm = ("norm", "BatchNorm1d", {"track_running_stats": False})
    document = make(("image", "Input", {"shape": [8]}), norm, ("fc", "Linear", {"out_features": 3}), ("end", "Output"))
    table = builder.summary(document).set_index("node")
    assert table.loc["norm", "parameters"] == 16 and table.loc["fc", "flops"] == 2 * 8 * 3


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0, "", "0"),
        (7, "", "7"),
        (61_706, "", "61.7 k"),
        (999, "", "999"),
        (999.6, "", "1 k"),
        (1_000, "", "1 k"),
        (11_689_512, "", "11.7 M"),
        (2e9, "", "2 G"),
        (512, "B", "512 B"),
        (49_000, "B", "49 kB"),
        (5e9, "B", "5 GB"),
        (1e30, "", "1000000000000000 P"),
        (-1500, "", "-1.5 k"),
        (123_456, "", "123 k"),
    ],
)
def test_numbers_as_people_read_them(number: float, unit: str, text: str) -> None:
    assert human(number, unit) == text
