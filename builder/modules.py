"""Modules that a compiled network needs besides torch's: functions as modules, and modules called by a template."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


@functools.lru_cache(maxsize=4096)
def template_function(template: str, inside: Any = None) -> Callable[..., Tensor]:
    """'{0}[:, 1:]' → a function of one tensor. With `inside`, the function to call for {module}, it is a method.

    Templates are written in the layer classes, with numbers filled in: text of a document never becomes part of one.
    """
    count = 1 + max(int(number) for number in re.findall(r"\{(\d+)\}", template))
    names = [f"x{number}" for number in range(count)]
    body = template.replace("{module}(", "inside(self, ").format(*names)
    arguments = names if inside is None else ["self", *names]
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "inside": inside}
    exec(f"def forward({', '.join(arguments)}):\n    return {body}\n", namespace)
    made: Callable[..., Tensor] = namespace["forward"]
    return made


@functools.cache
def with_template(kind: type[nn.Module], template: str) -> type[nn.Module]:
    """A subclass whose forward is the template, so that the node's module returns a single tensor."""
    forward = template_function(template, kind.forward)
    members = {"forward": forward, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), members)


class Apply(nn.Module):
    """A function as a module: every node of a network is a module, so that hooks and attribution find it by name."""

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


class Repeat(nn.Module):
    """One repeat of a block in a compiled network: holds the modules of its nodes; the network's forward calls them."""

    def __init__(self, block: str) -> None:
        super().__init__()
        self.__block__ = block  # a name that no node can have

    def extra_repr(self) -> str:
        return f"# {self.__block__}"
