"""Generated code is executed and compared with the compiled module: same keys, same numbers; it needs no formatter.

The code of every template is kept in tests/golden. After an intended change, write them again and read the diff:

    NETLOOM_UPDATE_GOLDEN=1 python -m pytest tests/builder/codegen/test_codegen.py -k golden
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import builder
from builder.codegen.classes import class_names
from builder.document import Document
from builder.document.model import name_complaint
from tests.builder.generated_code import GOLDEN, compare, tidy

TEMPLATES = builder.templates()
SHAPES = st.sampled_from([(6,), (4, 8), (3, 6, 6)])


def document(nodes: list[dict[str, Any]], edges: list[Any], **fields: Any) -> Document:
    """A document from nodes and (source, target[, port]) pairs."""
    keys = ("source", "target", "port")
    wires = [dict(zip(keys, edge, strict=False)) for edge in edges]
    return builder.load({"format": "netloom/2", "nodes": nodes, "edges": wires, **fields})


def node(name: str, type_name: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "type": type_name, "params": params}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_run_and_match_their_golden_file(name: str) -> None:
    source = compare(TEMPLATES[name])
    assert source == builder.to_python(builder.load(builder.dump(TEMPLATES[name])))
    tidy(source)
    golden = GOLDEN / f"{name}.py.txt"
    if os.environ.get("NETLOOM_UPDATE_GOLDEN"):
        golden.write_text(source, encoding="utf-8")
    assert golden.exists(), "There is no golden file: write it with the command at the head of this test."
    assert source == golden.read_text(encoding="utf-8")


def one_layer(type_name: str) -> Document:
    """A network of one layer, with the layer's example as input."""
    spec = builder.CATALOGUE[type_name]
    dtype = spec.takes or "float"
    inputs = [node(f"in{number}", "Input", shape=list(shape), dtype=dtype) for number, shape in enumerate(spec.example)]
    edges = [(item["name"], "layer") for item in inputs]
    return document([*inputs, node("layer", type_name), node("out", "Output")], [*edges, ("layer", "out")])


LAYERS = [name for name, spec in builder.CATALOGUE.items() if spec.role == "layer" and not spec().missing()]


@pytest.mark.parametrize("type_name", LAYERS)
def test_every_layer_of_the_catalogue(type_name: str) -> None:
    compare(one_layer(type_name))


def test_code_of_the_catalogue_is_tidy() -> None:
    for type_name in LAYERS:
        compile(builder.to_python(one_layer(type_name)), type_name, "exec")
    longest = max(LAYERS, key=lambda name: len(builder.CATALOGUE[name].model_fields))
    tidy(builder.to_python(one_layer(longest)))


def test_skip_connections_read_as_written() -> None:
    made = document(
        [
            node("image", "Input", shape=[1, 8, 8]),
            node("conv1", "Conv2d", out_channels=8, padding=1),
            node("relu1", "ReLU"),
            node("conv2", "Conv2d", out_channels=8, padding=1, bias=False),
            node("bn2", "BatchNorm2d"),
            node("shortcut", "Conv2d", out_channels=8, kernel_size=1),
            node("sum", "Add"),
            node("join", "Concat"),
            node("score", "Output"),
        ],
        [
            ("image", "conv1"),
            ("conv1", "relu1"),
            ("relu1", "conv2"),
            ("conv2", "bn2"),
            ("relu1", "shortcut"),
            ("bn2", "sum"),
            ("shortcut", "sum"),
            ("relu1", "sum"),
            ("sum", "join"),
            ("relu1", "join"),
            ("join", "score"),
        ],
        name="Skip",
    )
    source = compare(made)
    tidy(source)
    assert source.partition("    def forward")[2].splitlines()[1:] == [
        "        x = self.conv1(image)  # 8 × 8 × 8",
        "        relu1 = self.relu1(x)",
        "        x = self.conv2(relu1)",
        "        x = self.bn2(x)",
        "        shortcut = self.shortcut(relu1)",
        "        x = x + shortcut + relu1",
        "        return torch.cat([x, relu1], dim=1)  # 16 × 8 × 8",
    ]


def test_arguments_that_equal_torchs_defaults_are_not_printed() -> None:
    made = document(
        [
            node("x", "Input", shape=[3, 9, 9]),
            node("conv", "Conv2d", out_channels=4, stride=1, bias=True),
            node("pool", "MaxPool2d", kernel_size=[2, 3], ceil_mode=True),
            node("out", "Output"),
        ],
        [("x", "conv"), ("conv", "pool"), ("pool", "out")],
    )
    source = compare(made)
    assert "self.conv = nn.Conv2d(3, 4, kernel_size=3)\n" in source
    assert "self.pool = nn.MaxPool2d((2, 3), ceil_mode=True)\n" in source
    assert "x = self.conv(x)" in source


def test_several_inputs_outputs_and_a_node_that_leads_nowhere() -> None:
    made = document(
        [
            node("left", "Input", shape=[5]),
            node("unused", "Input", shape=[2]),
            node("right", "Input", shape=[5]),
            node("difference", "Subtract"),
            node("dead_end", "Linear", out_features=3),
            node("fc", "Linear", out_features=3),
            node("first", "Output"),
            node("second", "Output"),
            node("third", "Output"),
        ],
        [
            ("right", "difference", "other"),
            ("left", "difference", "input"),
            ("difference", "fc"),
            ("fc", "first"),
            ("difference", "second"),
            ("fc", "dead_end"),
            ("left", "third"),
        ],
    )
    source = compare(made)
    tidy(source)
    assert "def forward(self, left: Tensor, unused: Tensor, right: Tensor) -> dict[str, Tensor]:" in source
    assert "difference = left - right" in source
    assert "dead_end" not in source


def test_two_networks_are_two_classes() -> None:
    parts = [
        {**node("noise", "Input", shape=[4]), "network": "generator"},
        {**node("make", "Linear", out_features=6), "network": "generator"},
        {**node("fake", "Output"), "network": "generator"},
        {**node("sample", "Input", shape=[6]), "network": "discriminator"},
        {**node("judge", "Linear", out_features=1), "network": "discriminator"},
        {**node("verdict", "Output"), "network": "discriminator"},
    ]
    made = document(
        parts, [("noise", "make"), ("make", "fake"), ("sample", "judge"), ("judge", "verdict")], name="Points"
    )
    source = compare(made)
    tidy(source)
    assert list(class_names(made).values()) == ["Generator", "Discriminator"]


def test_shared_weights_call_the_owners_module() -> None:
    made = document(
        [
            node("one", "Input", shape=[4]),
            node("two", "Input", shape=[4]),
            node("encode", "Linear", out_features=3),
            {**node("encode_two", "Linear", out_features=3), "shares_weights_with": "encode"},
            node("join", "Multiply"),
            node("out", "Output"),
        ],
        [("one", "encode"), ("two", "encode_two"), ("encode", "join"), ("encode_two", "join"), ("join", "out")],
    )
    source = compare(made)
    assert "encode_two = self.encode(two)" in source
    assert source.count("nn.Linear") == 1


def test_errors_are_told_as_a_graph_error() -> None:
    made = Document(nodes=(builder.Node(name="x", type="Input", params={"shape": [4]}),))
    with pytest.raises(builder.GraphError) as caught:
        builder.to_python(made)
    assert caught.value.problems


HOSTILE = ['"""', "\\", "\n", "import os", "\u202e", "\u2028", "\x00", "#", "{}", "é", "'''", '"', "\\N{", "\t"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(HOSTILE), max_size=8).map("".join), st.lists(st.sampled_from(HOSTILE)).map(" ".join))
def test_hostile_names_and_descriptions_stay_text(name: str, description: str) -> None:
    nodes = [node("x", "Input", shape=[4]), node("fc", "Linear", out_features=2), node("out", "Output")]
    made = document(nodes, [("x", "fc"), ("fc", "out")], name=name, description=description)
    source = compare(made)
    source.encode("utf-8")
    tidy(source)


@pytest.mark.parametrize(
    "name", ["None", "true", "True", "tensor", "nn", "torch", "42", "", "ネット", "classes", "def"]
)
def test_any_document_name_gives_a_class(name: str) -> None:
    nodes = [node("x", "Input", shape=[4]), node("fc", "Linear", out_features=2), node("out", "Output")]
    tidy(compare(document(nodes, [("x", "fc"), ("fc", "out")], name=name)))


LONG = "a_name_that_is_as_long_as_a_name_may_be_which_is_64_characters_x"


@pytest.mark.parametrize(
    "names",
    [
        ("x", "h", "y"),
        ("l", "O", "I"),
        ("super", "dict", "str"),
        ("Tensor", "x", "z"),
        (LONG, LONG[:-1] + "y", LONG[:24]),
        ("operator", "list", "input"),
    ],
)
def test_node_names_never_collide_with_the_codes_own(names: tuple[str, str, str]) -> None:
    first, second, third = names
    made = document(
        [
            node(first, "Input", shape=[3]),
            node("other", "Input", shape=[3]),
            node(second, "Linear", out_features=3),
            node(third, "Tanh"),
            node("sum", "Add"),
            node("last", "ReLU"),
            node("more", "Concat"),
            node("out", "Output"),
        ],
        [
            (first, second),
            (first, third),
            (second, "sum"),
            (third, "sum"),
            ("other", "sum"),
            ("sum", "last"),
            ("last", "more"),
            (first, "more"),
            (second, "more"),
            ("more", "out"),
        ],
    )
    tidy(compare(made))


@st.composite
def graphs(draw: st.DrawFn) -> Document:
    """Small random graphs of layers that keep the shape, so that any two values can be merged."""
    shape = draw(SHAPES)
    names = draw(
        st.lists(
            st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,63}", fullmatch=True).filter(lambda name: not name_complaint(name))
            | st.sampled_from(["x", "h", "l", "a" * 40, "b" * 64, "relu1"]),
            min_size=6,
            max_size=14,
            unique=True,
        ).filter(lambda names: not any(name.startswith("_") for name in names))
    )
    inputs = draw(st.integers(1, 2))
    nodes = [node(name, "Input", shape=list(shape)) for name in names[:inputs]]
    edges: list[tuple[str, str]] = []
    outputs = draw(st.integers(1, 2))
    for place, name in enumerate(names[inputs:-outputs], start=inputs):
        kind = draw(
            st.sampled_from(["ReLU", "Tanh", "LayerNorm", "Identity", "Add", "Multiply", "Subtract", "Dropout"])
        )
        merge = kind in ("Add", "Multiply", "Subtract") and place > 1
        nodes.append(node(name, kind if merge or kind not in ("Add", "Multiply", "Subtract") else "Sigmoid"))
        count = 2 if kind == "Subtract" else draw(st.integers(2, min(5, place))) if merge else 1
        sources = draw(
            st.lists(
                st.sampled_from(names[:place]),
                min_size=count if merge else 1,
                max_size=count if merge else 1,
                unique=True,
            )
        )
        edges += [(source, name) for source in sources]
    for name in names[-outputs:]:
        nodes.append(node(name, "Output"))
        edges.append((draw(st.sampled_from(names[:-outputs])), name))
    return document(nodes, edges)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_random_graphs(made: Document) -> None:
    tidy(compare(made))


def test_a_sum_too_long_for_its_line_stays_together_within_brackets() -> None:
    one, other = "a" * 40, "b" * 64
    nodes = [{"name": name, "type": "Input", "params": {"shape": [6]}} for name in (one, other)]
    nodes += [{"name": "A00", "type": "Add"}, {"name": "C", "type": "Output"}, {"name": "D", "type": "Output"}]
    wires = [(one, "A00"), (other, "A00"), ("A00", "C"), ("A00", "D")]
    edges = [{"source": source, "target": target} for source, target in wires]
    source = builder.to_python(builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges}))
    assert f"(\n            {one} + {other}\n        )" in source
    tidy(source)
