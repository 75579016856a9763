"""Generated code in tests: executed and compared with the compiled module, and checked with ruff."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import builder
from builder.codegen.classes import class_names
from builder.document import Document

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def samples(made: Document, network: str, seed: int = 0) -> list[torch.Tensor]:
    """A batch of three random samples for every Input node of a network."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for item in made.nodes:
        if item.spec.role == "input" and item.network == network:
            shape = (3, *item.spec.shape)
            whole = item.spec.dtype == "int"
            found.append(
                torch.randint(0, 5, shape, generator=generator) if whole else torch.randn(shape, generator=generator)
            )
    return found


def compare(made: Document) -> str:
    """Execute the document's code and compare every network with the compiled one. Returns the source."""
    source = builder.to_python(made)
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), namespace)
    for network, name in class_names(made).items():
        compiled, written = builder.compile(made, network).eval(), namespace[name]().eval()
        assert list(written.state_dict()) == list(compiled.state_dict())
        written.load_state_dict(compiled.state_dict())
        inputs = samples(made, network)
        expected, got = compiled(*inputs), written(*inputs)
        if isinstance(expected, dict):
            assert list(got) == list(expected)
        else:
            expected, got = {"": expected}, {"": got}
        for key, value in expected.items():
            torch.testing.assert_close(got[key], value, rtol=1e-6, atol=1e-6, equal_nan=True)
    return source


def tidy(source: str) -> None:
    """ruff has nothing to format at line length 120 and no complaint by its default rules."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--line-length", "120", "--diff"], ["check"]):
        result = subprocess.run(
            [*ruff, *command, "--isolated", "-"], input=source, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
