"""model.py of a Bayesian network predicts with the same uncertainty as Netloom, in a process with only torch; exports
of an ensemble contain all of its members."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
from builder.document import Document
from builder.exports.export import export
from builder.exports.formats.python import model_source
from builder.exports.formats.safetensors import write_weights
from builder.exports.subject import subject
from builder.library.ensemble import Ensemble
from tests.builder.generated_code import tidy
from trainers.paradigms.bayesian.evaluation import predictive_distribution
from trainers.paradigms.bayesian.stochastic_passes import stochastic_passes

EXPECTS = {"classification": "logits", "regression": "values"}


def network(make: Any, method: str, outputs: int = 3) -> Document:
    kind = "BayesianLinear" if method == "weights" else "Linear"
    middle = [("drop", "Dropout", {"p": 0.4})] if method == "dropout" else []
    return make(
        ("x", "Input", {"shape": [4]}),
        ("norm", "BatchNorm1d"),
        ("fc1", kind, {"out_features": 8}),
        ("bend", "ReLU"),
        *middle,
        ("fc2", kind, {"out_features": outputs}),
        ("y", "Output"),
        name="Sure",
    )


def model(document: Document, method: str, task: str = "classification") -> Any:
    made = [builder.compile(document).eval() for _ in range(3 if method == "ensemble" else 1)]
    whole: Any = Ensemble(made, EXPECTS[task]).eval() if method == "ensemble" else made[0]
    figures = {"mean": [0.5] * 4, "std": [2.0] * 4}
    whole.card = {
        "inputs": [figures],
        "task": task,
        "scores": {},
        "uncertainty": {"method": method, "samples": 30, "expects": EXPECTS},
    }
    if task == "regression":
        whole.card |= {"targets": {"mean": [10.0], "std": [5.0]}, "target_shape": [1]}
    return whole


def exported_predictions(folder: Path, trained: Any, document: Document, x: torch.Tensor, count: int) -> dict[str, Any]:
    """The result of model.py for these samples, written like an export."""
    what = subject(trained, document)
    write_weights(what, folder / "model.safetensors")
    (folder / "model.py").write_text(model_source(what), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exported_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.load(folder / "model.safetensors")
    given = module.preprocess(x)
    tidy((folder / "model.py").read_text(encoding="utf-8"))
    found: dict[str, Any] = module.predict_with_uncertainty(made, given, samples=count)._asdict()
    assert not any(part.training for part in made.modules())
    return found


@pytest.mark.parametrize("method", ["dropout", "ensemble", "weights"])
def test_classes(make: Any, tmp_path: Path, method: str) -> None:
    torch.manual_seed(0)
    document = network(make, method)
    trained = model(document, method)
    x = torch.randn(6, 4)
    found = exported_predictions(tmp_path, trained, document, x, 500)
    assert list(found) == ["mean", "std", "entropy", "mutual_information"]
    own = predictive_distribution(stochastic_passes(trained, document, ((x - 0.5) / 2,), 500).softmax(dim=-1).numpy())
    near = 1e-5 if method == "ensemble" else 0.06
    for name, value in (("mean", own.mean), ("std", own.std), ("entropy", own.entropy)):
        torch.testing.assert_close(found[name].float(), torch.from_numpy(value).float(), atol=near, rtol=near)
    wanted = torch.from_numpy(own.mutual_information).float()
    torch.testing.assert_close(found["mutual_information"].float(), wanted, atol=near, rtol=near)
    assert float(found["std"].max()) > 0.001


@pytest.mark.parametrize("method", ["dropout", "ensemble"])
def test_numbers_are_in_the_unit_of_the_data_set(make: Any, tmp_path: Path, method: str) -> None:
    torch.manual_seed(0)
    document = network(make, method, outputs=1)
    trained = model(document, method, "regression")
    x = torch.randn(5, 4)
    found = exported_predictions(tmp_path, trained, document, x, 500)
    assert list(found) == ["mean", "std"]
    own = stochastic_passes(trained, document, ((x - 0.5) / 2,), 500) * 5 + 10
    near = 1e-4 if method == "ensemble" else 0.4
    torch.testing.assert_close(found["mean"].float(), own.mean(dim=0), atol=near, rtol=0.01)
    torch.testing.assert_close(found["std"].float(), own.std(dim=0, correction=0), atol=near, rtol=0.12)


def test_one_number_for_two_classes(make: Any, tmp_path: Path) -> None:
    document = network(make, "ensemble", outputs=1)
    trained = model(document, "ensemble")
    x = torch.randn(5, 4)
    found = exported_predictions(tmp_path, trained, document, x, 2)
    with torch.no_grad():
        yes = trained((x - 0.5) / 2).sigmoid()[:, 0]
    torch.testing.assert_close(found["mean"][:, 1].float(), yes, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("warm_converter")
def test_an_ensemble_in_one_zip(make: Any, tmp_path: Path) -> None:
    import zipfile

    document = network(make, "ensemble")
    done = export(model(document, "ensemble"), document, tmp_path / "model.zip", "zip")
    assert "model.onnx" in done.checked
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        archive.extractall(tmp_path)
        text = archive.read("README.md").decode()
        assert "in each of the 3 members" in text
        assert "predict_with_uncertainty" in text
    script = "import model, torch; print(len(model.predict_with_uncertainty(model.load(), torch.zeros(5, 4)).entropy))"
    done_there = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=tmp_path, capture_output=True)
    assert done_there.stdout.strip() == b"5", done_there.stderr


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.slow
def test_an_ensemble_of_two_inputs_in_onnx(make: Any, tmp_path: Path) -> None:
    document = make(
        ("a", "Input", {"shape": [4]}),
        ("b", "Input", {"shape": [4]}),
        ("both", "Add"),
        ("fc", "Linear", {"out_features": 3}),
        ("y", "Output"),
        edges="a > both, b > both, both > fc, fc > y",
    )
    trained = model(document, "ensemble")
    assert export(trained, document, tmp_path / "model.onnx", "onnx").difference < 1e-4


def test_a_member_alone_has_no_such_function(make: Any) -> None:
    document = network(make, "ensemble")
    trained = model(document, "ensemble")
    alone = trained.members[0]
    alone.card = trained.card
    text = model_source(subject(alone, document))
    assert "predict_with_uncertainty" not in text
    assert "class Ensemble" not in text
