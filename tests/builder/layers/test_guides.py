"""docs/adding_a_layer.md works as it is: its files are saved beside ours, and its layers are built, run and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
import builder.layers
import builder.library
from builder.codegen import module_source
from builder.registry import discover
from builder.spec import LayerSpec
from tests import guides
from tests.builder.generated_code import compare, tidy


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of the guide, in folders that are part of the packages builder.layers and builder.library."""
    for path, source in guides.files("adding_a_layer.md").items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    for package in (builder.layers, builder.library):
        folder = str(tmp_path / package.__name__.replace(".", "/"))
        monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    found: dict[str, type[Any]] = discover(builder.layers, LayerSpec, lambda kind: kind.type_name())
    new = {name: layer for name, layer in found.items() if name not in builder.CATALOGUE}
    assert set(new) == {"PixelUnshuffle", "SqueezeExcitation"}
    for name, layer in new.items():
        monkeypatch.setitem(builder.CATALOGUE, name, layer)
    clear_caches()
    yield
    clear_caches()


def clear_caches() -> None:
    """The library's classes and names are looked up once per process."""
    module_source.library_modules.cache_clear()
    module_source.library_names.cache_clear()


def test_the_layers_of_the_guide_are_inferred_compiled_and_printed(saved: None, make: Any) -> None:
    document = make(
        ("image", "Input", {"shape": [3, 8, 6]}),
        ("unshuffle", "PixelUnshuffle"),
        ("gate", "SqueezeExcitation", {"reduction": 2}),
        ("y", "Output"),
        name="Guide",
    )
    assert not builder.check(document)
    assert builder.infer(document)["unshuffle"] == (12, 4, 3) and builder.infer(document)["y"] == (12, 4, 3)
    model = builder.compile(document)
    assert model.gate.fc1.out_features == 6  # type: ignore[union-attr]
    assert model(torch.randn(2, 3, 8, 6)).shape == (2, 12, 4, 3)
    source = compare(document)
    tidy(source)
    for line in ("nn.PixelUnshuffle(2)", "MIN_WIDTH = 4", "def bottleneck(", "SqueezeExcitation(12, reduction=2)"):
        assert line in source


def test_the_message_of_the_guide_has_a_fix(saved: None, make: Any) -> None:
    document = make(("image", "Input", {"shape": [3, 8, 7]}), ("unshuffle", "PixelUnshuffle"), ("y", "Output"))
    (problem,) = builder.check(document)
    assert problem.message == "reduces 8 × 7 by 2, which must divide height and width."
    assert problem.fix_label == "Set downscale_factor to 1"
    assert not builder.check(builder.apply_all(document, problem.fix or ()))


def test_texts_for_palette_and_form(saved: None) -> None:
    layer = builder.CATALOGUE["PixelUnshuffle"]
    assert layer.sentence() == "Reduces an image by rearranging pixels: pixels become channels."
    assert builder.CATALOGUE["SqueezeExcitation"].model_fields["reduction"].description
