"""Names of nodes: names of torch's own attributes are reserved, all others work everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import fx, nn

import builder
from builder.document import Document
from builder.document.model import RESERVED, name_complaint


def generated_names() -> set[str]:
    """Attributes that torch has on a module and on a graph module, public and private."""
    made = fx.GraphModule(nn.Module(), fx.Graph())
    return {name for kind in (nn.Module(), made) for name in dir(kind) if not name.startswith("__")}


def test_reserved_names_are_torchs_own_and_those_of_generated_code() -> None:
    assert generated_names() <= RESERVED, "torch has new attributes: reserve them"
    ours = {"self", "torch", "nn", "card", "type"}
    for name in sorted(ours):
        assert name in RESERVED
    for name in sorted(RESERVED):
        assert name_complaint(name), name


@pytest.mark.parametrize(
    "name", ["conv1", "_", "a" * 64, "x", "input", "print", "list", "Tensor", "len", "main", "relu_1", "match", "case"]
)
def test_other_names_are_free(name: str, make: Callable[..., Document]) -> None:
    """A network with such a name can be compiled and printed."""
    import torch

    document = make(("data0", "Input", {"shape": [4]}), (name, "Linear", {"out_features": 2}), ("end", "Output"))
    model = builder.compile(document)
    assert list(model.state_dict()) == [f"{name}.weight", f"{name}.bias"]
    namespace: dict[str, Any] = {}
    exec(builder.to_python(document), namespace)
    assert model(torch.zeros(2, 4)).shape == (2, 2)


def test_the_complaint_about_a_name_suggests_one_that_is_free() -> None:
    for name in sorted(RESERVED):
        suggested = (name_complaint(name) or "").rsplit(" ", 1)[-1].rstrip(".")
        assert name_complaint(suggested) is None, (name, suggested)
