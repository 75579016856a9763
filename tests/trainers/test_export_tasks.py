"""Exported networks: their predictions are in the data set's own unit, for each task."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import builder
import trainers
from tests.pages.trained import chain
from trainers.runs.predictions import predict

pytestmark = pytest.mark.usefixtures("warm_converter")
FLAT = ("Flatten", {})


def unpacked(run: trainers.Run, folder: Path) -> tuple[Any, str]:
    """model.py of a run's zip as a module, and its README."""
    builder.export(run.model(), run.document, folder / "model.zip", "zip")
    with zipfile.ZipFile(folder / "model.zip") as archive:
        archive.extractall(folder)
    spec = importlib.util.spec_from_file_location("exported_model", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, (folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))


def trained(document: builder.Document) -> trainers.Run:
    run = trainers.start(trainers.Job.from_document(document))
    assert run.wait(60) == "finished", run.progress().message
    return run


def test_a_forecast_of_several_columns_comes_out_in_its_own_unit(tmp_path: Path) -> None:
    data = {"name": "lorenz", "samples": 300, "window": 20, "horizon": 5}
    run = trained(chain(data, flatten=FLAT, fc=("Linear", {"out_features": 15})))
    found = predict(run)
    module, readme = unpacked(run, tmp_path)
    model = module.load(tmp_path / "model.safetensors")
    with torch.no_grad():
        predicted = module.postprocess(model(module.preprocess(torch.from_numpy(found.inputs[0]))))
    assert predicted.shape == found.targets.shape
    np.testing.assert_allclose(predicted.numpy(), found.predicted, rtol=1e-3, atol=1e-3)
    assert "postprocess(model(preprocess(part0)))" in readme and "scikit-learn" not in readme


def test_each_of_two_inputs_is_standardised_by_its_own_statistics(tmp_path: Path) -> None:
    layers = {"both": ("Concat", {}), "flatten": FLAT, "fc": ("Linear", {"out_features": 2})}
    run = trained(chain({"name": "digit_pairs", "samples": 300}, **layers))
    found = predict(run)
    module, readme = unpacked(run, tmp_path)
    model = module.load(tmp_path / "model.safetensors")
    one, two = (torch.from_numpy(given) for given in found.inputs)
    with torch.no_grad():
        scores = model(module.preprocess_part0(one), module.preprocess_part1(two))
    np.testing.assert_array_equal(scores.argmax(dim=1).numpy(), found.predicted)
    assert "model(preprocess_part0(part0), preprocess_part1(part1))" in readme
    assert "numpy, safetensors, scikit-learn and torch" in readme
