"""The torch side of a Call: resolving its target and wrapping functions as modules."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


@functools.cache
def resolve(target: str) -> Any:
    """'torch.nn.Conv2d' → the class. Targets come from the layer classes, never from a document."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


class Apply(nn.Module):
    """A function as a module, so that every node of a network is one module: hooks and attribution find it by name."""

    def __init__(self, function: Callable[..., Tensor], style: str, kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.function = function
        self.style = style
        self.kwargs = kwargs

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.style == "fold":
            return functools.reduce(self.function, inputs)
        if self.style == "list":
            return self.function(inputs, **self.kwargs)
        return self.function(*inputs, **self.kwargs)

    def extra_repr(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.kwargs.items())
        return f"{self.function.__name__}{settings}"
