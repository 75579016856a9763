"""The exported training script runs with nothing of Netloom about, for every choice there is, and is tidy."""

from __future__ import annotations

import ast
import itertools
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import builder
import trainers
import trainers.data
from builder.document import Document
from builder.edits import InsertBefore
from builder.exports.companions import Absent
from builder.problems import NetloomError
from trainers.objectives.registry import LOSSES, suits
from trainers.optim.initialisation import INITIALISATIONS
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms import PARADIGMS
from trainers.script.train_script import companion_files, train_script


def table(dataset: str, features: int, width: int, **training: Any) -> Document:
    """A small perceptron for a table."""
    nodes = [
        {"name": "row", "type": "Input", "params": {"shape": [features]}},
        {"name": "hidden", "type": "Linear", "params": {"out_features": 8}},
        {"name": "norm", "type": "BatchNorm1d"},
        {"name": "relu", "type": "ReLU"},
        {"name": "fc", "type": "Linear", "params": {"out_features": width}},
        {"name": "answer", "type": "Output"},
    ]
    names = [node["name"] for node in nodes]
    edges = [{"source": one, "target": other} for one, other in itertools.pairwise(names)]
    settings = {
        "data": {"name": dataset, "batch_size": 32},
        "paradigm": {"name": "supervised"},
        "epochs": 2,
        **training,
    }
    return builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges, "training": settings, "name": "Small"})


def stack(data: dict[str, Any], layers: list[dict[str, Any]], **training: Any) -> Document:
    """A chain of layers for a data set, one epoch of it."""
    inputs = [f"part{number}" for number in range(len(trainers.data.dataset(data).signals))]
    nodes = [*({"name": name, "type": "Input"} for name in inputs), *layers, {"name": "answer", "type": "Output"}]
    edges = [{"source": name, "target": layers[0]["name"]} for name in inputs]
    chain = [*(layer["name"] for layer in layers), "answer"]
    edges += [{"source": one, "target": other} for one, other in itertools.pairwise(chain)]
    settings = {"data": {"batch_size": 32, **data}, "paradigm": {"name": "supervised"}, "epochs": 1, **training}
    document = {"format": "netloom/2", "nodes": nodes, "edges": edges, "training": settings, "name": "Small"}
    return trainers.bind(builder.load(document))


def layer(name: str, kind: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "params": params}


def flat(width: int) -> list[dict[str, Any]]:
    return [layer("flatten", "Flatten"), layer("fc", "Linear", out_features=width)]


DOCUMENTS: dict[str, Document] = {
    "classes": table("breast_cancer", 30, 2),
    "labels": stack({"name": "shapes_present", "samples": 120, "size": 16}, flat(3)),
    "numbers": table("diabetes", 10, 1),
    "sequence to number": stack(
        {"name": "adding", "samples": 200, "length": 12},
        [layer("gru", "GRU", hidden_size=6, output="last"), layer("fc", "Linear", out_features=1)],
    ),
    "forecast": stack({"name": "sines", "samples": 200, "window": 20, "horizon": 5}, flat(5)),
    "forecast in time": stack({"name": "lorenz", "samples": 300, "window": 20, "horizon": 5}, flat(15)),
    "masks": stack(
        {"name": "shapes_to_segment", "samples": 60, "size": 16}, [layer("conv", "Conv2d", out_channels=4, padding=1)]
    ),
    "sounds in groups": stack({"name": "fsdd", "split": "speaker", "batch_size": 256}, flat(10)),
    "two inputs": stack({"name": "digit_pairs", "samples": 300}, [layer("both", "Concat"), *flat(2)]),
    "text": stack(
        {"name": "rt_polarity", "vocabulary_size": 500, "batch_size": 512},
        [
            layer("words", "Embedding", num_embeddings=500, embedding_dim=4),
            layer("mean", "Mean", dim=1),
            layer("fc", "Linear", out_features=2),
        ],
    ),
}


QUICK = ("classes", "labels", "numbers", "forecast", "masks")  # a document for each kind of targets


@pytest.mark.parametrize("task", DOCUMENTS)
def test_every_task(task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = DOCUMENTS[task]
    skip_without(document)
    trainers.Job.from_document(document)
    assert math.isfinite(run_main(document, monkeypatch, tmp_path))


def skip_without(document: Document) -> None:
    """Skip a test whose data would have to be downloaded."""
    dataset = trainers.data.dataset(document.training["data"])
    if not dataset.ready():
        pytest.skip(f"{dataset.title} is not here: set NETLOOM_DATA")


def tidy(source: str, folder: Path) -> None:
    """ruff finds nothing to format and nothing to fix, with model.py beside the script."""
    (folder / "model.py").touch()
    (folder / "train.py").write_text(source, encoding="utf-8")
    for command in (["format", "--line-length", "120", "--diff"], ["check"]):
        line = [sys.executable, "-m", "ruff", *command, "--isolated", "train.py"]
        result = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def execute(document: Document, folder: Path) -> dict[str, Any]:
    """Run the script in this process, with the network in the place of model.py. Returns its names."""
    source = train_script(document)
    tidy(source, folder)
    model: dict[str, Any] = {"__name__": "model"}
    exec(builder.to_python(document), model)
    saved = 'save_file(model.state_dict(), "model.safetensors")'
    text = source.replace("from model import Small", "").replace(saved, "return score")
    names: dict[str, Any] = {"__name__": "train", "Small": model["Small"]}
    exec(compile(text, "train.py", "exec"), names)
    return names


def run_main(document: Document, monkeypatch: pytest.MonkeyPatch, folder: Path) -> float:
    names = execute(document, folder)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    result: float = names["main"]()
    return result


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run_main(table("iris", 4, 3, optimizer={"name": name}), monkeypatch, tmp_path)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run_main(table("iris", 4, 3, schedule={"name": name}, epochs=12), monkeypatch, tmp_path)


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_every_initialisation(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run_main(table("iris", 4, 3, initialisation={"name": name}), monkeypatch, tmp_path)


@pytest.mark.parametrize("name", ["orthogonal", "kaiming_uniform", "zeros"])
def test_the_script_fills_the_weights_that_a_run_fills(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layers = [
        layer("gru", "GRU", hidden_size=6),
        layer("places", "PositionalEmbedding", max_len=12),
        layer("attend", "MultiheadAttention", num_heads=2),
        *flat(1),
    ]
    document = stack({"name": "adding", "samples": 200, "length": 12}, layers, initialisation={"name": name})
    names = execute(document, tmp_path)
    ours, theirs = builder.compile(document), names["Small"]()
    theirs.load_state_dict(ours.state_dict())
    torch.manual_seed(8)
    trainers.Job.from_document(document).initialisation.apply(ours)
    calls = (ast.unparse(node) for node in ast.walk(ast.parse(train_script(document))) if isinstance(node, ast.Call))
    call = next(text for text in calls if text.startswith("initialise("))
    torch.manual_seed(8)
    eval(call, {**names, "model": theirs})
    assert ours.places.weight.any() and "kept=('places.weight',)" in call
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())
    assert math.isfinite(run_main(document, monkeypatch, tmp_path))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_every_loss(name: str, weights: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loss = LOSSES[name]
    if weights == "balanced" and not loss.weighs:
        return
    for task, document in DOCUMENTS.items():
        if task not in QUICK or not suits(loss, trainers.data.dataset(document.training["data"]).task):
            continue
        paradigm = {"name": "supervised", "loss": name, "class_weights": weights}
        training = {**document.training, "paradigm": paradigm}
        last = {"probabilities": "Sigmoid", "log_probabilities": "LogSoftmax"}.get(loss.expects)
        made = document.changed(training=training)
        if last:
            params = {"dim": 1} if last == "LogSoftmax" else {}
            made = InsertBefore(builder.Node(name="squash", type=last, params=params), "answer").apply(made)
        trainers.Job.from_document(made)
        run_main(made, monkeypatch, tmp_path)


@pytest.mark.parametrize("task", ["masks", "sounds in groups", "two inputs"])
def test_augmented_batches(task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Images and masks move together; each input is changed by itself."""
    skip_without(DOCUMENTS[task])
    data = DOCUMENTS[task].training["data"]
    crop = {"name": "RandomCrop", "padding": 2}
    chosen = {
        "masks": [{"name": "RandomHorizontalFlip"}, crop],
        "two inputs": [crop, {"name": "RandomErasing"}],
        "sounds in groups": [{"name": "TimeMasking"}],
    }[task]
    training = {**DOCUMENTS[task].training, "data": {**data, "augmentation": chosen}}
    run_main(DOCUMENTS[task].changed(training=training), monkeypatch, tmp_path)


@pytest.mark.parametrize("task", ["two inputs", "forecast in time", "sounds in groups"])
def test_the_same_samples_are_in_each_part_as_in_the_app(task: str, tmp_path: Path) -> None:
    document = DOCUMENTS[task]
    skip_without(document)
    names = execute(document, tmp_path)
    job = trainers.Job.from_document(document)
    prepared = job.prepare()
    arrays = job.dataset.load()
    found = names["split"](arrays.targets if arrays.groups is None else arrays.groups)
    for indices, part in zip(found, (prepared.training, prepared.validation, prepared.test), strict=True):
        if arrays.groups is None:
            np.testing.assert_array_equal(indices, part.indices)
        else:
            assert len(indices) and len(part)
    if arrays.groups is not None:
        sides = [set(arrays.groups[indices]) for indices in found]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


@pytest.mark.parametrize(
    "training",
    [
        {"gradient_clip": 1.0, "l1": 1e-4},
        {"early_stopping": {"patience": 1, "min_delta": 0.5}, "epochs": 30},
        {"precision": "bfloat16"},
        {"max_steps": 2},
        {"data": {"name": "iris", "batch_size": 5, "train_samples": 20}},
        {"data": {"name": "iris", "batch_size": "full", "validation": 0.0, "test": 0.2}},
        {"data": {"name": "iris", "batch_size": 1, "validation": 0.1, "test": 0.0}},
        {"optimizer": {"name": "LBFGS", "max_iter": 3}, "gradient_clip": 0.1, "l1": 1e-4},
    ],
)
def test_settings(training: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = table("iris", 4, 3, **training)
    if document.training["data"].get("batch_size") == 1:  # batch normalisation needs more
        edges = [edge for edge in document.edges if "norm" not in (edge.source, edge.target)]
        nodes = tuple(node for node in document.nodes if node.name != "norm")
        document = document.changed(nodes=nodes, edges=(*edges, builder.Edge(source="hidden", target="relu")))
    run_main(document, monkeypatch, tmp_path)


def test_it_learns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (
        run_main(table("iris", 4, 3, epochs=60, optimizer={"name": "Adam", "lr": 0.01}), monkeypatch, tmp_path) >= 0.86
    )


def test_one_number_for_two_classes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paradigm = {"name": "supervised", "loss": "binary_cross_entropy_with_logits"}
    assert run_main(table("breast_cancer", 30, 1, paradigm=paradigm, epochs=20), monkeypatch, tmp_path) >= 0.9


def test_the_default_document_in_a_fresh_interpreter(tmp_path: Path) -> None:
    document = builder.template("digits_cnn")
    (tmp_path / "train.py").write_text(train_script(document), encoding="utf-8")
    (tmp_path / "model.py").write_text(builder.to_python(document), encoding="utf-8")
    state = torch.random.get_rng_state()
    command = [sys.executable, "train.py", "--epochs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "test: loss" in done.stdout
    assert set(load_file(tmp_path / "model.safetensors")) == set(builder.compile(document).state_dict())
    assert not torch.equal(state, torch.zeros_like(state))


def test_a_document_without_training_has_no_script() -> None:
    document = table("iris", 4, 3)
    model = builder.compile(document)
    files = companion_files(document, model)
    assert [name for name, text in files.items() if not isinstance(text, Absent)] == ["train.py"]
    assert files["predict.py"] == "the network was not trained on data."
    assert companion_files(document.changed(training={}), model) == {}


@pytest.mark.parametrize("paradigm", sorted(PARADIGMS))
def test_a_paradigm_that_says_it_exports_a_script_does(paradigm: str) -> None:
    """The Export page offers a train.py because of it."""
    templates = builder.templates().values()
    found = [each for each in templates if (each.training.get("paradigm") or {}).get("name", "supervised") == paradigm]
    for document in found[:2]:
        job = trainers.Job.from_document(document)
        if job.paradigm.exports_script:
            assert "def train" in train_script(document) or "for epoch" in train_script(document)
        else:
            with pytest.raises(NetloomError):
                train_script(document)
