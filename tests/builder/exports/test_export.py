"""Exports are run and compared with the model; a failed export gives a message and leaves no file."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import nn

import builder
from builder.document import Document
from builder.exports import companions, interpreter
from builder.exports.export import Exported, export
from builder.exports.formats import EXPORTS, safetensors
from builder.exports.formats.onnx import Onnx
from builder.exports.subject import difference, subject

CARD = {
    "inputs": {"mean": [[[0.3053701]]], "std": [[[0.376]]]},
    "classes": ["zero", 'o"ne', *"23456789"],
    "scores": {"test": {"accuracy": 0.98}, "validation": {"accuracy": 0.97}},
    "data": "digits",
    "run": "abc",
}


def made(nodes: list[tuple[Any, ...]], edges: list[tuple[str, ...]], **fields: Any) -> Document:
    """A document from (name, type, params) and (source, target[, port])."""
    items = [{"name": name, "type": kind, "params": dict(*params)} for name, kind, *params in nodes]
    wires = [dict(zip(("source", "target", "port"), edge, strict=False)) for edge in edges]
    return builder.load({"format": "netloom/2", "nodes": items, "edges": wires, **fields})


@pytest.fixture(scope="module")
def digits() -> tuple[nn.Module, Document]:
    document = builder.template("digits_cnn")
    torch.manual_seed(1)
    model = builder.compile(document)
    model.card = CARD  # type: ignore[assignment]
    return model, document


@pytest.fixture(scope="module")
def many() -> tuple[nn.Module, Document]:
    """Three inputs, one of integers and one that is not used, and two outputs."""
    document = made(
        [
            ("words", "Input", {"shape": [5], "dtype": "int"}),
            ("row", "Input", {"shape": [8]}),
            ("unused", "Input", {"shape": [2]}),
            ("look", "Embedding", {"num_embeddings": 11, "embedding_dim": 8}),
            ("mean", "Mean"),
            ("add", "Add"),
            ("norm", "BatchNorm1d"),
            ("fc", "Linear", {"out_features": 3}),
            ("one", "Output"),
            ("two", "Output"),
        ],
        [
            ("words", "look"),
            ("look", "mean"),
            ("mean", "add"),
            ("row", "add"),
            ("add", "norm"),
            ("norm", "fc"),
            ("fc", "one"),
            ("norm", "two"),
        ],
        name="Many",
    )
    return builder.compile(document), document


@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize("which", ["digits", "many"])
def test_every_format_gives_the_models_outputs(
    format: str, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One network in processes that are really new, the other in a fork of one that has converted before."""
    if which == "many":
        request.getfixturevalue("warm_converter")
    model, document = request.getfixturevalue(which)
    result = export(model, document, tmp_path / "out" / "made", format)
    assert isinstance(result, Exported)
    assert result.format == format
    assert 0 <= result.difference <= 1e-4
    assert result.checked.endswith(".")
    assert result.size == result.path.stat().st_size > 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["made"]


@pytest.mark.slow
def test_the_zip_works_where_nothing_of_netloom_is(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    model, document = digits
    export(model, document, tmp_path / "digits.zip")
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "digits.zip") as archive:
        assert archive.namelist() == [
            "README.md",
            "model.py",
            "model.safetensors",
            "train.py",
            "document.json",
            "model.onnx",
        ]
        archive.extractall(folder)
    ran = subprocess.run([sys.executable, "-I", "model.py"], cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "class_scores: (1, 10)"
    assert builder.load(folder / "document.json") == document
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for words in ("| test accuracy | 0.98 |", "N × 1 × 8 × 8", "onnxruntime", "python train.py", "preprocess"):
        assert words in readme
    before = (folder / "model.safetensors").read_bytes()
    command = [sys.executable, "train.py", "--epochs", "1"]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert (folder / "model.safetensors").read_bytes() != before


def test_the_weights_carry_the_card(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    export(*digits, tmp_path / "w.safetensors", "safetensors")
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        assert json.loads(file.metadata()["card"]) == CARD
        assert list(file.keys()) == sorted(digits[0].state_dict())


def test_model_py_knows_the_figures_and_is_tidy(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    export(*digits, tmp_path / "model.py", "python")
    for command in (["format", "--line-length", "120", "--diff"], ["check"]):
        line = [sys.executable, "-m", "ruff", *command, "--isolated", "model.py"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    names: dict[str, Any] = {"__name__": "model"}
    exec((tmp_path / "model.py").read_text(encoding="utf-8"), names)
    assert names["CLASSES"] == tuple(CARD["classes"])  # type: ignore[arg-type]
    torch.testing.assert_close(names["preprocess"](torch.tensor([[[[0.3053701]]]])), torch.zeros(1, 1, 1, 1))


@pytest.mark.usefixtures("warm_converter")
def test_the_callers_model_is_untouched(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    document = digits[1]
    model = builder.compile(document).train()
    calls: list[int] = []
    model.register_forward_hook(lambda *_: calls.append(1))
    next(model.parameters()).grad = torch.ones_like(next(model.parameters()))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.random.get_rng_state()
    export(model, document, tmp_path / "a.zip")
    assert torch.equal(random, torch.random.get_rng_state())
    assert model.training
    assert all(module.training for module in model.modules())
    assert calls == []
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert next(model.parameters()).grad is not None
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_wrong_export_is_refused_and_leaves_nothing(
    digits: tuple[nn.Module, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = safetensors.write_weights

    def corrupted(what: Any, path: Path) -> None:
        original(what, path)
        content = bytearray(path.read_bytes())
        content[-4:] = b"\x00\x00\x80\x3f"
        path.write_bytes(content)

    monkeypatch.setattr(safetensors, "write_weights", corrupted)
    with pytest.raises(builder.ExportError, match=r"other numbers than the model at class_scores.*0\.0001"):
        export(*digits, tmp_path / "w.safetensors", "safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_is_told_and_keeps_the_older_file(
    code: int, digits: tuple[nn.Module, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "w.safetensors"
    old.write_text("older")

    def full(self: Path, data: bytes) -> int:
        raise OSError(code, "no")

    monkeypatch.setattr(Path, "write_bytes", full)
    words = "The disk is full" if code == errno.ENOSPC else "could not be written"
    with pytest.raises(builder.ExportError, match=words):
        export(*digits, old, "safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    assert old.read_text() == "older"


def test_a_model_of_another_document_is_refused(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    other = builder.template("logistic_regression")
    with pytest.raises(builder.ExportError, match="was not compiled from this document"):
        export(digits[0], other, tmp_path / "w", "safetensors")
    wider = digits[1].changed(
        nodes=tuple(
            node.model_copy(update={"params": {**node.params, "out_features": 12}}) if node.name == "fc" else node
            for node in (builder.load(builder.dump(digits[1]))).nodes
        )
    )
    with pytest.raises(builder.ExportError, match="do not fit this document"):
        export(digits[0], builder.load(builder.dump(wider)), tmp_path / "w", "safetensors")


def test_unknown_formats_folders_and_errors(digits: tuple[nn.Module, Document], tmp_path: Path) -> None:
    with pytest.raises(builder.ExportError, match="Did you mean onnx"):
        export(*digits, tmp_path / "w", "onx")
    with pytest.raises(builder.ExportError, match="is a folder"):
        export(*digits, tmp_path, "onnx")
    (tmp_path / "file").write_text("")
    with pytest.raises(builder.ExportError, match="could not be written"):
        export(*digits, tmp_path / "file" / "w", "safetensors")


def test_a_converter_that_takes_too_long_is_given_up(
    digits: tuple[nn.Module, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "TIME_LIMIT", 0.01)
    with pytest.raises(builder.ExportError, match="was stopped"):
        export(*digits, tmp_path / "m.onnx", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_node_that_cannot_be_converted_is_found(
    digits: tuple[nn.Module, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Onnx, module: nn.Module, *_: Any) -> dict[str, torch.Tensor]:
        if any(isinstance(part, nn.MaxPool2d) for part in module.modules()):
            raise RuntimeError("not known")
        return {}

    monkeypatch.setattr(Onnx, "convert", refuse)
    prepared = subject(*digits)
    assert Onnx().failing_node(prepared.module, prepared.inputs) == "pool"


class Companion:
    """A test double for an entry point of another package."""

    def __init__(self, name: str, function: Callable[[Document, nn.Module], Any]) -> None:
        self.name = name
        self.function = function

    def load(self) -> Callable[[Document, nn.Module], Any]:
        return self.function


def broken(document: Document, model: nn.Module) -> dict[str, str]:
    raise RuntimeError("no idea")


@pytest.mark.usefixtures("warm_converter")
def test_companions_add_files(
    digits: tuple[nn.Module, Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, or whose file would replace another, is reported in the result and in README.md."""
    entries = [
        Companion("notes", lambda document, model: {"notes.txt": document.name}),
        Companion("broken", broken),
        Companion("thief", lambda document, model: {"model.py": ""}),
        Companion("outside", lambda document, model: {"../notes.txt": ""}),
        Companion("bytes", lambda document, model: {"notes.bin": b""}),
    ]
    monkeypatch.setattr(companions, "entry_points", lambda group: entries if group == "netloom.companions" else [])
    result = export(*digits, tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "m.zip") as made:
        assert made.namelist() == [
            "README.md",
            "model.py",
            "model.safetensors",
            "notes.txt",
            "document.json",
            "model.onnx",
        ]
        assert made.read("notes.txt") == b"Digits CNN"
        readme = made.read("README.md").decode()
    for text in (result.checked, readme):
        assert "companion broken are missing, because it failed: no idea" in text
        assert "'model.py' cannot be the name" in text and "'../notes.txt' cannot be the name" in text
        assert "notes.bin must be text, got bytes" in text


def test_the_training_script_is_an_installed_companion() -> None:
    """pyproject.toml declares it. If it is not found, install the project again."""
    found = {entry.name: entry.value for entry in companions.entry_points(group="netloom.companions")}
    assert found["train"] == "trainers.script.train_script:companion_files"
    document = builder.template("digits_cnn")
    files, notes = companions.companion_files(document, builder.compile(document))
    assert list(files) == ["train.py"]
    assert notes == ["There is no predict.py: the network was not trained on data."]


def test_formats_are_found_in_their_order() -> None:
    assert list(builder.EXPORTS) == ["zip", "safetensors", "onnx", "pt2", "python"]
    for name, kind in EXPORTS.items():
        assert kind.name == name and kind.title and kind.purpose.endswith(".") and "." in kind.file


def test_differences_are_measured_with_infinities_and_nan() -> None:
    values = torch.tensor([1.0, float("nan"), float("inf")])
    assert difference({"a": values}, {"a": values.clone()}, "It") == 0
    with pytest.raises(builder.ExportError):
        difference({"a": values}, {"a": torch.tensor([1.0, 0.0, float("inf")])}, "It")
    with pytest.raises(builder.ExportError):
        difference({"a": values}, {}, "It")
