"""What the data set says of its axes reaches the Input nodes and the checks."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import builder
import trainers
from builder.analysis.infer import roles
from builder.edits import apply_all


def network(data: str, *layers: dict[str, Any], **fields: Any) -> builder.Document:
    nodes = [{"name": "x", "type": "Input", **fields}, *layers, {"name": "end", "type": "Output"}]
    wires = [{"source": one["name"], "target": two["name"]} for one, two in itertools.pairwise(nodes)]
    return builder.load({"format": "netloom/2", "nodes": nodes, "edges": wires, "training": {"data": {"name": data}}})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("symbol_memory", ("steps", "features")),
        ("sines", ("steps", "features")),
        ("digits", ("channels", "height", "width")),
        ("iris", ("features",)),
        ("fsdd_waveform", ("channels", "length")),
        ("rt_polarity", ("steps",)),
    ],
)
def test_the_input_has_the_axes_of_the_data_set(data: str, expected: tuple[str, ...]) -> None:
    assert roles(trainers.bind(network(data)))["x"] == expected


def test_what_a_person_says_of_an_input_stays() -> None:
    document = network("symbol_memory", params={"axis_roles": ["channels", "length"]})
    assert roles(trainers.bind(document))["x"] == ("channels", "length")


def test_a_convolution_over_the_steps_of_a_data_set_is_told() -> None:
    layers = [
        {"name": "conv", "type": "Conv1d"},
        {"name": "pool", "type": "AdaptiveMaxPool1d"},
        {"name": "flat", "type": "Flatten"},
    ]
    document = network("symbol_memory", *layers, {"name": "fc", "type": "Linear", "params": {"out_features": 4}})
    (problem,) = trainers.check(document)
    assert problem.code == "N240" and problem.node == "conv" and "120 steps × 8 features" in problem.message
    assert problem.fix is not None
    after = apply_all(document, problem.fix)
    assert trainers.check(after) == []
    assert "shape" not in after.node("x").params  # the document still follows its data set


@pytest.mark.parametrize("name", builder.templates())
def test_no_template_takes_an_axis_for_another(name: str) -> None:
    codes = {problem.code for problem in builder.check(trainers.bind(builder.template(name)))}
    assert not codes & {"N240", "N241", "N242"}, name
