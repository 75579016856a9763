"""Every template in assets/templates is a document without a problem, laid out, explained, and ready to train."""

from __future__ import annotations

import pytest
import torch

import builder
from builder.arrange import COLUMN, ROW
from builder.document import Document
from builder.templates import folder

TEMPLATES = builder.templates()
CHARTS = ("Loss", "Activations", "Gradient flow", "Graph", "Predictions")
SECTIONS = ("## What it is", "## What to watch", "## What to try")


def test_the_gallery_has_what_it_should() -> None:
    assert {
        "digits_cnn", "multilayer_perceptron", "lenet", "residual_cnn", "logistic_regression", "vanishing_gradients",
        "deep_relu_batchnorm", "spiral_perceptron",
    } <= set(TEMPLATES)  # fmt: skip
    assert set(TEMPLATES) == {path.stem for path in folder().glob("*.json")}


@pytest.fixture(params=list(TEMPLATES))
def document(request: pytest.FixtureRequest) -> Document:
    return TEMPLATES[request.param]


def test_it_has_no_problem_and_runs(document: Document) -> None:
    assert builder.check(document) == []
    model = builder.compile(document).eval()
    inputs = [torch.randn(3, *node.spec.shape) for node in document.nodes if node.spec.role == "input"]
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
    assert [part for part in SECTIONS if part in document.lesson] == list(SECTIONS)
    assert any(f"**{chart}**" in document.lesson for chart in CHARTS)


def test_lessons_name_only_nodes_and_parameters_that_exist(document: Document) -> None:
    known = {node.name for node in document.nodes} | set(TEMPLATES)
    known |= {name for node in document.nodes for name in type(node.spec).model_fields}
    known |= {"turns", "noise", "mnist", "fashion_mnist", "iris"}  # options and names of data sets
    quoted = document.lesson.split("`")[1::2]
    assert [word for word in quoted if word not in known] == []


def test_it_lies_on_the_canvas_without_overlaps(document: Document) -> None:
    assert set(document.layout) == set(document.by_name)
    places = list(document.layout.values())
    for index, (x, y) in enumerate(places):
        for other_x, other_y in places[index + 1 :]:
            assert abs(x - other_x) >= COLUMN * 0.95 or abs(y - other_y) >= ROW * 0.95
    assert max(x for x, _ in places) <= 4 * COLUMN


def test_its_inputs_have_shapes_and_it_says_how_to_train(document: Document) -> None:
    assert all(node.params.get("shape") for node in document.nodes if node.spec.role == "input")
    training = document.training
    assert training["data"]["name"]
    assert training["paradigm"]["name"] == "supervised"
    assert training["epochs"] <= 100
    assert "seed" in training


def test_the_cure_differs_from_the_illness_only_in_its_layers() -> None:
    ill, cured = TEMPLATES["vanishing_gradients"], TEMPLATES["deep_relu_batchnorm"]
    assert ill.training == cured.training
    assert "deep_relu_batchnorm" in ill.lesson
    assert "vanishing_gradients" in cured.lesson


def test_lenet_has_the_parameters_of_the_paper() -> None:
    assert builder.summary(TEMPLATES["lenet"]).parameters.sum() == 61_706
