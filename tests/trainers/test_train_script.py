"""The exported training script runs with nothing of Netloom about, for every choice there is, and is tidy."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import builder
from builder.document import Document
from trainers.initialisation import INITIALISATIONS
from trainers.losses import LOSSES
from trainers.optimizers import OPTIMIZERS
from trainers.schedules import SCHEDULES
from trainers.train_script import companion, train_script


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
    told = {"data": {"name": dataset, "batch_size": 32}, "paradigm": {"name": "supervised"}, "epochs": 2, **training}
    return builder.load({"format": "netloom/1", "nodes": nodes, "edges": edges, "training": told, "name": "Small"})


def tidy(source: str, folder: Path) -> None:
    """ruff finds nothing to format and nothing to mend, with model.py beside the script."""
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
    text = source.replace("from model import Small", "").replace('save_file(model.state_dict(), "model.safetensors")',
                                                                 "return score")  # fmt: skip
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


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.expects != "probabilities"])
def test_every_loss(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    classes = "classification" in LOSSES[name].tasks
    document = table("breast_cancer", 30, 2) if classes else table("diabetes", 10, 1)
    paradigm = {"name": "supervised", "loss": name}
    run_main(document.changed(training={**document.training, "paradigm": paradigm}), monkeypatch, tmp_path)


@pytest.mark.parametrize(
    "training",
    [
        {"gradient_clip": 1.0, "l1": 1e-4},
        {"early_stopping": {"patience": 1, "min_delta": 0.5}, "epochs": 30},
        {"precision": "bfloat16"},
        {"max_steps": 2},
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
    assert list(companion(document, model)) == ["train.py"]
    assert companion(document.changed(training={}), model) == {}
