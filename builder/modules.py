"""The torch side of a Call: resolving its target, wrapping functions as modules, and modules called by a template."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


@functools.cache
def resolve(target: str) -> Any:
    """'torch.nn.Conv2d' → the class. Targets come from the layer classes, never from a document."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


@functools.lru_cache(maxsize=4096)
def evaluated(template: str, inside: Any = None) -> Callable[..., Tensor]:
    """'{0}[:, 1:]' → a function of one tensor. With `inside`, the function that {module} stands for, it is a method.

    A template is written by a layer class, with numbers filled in: text of a document never gets into it.
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
def used(kind: type[nn.Module], template: str) -> type[nn.Module]:
    """A subclass whose forward is the template, so that the node's module returns the node's one tensor."""
    members = {"forward": evaluated(template, kind.forward), "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), members)


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


class Repeat(nn.Module):
    """One repeat of a block in a compiled network: holds the modules of its nodes; the network's forward calls them."""

    def __init__(self, block: str) -> None:
        super().__init__()
        self.__block__ = block  # no node can be called so

    def extra_repr(self) -> str:
        return f"# {self.__block__}"
