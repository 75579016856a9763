"""What the last layers can say against what the targets need: a warning before training, with a fix that works."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import builder
import trainers
from builder import Document
from builder.analysis.infer import analyse
from builder.analysis.ranges import value_range
from builder.edits import apply_all
from builder.problems import Problem
from tests.pages.trained import chain
from tests.trainers.small_gan import small_gan

CODES = {"T131", "T133", "T134", "T135", "T136", "T179", "T189", "T195", "T223", "N241"}
DIGITS = {"name": "digits"}
DIABETES = {"name": "diabetes"}
LABELS = {"name": "shapes_present", "samples": 80, "size": 16}
MASKS = {"name": "shapes_to_segment", "samples": 60, "size": 16}
WAVES = {"name": "sines", "samples": 100, "window": 20, "horizon": 5}
MOONS = {"name": "moons"}
FLAT = ("Flatten", {})

Layer = tuple[str, dict[str, Any]]


def linear(width: int) -> Layer:
    return "Linear", {"out_features": width}


def conv(width: int) -> Layer:
    return "Conv2d", {"out_channels": width, "padding": 1}


def losing(loss: str | dict[str, Any], document: Document) -> Document:
    return document.changed(training={**document.training, "paradigm": {"name": "supervised", "loss": loss}})


def found(document: Document) -> list[Problem]:
    return [problem for problem in trainers.check(document) if problem.code in CODES]


def last(kind: str, **params: Any) -> Layer:
    return kind, params


@pytest.mark.parametrize(
    "kind", ["ReLU", "Sigmoid", "Tanh", "Softplus", "ReLU6", "Hardtanh", "Softsign", "GELU", "ELU"]
)
@pytest.mark.parametrize("behind", [None, ("Identity", {}), ("Reshape", {"shape": [1]}), ("Dropout", {"p": 0.0})])
def test_a_regression_that_ends_in_an_activation(kind: str, behind: Layer | None) -> None:
    more = {"behind": behind} if behind else {}
    document = chain(DIABETES, fc=linear(8), act=last("ReLU"), out=linear(1), limit=last(kind), **more)
    problem = next(each for each in found(document) if each.code == "T133")
    assert problem.node == "limit" and problem.severity == "warning" and "standardised" in problem.message
    assert problem.fix and problem.fix_label == "Remove limit"
    assert not [each for each in found(apply_all(document, problem.fix)) if each.code == "T133"]


@pytest.mark.parametrize("kind", ["LeakyReLU", "PReLU", "Hardshrink", "Tanhshrink", "RReLU", "Softshrink", "SELU"])
def test_an_activation_without_such_bounds_is_no_problem(kind: str) -> None:
    assert not found(chain(DIABETES, out=linear(1), limit=last(kind)))


@pytest.mark.parametrize(
    ("document", "code", "node", "words", "label"),
    [
        # numbers: recurrent outputs, forecasts, residual sums of activations, an average of bounded values
        (
            chain(WAVES, gru=("GRU", {"hidden_size": 5, "output": "last"})),
            "T133",
            "gru",
            "from -1 to 1",
            "Add a Linear",
        ),
        (chain(WAVES, flat=FLAT, fc=linear(5), act=last("Sigmoid")), "T133", "act", "from 0 to 1", "Remove act"),
        (losing("huber", chain(DIABETES, fc=linear(1), act=last("Tanh"))), "T133", "act", "standardised", "Remove act"),
        (losing("poisson", chain(DIABETES, fc=linear(1), act=last("ReLU"))), "T133", "act", "at least 1", "Remove act"),
        (losing("poisson", chain(DIABETES, fc=linear(1), act=last("Tanh"))), "T133", "act", "from 0.3", "Remove act"),
        (
            losing({"name": "poisson", "log_input": False}, chain(DIABETES, fc=linear(1), act=last("Tanh"))),
            "T133",
            "act",
            "never negative",
            "",
        ),
        # classes
        (chain(DIGITS, flat=FLAT, fc=linear(10), act=last("Tanh")), "T133", "act", "above 45%", "Remove act"),
        (chain(DIGITS, flat=FLAT, fc=linear(10), act=last("ReLU")), "T133", "act", "negative for what", "Remove act"),
        (chain(DIGITS, flat=FLAT, fc=linear(10), act=last("Softmax")), "T131", "act", "twice", "Remove act"),
        (
            chain(DIGITS, flat=FLAT, fc=linear(10), act=last("LogSoftmax"), i=last("Identity")),
            "T131",
            "act",
            "twice",
            "Rem",
        ),
        (
            losing("hinge", chain(DIGITS, flat=FLAT, fc=linear(10), act=last("Hardtanh", min_val=0.0, max_val=0.5))),
            "T133",
            "act",
            "margin",
            "Remove act",
        ),
        # labels
        (chain(LABELS, flat=FLAT, fc=linear(3), act=last("ReLU")), "T133", "act", "between 50% and 100%", "Remove act"),
        (chain(LABELS, flat=FLAT, fc=linear(3), act=last("Tanh")), "T133", "act", "between 27% and 73%", "Remove act"),
        (chain(LABELS, flat=FLAT, fc=linear(3), act=last("Sigmoid")), "T131", "act", "twice", "Remove act"),
        (
            losing(
                "binary_cross_entropy", chain(LABELS, flat=FLAT, fc=linear(3), act=last("ReLU"), prob=last("Sigmoid"))
            ),
            "T133",
            "prob",
            "between 50% and 100%",
            "",
        ),
        (
            losing("binary_cross_entropy", chain(LABELS, flat=FLAT, fc=linear(3), prob=last("Softmax"))),
            "T135",
            "prob",
            "several labels",
            "Use Sigmoid",
        ),
        # constants
        (
            losing("binary_cross_entropy", chain(MOONS, fc=linear(1), prob=last("Softmax"))),
            "T134",
            "prob",
            "always 1",
            "Use Sigmoid",
        ),
        (chain(DIABETES, fc=linear(1), prob=last("LogSoftmax")), "T134", "prob", "always 0", "Remove prob"),
        (chain(DIABETES, fc=linear(1), norm=last("LayerNorm")), "T134", "norm", "single values", "Remove norm"),
        (chain(DIABETES, fc=linear(1), norm=last("RMSNorm")), "T134", "norm", "single values", "Remove norm"),
        (chain(MOONS, fc=linear(2), norm=last("LayerNorm")), "T134", "norm", "two values", "Remove norm"),
        (chain(MOONS, fc=linear(1), norm=last("LayerNorm"), out=linear(2)), "T134", "norm", "single", "Remove norm"),
        # the axis of the probabilities
        (losing("nll", chain(MASKS, conv=conv(4), prob=last("LogSoftmax", dim=2))), "N241", "prob", "", "Set dim to 1"),
        (
            losing("nll", chain(MASKS, conv=conv(4), prob=last("LogSoftmax", dim=-1))),
            "N241",
            "prob",
            "",
            "Set dim to 1",
        ),
        # noise behind the last layer
        (chain(DIGITS, flat=FLAT, fc=linear(10), drop=last("Dropout")), "T136", "drop", "random", "Remove drop"),
        (chain(DIABETES, fc=linear(1), noise=last("GaussianNoise"), i=last("Identity")), "T136", "noise", "", "Remove"),
        (chain(MASKS, conv=conv(4), drop=last("Dropout2d")), "T136", "drop", "before the last layer", "Remove drop"),
    ],
)
def test_an_output_that_cannot_meet_its_targets(
    document: Document, code: str, node: str, words: str, label: str
) -> None:
    problem = next((each for each in found(document) if each.code == code), None)
    assert problem is not None, [f"{each.code} {each}" for each in trainers.check(document)]
    assert problem.node == node and words in problem.message and problem.fix_label.startswith(label), problem
    if label:
        assert problem.fix
        after = trainers.check(apply_all(trainers.bind(document), problem.fix))
        assert not [each for each in after if each.code in CODES or each.severity == "error"], [str(e) for e in after]


def test_probabilities_over_another_axis_where_the_axes_have_no_known_roles() -> None:
    layers = {
        "conv": conv(4),
        "rows": ("Reshape", {"shape": [4, 256]}),
        "prob": last("LogSoftmax", dim=2),
        "back": ("Reshape", {"shape": [4, 16, 16]}),
    }
    problem = next(each for each in found(losing("nll", chain(MASKS, **layers))) if each.code == "T135")
    assert problem.node == "prob" and "4 classes" in problem.message and problem.fix_label == "Set dim to 1"
    right = {**layers, "prob": last("LogSoftmax", dim=1)}
    assert not found(losing("nll", chain(MASKS, **right)))


def test_a_right_end_gives_no_warning() -> None:
    for document in (
        losing("nll", chain(MASKS, conv=conv(4), prob=last("LogSoftmax", dim=1))),
        losing("nll", chain(MASKS, conv=conv(4), prob=last("LogSoftmax", dim=-3))),
        losing("nll", chain(DIGITS, flat=FLAT, fc=linear(10), prob=last("LogSoftmax"))),
        losing("binary_cross_entropy", chain(LABELS, flat=FLAT, fc=linear(3), prob=last("Sigmoid"))),
        losing(
            "binary_cross_entropy",
            chain(LABELS, flat=FLAT, fc=linear(3), prob=last("Sigmoid"), i=("Reshape", {"shape": [3]})),
        ),
        losing("binary_cross_entropy", chain(MOONS, fc=linear(1), prob=last("Sigmoid"))),
        losing("poisson", chain(DIABETES, fc=linear(1))),
        losing({"name": "poisson", "log_input": False}, chain(DIABETES, fc=linear(1), positive=last("Softplus"))),
        chain(DIABETES, fc=linear(1), limit=last("Hardtanh", min_val=-4.0, max_val=4.0)),
        chain(DIGITS, flat=FLAT, drop=last("Dropout"), fc=linear(10)),
        chain(WAVES, gru=("GRU", {"hidden_size": 8, "output": "last"}), fc=linear(5)),
    ):
        assert not found(document), [str(problem) for problem in found(document)]


def gan_ending(network: str, kind: str, data: dict[str, Any]) -> Document:
    document = small_gan(data=data)
    before = "generated" if network == "generator" else "realness"
    node = builder.Node(name="limit", type=kind, network=network)
    return builder.edits.InsertBefore(node, before).apply(document)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("network", "kind", "code"),
    [
        ("generator", "Tanh", "T189"),
        ("generator", "Sigmoid", "T189"),
        ("generator", "ReLU", "T189"),
        ("discriminator", "ReLU", "T179"),
        ("discriminator", "Tanh", "T179"),
    ],
)
def test_a_gan_whose_networks_cannot_reach_the_samples(network: str, kind: str, code: str) -> None:
    document = gan_ending(network, kind, {"name": "moons", "samples": 240, "batch_size": 32})
    problem = next(each for each in found(document) if each.code == code)
    assert problem.node == "limit" and problem.fix
    assert not found(apply_all(document, problem.fix))
    assert not found(gan_ending(network, "LeakyReLU", {"name": "moons", "samples": 240, "batch_size": 32}))


def test_every_range_holds_and_is_reached() -> None:
    """Random inputs stay within the range that a layer declares; a bounded one is almost reached on wide inputs."""
    generator = torch.Generator().manual_seed(0)
    bounded = 0
    for name, kind in builder.CATALOGUE.items():
        if kind.family in ("data", "composite") or kind.takes == "int" or kind().missing() or kind.follows_batch:
            continue
        names = [f"x{number}" for number in range(len(kind.example))]
        nodes = [
            {"name": n, "type": "Input", "params": {"shape": list(s)}} for n, s in zip(names, kind.example, strict=True)
        ]
        nodes += [{"name": "layer", "type": name}, {"name": "out", "type": "Output"}]
        edges = [{"source": n, "target": "layer"} for n in names] + [{"source": "layer", "target": "out"}]
        document = builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges})
        low, high = value_range(analyse(document), "out")
        if (low, high) == (-math.inf, math.inf):
            continue
        bounded += 1
        model = builder.compile(document).eval()
        inputs = [30 * torch.randn(64, *shape, generator=generator) for shape in kind.example]
        with torch.no_grad():
            output = model(*inputs)
        assert low - 1e-3 <= float(output.min()) and float(output.max()) <= high + 1e-3, name
    assert bounded >= 20


def test_ranges_go_through_merges_and_layers_that_keep_values(make: Any) -> None:
    nodes = [
        ("x", "Input", {"shape": [4]}),
        ("one", "Sigmoid"),
        ("two", "Tanh"),
        ("add", "Add"),
        ("product", "Multiply"),
        ("less", "Subtract"),
        ("mean", "Average"),
        ("most", "Maximum"),
        ("both", "Concat"),
        ("relu", "ReLU"),
        ("out", "Output"),
    ]
    merges = ("add", "product", "less", "mean", "most", "both")
    edges = (
        "x > one, x > two, " + ", ".join(f"one > {name}, two > {name}" for name in merges) + ", less > relu, relu > out"
    )
    analysis = analyse(make(*nodes, edges=edges))
    ranges = {name: tuple(round(value, 4) for value in value_range(analysis, name)) for name in (*merges, "relu")}
    assert ranges == {
        "add": (-1.0, 2.0),
        "product": (-1.0, 1.0),
        "less": (-1.0, 2.0),
        "mean": (-1.0, 1.0),
        "most": (0.0, 1.0),
        "both": (-1.0, 1.0),
        "relu": (0.0, 2.0),
    }


@pytest.mark.parametrize("name", builder.templates())
def test_no_template_is_warned_of_its_outputs(name: str) -> None:
    assert not found(builder.template(name))
