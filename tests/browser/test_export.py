"""Exporting a trained network in a real browser, and running it in a new interpreter."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builder
from tests.browser.canvas_page import TIMEOUT, store

pytestmark = pytest.mark.browser

TRY = """
import torch, safetensors.torch, model
network = model.DigitsCNN()
network.load_state_dict(safetensors.torch.load_file("model.safetensors"))
print(tuple(network.eval()(torch.zeros(2, 1, 8, 8)).shape))
"""


def test_train_export_unzip_and_run(app: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    template = builder.template("digits_cnn")
    short = template.changed(training={**template.training, "epochs": 2})
    document = store(app.home, short.model_dump(mode="json"))
    page = open_page()
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.get_by_text("Test accuracy").wait_for(timeout=60_000)

    page.get_by_role("link", name="Export").click()
    page.locator(".st-key-prepare_zip button").first.click()
    download = page.locator(".st-key-download_zip button").first
    download.wait_for(timeout=120_000)
    assert page.get_by_text("verified: largest difference").count() == 1
    with page.expect_download() as waiting:
        download.click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert path.name == "digits_cnn.zip"

    folder = tmp_path / "home"
    zipfile.ZipFile(path).extractall(folder)
    names = {file.name for file in folder.iterdir()}
    assert {"model.safetensors", "model.py", "train.py", "document.json", "model.onnx", "README.md"} <= names
    done = subprocess.run([sys.executable, "-c", TRY], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "(2, 10)", done.stderr


def test_before_training_there_is_code_and_a_document(app: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    stored = builder.template("digits_cnn").changed(name="Never trained")
    document = store(app.home, stored.model_dump(mode="json"))
    page = open_page()
    page.goto(f"{app.url}/export?document={document}")
    page.get_by_text("Not trained yet").wait_for(timeout=TIMEOUT)
    page.get_by_text("class").first.wait_for()
    with page.expect_download() as code:
        page.get_by_role("button", name="Download model.py").click()
    code.value.save_as(tmp_path / "model.py")
    assert "class NeverTrained(nn.Module):" in (tmp_path / "model.py").read_text()
    page.get_by_role("link", name="Build", exact=True).click()
    with page.expect_download() as saved:
        page.locator(".st-key-save button").first.click()
    saved.value.save_as(tmp_path / "network.json")
    assert builder.load((tmp_path / "network.json").read_text()).nodes == stored.nodes
