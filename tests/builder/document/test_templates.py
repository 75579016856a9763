"""Every template in assets/templates has no problem, a layout and a lesson, and can be trained."""

from __future__ import annotations

import pytest
import torch

import builder
from builder.document import Document
from builder.document.graph import networks
from builder.document.layout import COLUMN, ROW
from builder.document.templates import folder
from trainers.data import DATASETS
from trainers.data.augmentation import AUGMENTATIONS

TEMPLATES = builder.templates()
CHARTS = ("Loss", "Activations", "Gradient flow", "Graph", "Predictions")
SECTIONS = ("## What it is", "## What to watch", "## What to try")


def test_the_gallery_has_what_it_should() -> None:
    assert {
        "digits_cnn",
        "multilayer_perceptron",
        "lenet",
        "residual_cnn",
        "logistic_regression",
        "vanishing_gradients",
        "deep_relu_batchnorm",
        "spiral_perceptron",
        "linear_regression",
        "vgg",
        "densenet",
        "mobilenet",
        "inception",
        "unet",
        "lstm_spoken_digits",
        "gru_remembers",
        "rnn_forgets",
        "cnn_spoken_digits",
        "forecast",
        "two_inputs",
        "vision_transformer",
        "siamese",
        "fashion_cnn",
        "steering",
        "sines_gru",
        "lorenz",
    } <= set(TEMPLATES)
    assert set(TEMPLATES) == {path.stem for path in folder().glob("*.json")}


def test_the_readme_counts_what_there_is() -> None:
    readme = (folder().parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"[{len(TEMPLATES)} networks with lessons]" in readme
    layers = [spec for spec in builder.CATALOGUE.values() if spec.role != "block"]
    assert f"**Layers**: {len(layers)} types" in readme


@pytest.fixture(params=list(TEMPLATES))
def document(request: pytest.FixtureRequest) -> Document:
    return TEMPLATES[request.param]


def test_it_has_no_problem_and_runs(document: Document) -> None:
    assert builder.check(document) == []
    for network in networks(document):
        model = builder.compile(document, network).eval()
        inputs = [
            torch.randint(0, 5, (3, *node.spec.shape)) if node.spec.dtype == "int" else torch.randn(3, *node.spec.shape)
            for node in document.nodes
            if node.role == "input" and node.network == network
        ]
        with torch.no_grad():
            output = model(*inputs)
        assert output.shape[0] == 3
        assert output.isfinite().all()


def test_its_file_is_as_dump_writes_it(document: Document) -> None:
    name = next(key for key, value in TEMPLATES.items() if value is document)
    text = (folder() / f"{name}.json").read_text(encoding="utf-8")
    assert builder.dump(document) == text
    assert builder.dump(builder.load(text)) == text


def test_it_is_explained(document: Document) -> None:
    assert document.name
    assert document.description.endswith(".")
    assert len(document.description) <= 160
    assert [part for part in SECTIONS if part in document.lesson_text] == list(SECTIONS)
    assert any(f"**{chart}**" in document.lesson_text for chart in CHARTS)


def test_lessons_name_only_nodes_and_parameters_that_exist(document: Document) -> None:
    nodes = [*document.nodes, *(node for block in document.blocks.values() for node in block.nodes)]
    data = document.training["data"]
    known = {node.name for node in nodes} | set(TEMPLATES) | set(DATASETS) | set(document.blocks)
    known |= {name for node in nodes for name in type(node.spec).model_fields}
    known |= {"shares_weights_with"} | set(DATASETS[data["name"]].model_fields) | set(document.training["paradigm"])
    known |= {name for entry in AUGMENTATIONS.values() for name in entry.model_fields}
    quoted = document.lesson_text.split("`")[1::2]
    assert [word for word in quoted if word not in known] == []


def test_it_lies_on_the_canvas_without_overlaps(document: Document) -> None:
    for graph in (document, *document.blocks.values()):
        assert set(graph.layout) == set(graph.by_name)
        places = list(graph.layout.values())
        for index, (x, y) in enumerate(places):
            for other_x, other_y in places[index + 1 :]:
                assert abs(x - other_x) >= COLUMN * 0.95 or abs(y - other_y) >= ROW * 0.95
        assert max(x for x, _ in places) <= 4 * COLUMN


def test_its_inputs_have_shapes_and_it_says_how_to_train(document: Document) -> None:
    assert all(node.params.get("shape") for node in document.nodes if node.spec.role == "input")
    training = document.training
    assert training["data"]["name"]
    assert training["paradigm"]["name"]
    assert training["epochs"] <= 100
    assert "seed" in training


def test_the_cure_differs_from_the_illness_only_in_its_layers() -> None:
    ill, cured = TEMPLATES["vanishing_gradients"], TEMPLATES["deep_relu_batchnorm"]
    assert ill.training == cured.training
    assert "deep_relu_batchnorm" in ill.lesson_text
    assert "vanishing_gradients" in cured.lesson_text


def test_the_recurrent_cure_differs_only_in_its_layer() -> None:
    ill, cured = TEMPLATES["rnn_forgets"], TEMPLATES["gru_remembers"]
    assert ill.training == cured.training
    assert [one.type for one, other in zip(ill.nodes, cured.nodes, strict=True) if one.type != other.type] == ["RNN"]
    assert "gru_remembers" in ill.lesson_text
    assert "rnn_forgets" in cured.lesson_text


def test_lenet_has_the_parameters_of_the_paper() -> None:
    assert builder.summary(TEMPLATES["lenet"]).parameters.sum() == 61_706
