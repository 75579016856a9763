"""The Export page without a browser: an export can be downloaded once it was run and compared."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pages.parts.runs import run_exports
from pages.parts.theme.escaping import file_name
from tests.pages.trained import button, has_button, look, page, perceptron, store, text, train


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401

    return tmp_path


def test_before_the_first_run_there_is_code_only() -> None:
    store(perceptron())
    test = page("export")
    assert "Not trained yet" in text(test)
    assert "class Small(nn.Module)" in test.code[0].value
    assert not has_button(test, "prepare_zip") and has_button(test, "to_train")


def test_a_document_with_errors_is_not_said_to_be_code_and_leads_to_build() -> None:
    store(perceptron().changed(edges=()))
    test = page("export")
    assert "Not trained yet" in text(test) and "This is the network as Python code" not in text(test)
    assert "of the network on the page Build" in text(test)
    assert has_button(test, "to_build") and not has_button(test, "to_train") and not test.code


def test_prepare_then_download() -> None:
    document = perceptron()
    store(document)
    run = train(document)
    test = page("export")
    assert "class Small(nn.Module)" in test.code[0].value
    for format in ("safetensors", "python"):
        button(test, f"prepare_{format}").click()
        look(test.run())
        assert not has_button(test, f"prepare_{format}")
    assert text(test).count("verified: largest difference") == 2
    found = run_exports.made(run, run_exports.FORMATS[0], "network")
    assert found is not None and found.path.name == "small.safetensors" and found.size > 100


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.slow
def test_the_zip_has_everything() -> None:
    document = perceptron()
    store(document)
    run = train(document)
    made = run_exports.make(run, run_exports.EVERYTHING)
    assert {"model.safetensors", "model.py", "train.py", "document.json", "model.onnx", "README.md"} <= set(
        zipfile.ZipFile(made.path).namelist()
    )
    assert made.difference < 1e-3


def test_a_run_without_weights_is_reported() -> None:
    document = perceptron("diabetes", 1, optimizer={"name": "SGD", "lr": 100.0})
    store(document)
    train(document, "failed")
    test = page("export")
    assert text(test).count("This run has no weights") == 1 and "failed before the end of its first epoch" in text(test)
    assert has_button(test, "to_train") and not has_button(test, "prepare_zip")
    assert "class Small" in test.code[0].value


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (82_300, "82.3 kB"), (3_200_000_000, "3.20 GB")]
)
def test_sizes(count: int, words: str) -> None:
    assert run_exports.size(count) == words


@pytest.mark.parametrize(("name", "file"), [("../../Evil <b>", "evil_b"), ("网络", "model"), ("A" * 300, "a" * 60)])
def test_file_names_are_plain(name: str, file: str) -> None:
    assert file_name(name, "model") == file
