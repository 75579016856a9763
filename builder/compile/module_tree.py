"""The tree of a compiled network's modules, the generated forward's access to it, and shared parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builder.analysis.plan import Plan

if TYPE_CHECKING:
    from torch import nn


def tie(module: nn.Module, owner: nn.Module) -> None:
    """Replace a module's parameters by those of another module with the same names, so that both share them."""
    for name, parameter in owner.named_parameters():
        submodule, _, last = name.rpartition(".")
        setattr(module.get_submodule(submodule), last, parameter)


def module_tree(modules: Mapping[str, nn.Module], plan: Plan) -> nn.Module:
    """Modules by dotted names as a tree: a block is a ModuleList of its repeats, as in code written by hand."""
    from torch import nn

    from builder.modules import Repeat

    root = nn.Module()
    found: dict[str, nn.Module] = {"": root}

    def parent(name: str) -> nn.Module:
        if name not in found:
            outer, _, last = name.rpartition(".")
            made = Repeat(plan.uses[name]) if name in plan.uses else nn.ModuleList()
            parent(outer).add_module(last, made)
            found[name] = made
        return found[name]

    for name, module in modules.items():
        outer, _, last = name.rpartition(".")
        parent(outer).add_module(last, module)
    return root


def repeat_variables(modules: Iterable[str]) -> dict[str, str]:
    """Each repeat of a block that has modules → a variable for it that is no node's name; outer repeats first."""
    found: dict[str, str] = {}
    for name in modules:
        parts = name.split(".")
        for end in range(2, len(parts), 2):
            repeat = ".".join(parts[:end])
            found.setdefault(repeat, f"__{repeat.replace('.', '_')}_{len(found)}")
    return found


def use_repeat_variables(repeats: Mapping[str, str], body: list[str]) -> list[str]:
    """The generated forward with a variable for each repeat of a block, so that it is looked up only once.

    An attribute look-up in a torch module takes about as long as a small part of calling one, and fx writes
    `getattr(self.stage1, "0").conv1(x)` for every layer.
    """
    head: list[str] = []
    variables: dict[str, str] = {}
    for repeat, variable in repeats.items():
        block, _, number = repeat.rpartition(".")
        outer, _, last = block.rpartition(".")
        head.append(f'{variable} = getattr({repeats[outer] if outer else "self"}.{last}, "{number}")\n')
        variables[_fx_expression(repeat)] = variable
    found = re.compile(r'(?<== )(getattr\(.+?"\d+"\))(?=\.\w+\()')
    return [*head, found.sub(lambda match: variables[match.group()], "".join(body))]


def _fx_expression(path: str) -> str:
    """The code that torch.fx writes for a dotted path."""
    code = "self"
    for part in path.split("."):
        code = f'getattr({code}, "{part}")' if part.isdigit() else f"{code}.{part}"
    return code
