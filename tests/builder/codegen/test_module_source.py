"""Modules of the library are printed with the functions, classes, constants and imports of their file that they use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
import builder.layers
import builder.library
from builder.codegen import module_source
from builder.codegen.module_source import library_names, library_source, merged_imports, source_of
from builder.document import Document
from builder.registry import discover
from builder.spec import LayerSpec
from tests.builder.generated_code import compare, tidy

LIBRARY = '''"""A toy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

# how fast the waves get shorter
BASE = 10.0
DEPTH: int = 3
UNUSED = 7


def frequencies(count: int) -> Iterator[float]:
    """Falling powers of the base."""
    for number in range(count):
        yield math.pow(BASE, -number)


def unused(values: Sequence[float]) -> float:
    return values[0] + UNUSED


class Wave(nn.Module):
    """One wave."""

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.frequency = frequency

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.frequency * x)


class ToyWaves(nn.Module):
    """Adds waves to its input."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.waves = nn.ModuleList([Wave(frequency) for frequency in frequencies(DEPTH)])

    def forward(self, x: Tensor) -> Tensor:
        for wave in self.waves:
            x = x + self.gain * wave(x)
        return x
'''

LAYER = '''"""A toy."""

from pydantic import Field

from builder.spec import LayerSpec


class ToyWaves(LayerSpec):
    """Adds waves to its input."""

    family = "regularisation"
    target = "builder.library.toy_waves.ToyWaves"
    keeps_shape = True

    gain: float = Field(1.0, description="The factor of the waves.")
'''


def clear_caches() -> None:
    for function in (module_source.library_modules, module_source.library_names):
        function.cache_clear()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A layer and its module, in two more folders of builder.layers and builder.library."""
    for package, text in ((builder.layers, LAYER), (builder.library, LIBRARY)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / "toy_waves.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    clear_caches()
    layers: dict[str, type[Any]] = discover(builder.layers, LayerSpec, lambda kind: kind.type_name())
    monkeypatch.setitem(builder.CATALOGUE, "ToyWaves", layers["ToyWaves"])
    yield
    clear_caches()


def document(make: Any) -> Document:
    made: Document = make(
        ("x", "Input", {"shape": [4]}), ("waves", "ToyWaves", {"gain": 0.5}), ("y", "Output"), name="Waves"
    )
    return made


def test_helpers_and_constants_are_printed_with_a_module(toy: None, make: Any) -> None:
    source = compare(document(make))
    tidy(source)
    head, _, classes = source.partition("class ToyWaves")
    assert "import math\nfrom collections.abc import Iterator\n\nimport torch\nfrom torch import Tensor, nn\n" in head
    assert "# how fast the waves get shorter\nBASE = 10.0\nDEPTH: int = 3\n\n\ndef frequencies(" in head
    assert "class Wave(nn.Module):" in head and "class Waves(nn.Module):" in classes
    assert "UNUSED" not in source and "unused" not in source and "Sequence" not in source
    model = builder.compile(document(make))
    assert not torch.equal(model(torch.ones(1, 4)), torch.ones(1, 4))


def test_a_generated_class_does_not_take_a_name_of_the_library(toy: None, make: Any) -> None:
    assert {"BASE", "frequencies", "Wave", "ToyWaves"} <= library_names()
    named = document(make).changed(name="Wave")
    assert "class WaveNetwork(nn.Module):" in compare(named)


def test_names_of_the_library_are_unique(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_caches()
    (tmp_path / "toy_twice.py").write_text("def denoise():\n    pass\n")
    monkeypatch.setattr(builder.library, "__path__", [*builder.library.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="both define denoise"):
        library_names()
    clear_caches()


def test_the_library_does_not_depend_on_netloom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_caches()
    (tmp_path / "toy_netloom.py").write_text("from builder.shapes import show\n")
    monkeypatch.setattr(builder.library, "__path__", [*builder.library.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"must not depend on Netloom: from builder\.shapes import show"):
        library_names()
    clear_caches()


def test_functions_are_printed_too() -> None:
    from builder.library.diffusion import denoise, signal_share

    imports, lines = source_of([signal_share, denoise])
    assert imports == ["import math", "from collections.abc import Callable, Iterator"]
    assert "\n".join(lines).strip() == f"{inspect.getsource(signal_share)}\n\n{inspect.getsource(denoise)}".strip()


def test_code_without_a_module_of_the_library_prints_nothing() -> None:
    assert library_source(["        self.fc = nn.Linear(4, 2)"]) == ([], [])


def test_imports_are_merged() -> None:
    lines = ["from a import z", "import os", "from a import x, y", "import os", "import numpy as np"]
    assert merged_imports(lines) == ["import numpy as np", "import os", "from a import x, y, z"]
