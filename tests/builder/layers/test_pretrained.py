"""Networks of torchvision as a node, tested with a small replacement of torchvision, so that it is not needed."""

from __future__ import annotations

import sys
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import builder
from builder.document import Document
from builder.problems import GraphError

Make = Callable[..., Document]
asked: list[Any] = []


class Small(nn.Module):
    """Replaces resnet18: the same names of modules, 512 features, 32 times smaller, and a head that is removed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=8, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.layer4 = nn.Conv2d(4, 512, 3, stride=4, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 10)


def get_model(name: str, weights: str | None = None) -> nn.Module:
    asked.append((name, weights))
    return Small()


@pytest.fixture
def vision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A torchvision of one network, and the folder of weights."""
    package, models = types.ModuleType("torchvision"), types.ModuleType("torchvision.models")
    models.get_model = get_model  # type: ignore[attr-defined]
    package.models = models  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(sys.modules["builder.analysis.infer"], "_cache", OrderedDict())
    (tmp_path / "weights").mkdir()
    asked.clear()
    yield tmp_path / "weights"


def network(make: Make, shape: tuple[int, ...] = (3, 64, 96), **params: Any) -> Document:
    return make(("image", "Input", {"shape": shape}), ("seen", "PretrainedFeatures", params), ("end", "Output"))


@pytest.mark.parametrize("error", [ImportError, RuntimeError, OSError])
def test_without_torchvision_a_problem_says_how_to_get_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Also if it is installed but broken, which raises a RuntimeError."""

    class Broken:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name.partition(".")[0] == "torchvision":
                raise error("operator torchvision::nms does not exist")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    document = network(make)
    (problem,) = builder.check(document)
    assert problem.node == "seen" and "pip install" in problem.message and error.__name__ in problem.message
    assert builder.infer(document)["seen"] == (512,)
    with pytest.raises(GraphError):
        builder.compile(document)


def test_its_shapes_are_known_from_a_table(make: Make) -> None:
    for name, width in (("resnet18", 512), ("resnet50", 2048), ("mobilenet_v3_small", 576), ("efficientnet_b0", 1280)):
        assert builder.infer(network(make, network=name))["seen"] == (width,)
        assert builder.infer(network(make, (1, 70, 28), network=name, output="map"))["seen"] == (width, 3, 1)
    assert builder.infer(network(make, (1, 70, 40), network="vgg16", output="map"))["seen"] == (512, 2, 1)


def test_it_runs_and_its_code_is_the_same(make: Make, vision: Path) -> None:
    for params in ({}, {"output": "map"}):
        document = network(make, (1, 64, 96), **params)
        assert not builder.check(document)
        torch.manual_seed(0)
        model = builder.compile(document).eval()
        names = list(model.state_dict())
        assert names[0] == "seen.backbone.conv1.weight" and not any("fc" in name for name in names)
        x = torch.randn(2, 1, 64, 96)
        assert tuple(model(x).shape[1:]) == builder.infer(document)["seen"]
        namespace: dict[str, Any] = {"__name__": "model"}
        exec(compile(builder.to_python(document), "model.py", "exec"), namespace)
        torch.manual_seed(0)
        written = namespace["UntitledNetwork"]().eval()
        torch.testing.assert_close(written(x), model(x), rtol=0, atol=0)
        row = builder.summary(document).set_index("node").loc["seen"]
        assert row["parameters"] == sum(item.numel() for item in model.parameters()) and row["flops"] > 0
    assert all(weights is None for _, weights in asked)


def test_torchvisions_own_weights_are_asked_for_only_by_name(make: Make, vision: Path) -> None:
    document = network(make, weights="default")
    builder.check(document), builder.infer(document), builder.summary(document)
    assert {weights for _, weights in asked} == {None}, "looking at a document downloads nothing"
    builder.compile(document)
    assert asked[-1] == ("resnet18", "DEFAULT")


def test_weights_come_from_a_file(make: Make, vision: Path) -> None:
    document = network(make, weights_file="mine.safetensors")
    (problem,) = builder.check(document)
    assert "mine.safetensors" in problem.message and "no file" in problem.message
    torch.manual_seed(7)
    saved: dict[str, Tensor] = Small().state_dict()
    save_file(saved, vision / "mine.safetensors")
    assert not builder.check(document)
    state = builder.compile(document).state_dict()
    assert torch.equal(state["seen.backbone.layer4.weight"], saved["layer4.weight"])


def test_weights_that_do_not_fit_are_named(make: Make, vision: Path) -> None:
    document = network(make, weights_file="other.safetensors")
    save_file({"conv1.weight": torch.zeros(4, 3, 5, 5)}, vision / "other.safetensors")
    (problem,) = builder.check(document)
    assert "conv1.weight (4 × 3 × 5 × 5)" in problem.message and "layer4.weight (missing)" in problem.message
    (vision / "other.safetensors").write_bytes(b"PK\x03\x04 nothing of the kind")
    (problem,) = builder.check(document)
    assert "no safetensors file" in problem.message


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/etc/x.safetensors", "x.pt", ".x.safetensors", "a/b.safetensors"]
)
def test_a_file_is_named_by_its_plain_name(make: Make, name: str) -> None:
    with pytest.raises(Exception, match="weights_file"):
        network(make, weights_file=name)


def test_other_pictures_are_refused_with_a_fix(make: Make, vision: Path) -> None:
    for shape, params, words in (((8, 64, 64), {}, "8 channels"), ((3, 28, 28), {"network": "vgg16"}, "28 × 28")):
        document = network(make, shape, **params)
        (problem,) = builder.check(document)
        assert words in problem.message and problem.fix
        for edit in problem.fix:
            document = edit.apply(document)
        assert not builder.check(document)


def test_a_model_without_its_first_file_warns_and_keeps_what_it_is_given(make: Make, vision: Path) -> None:
    from builder.library.pretrained import PretrainedFeatures

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PretrainedFeatures("resnet18", weights_file="gone.safetensors")
    assert "random until others are loaded" in str(caught[0].message)
