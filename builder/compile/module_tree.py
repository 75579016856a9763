"""Modules by dotted names as a tree, the forward that finds its way in it, and parameters that two modules share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builder.analysis.plan import Plan

if TYPE_CHECKING:
    from torch import nn


def tie(module: nn.Module, owner: nn.Module) -> None:
    """Give a module the parameters of another one, by their names: training moves both, and they are counted once."""
    for name, parameter in owner.named_parameters():
        place, _, last = name.rpartition(".")
        setattr(module.get_submodule(place), last, parameter)


def nested(modules: Mapping[str, nn.Module], plan: Plan) -> nn.Module:
    """Modules by dotted names as a tree: a block is a list of its repeats, as if it had been written by hand."""
    from torch import nn

    from builder.modules import Repeat

    root = nn.Module()
    places: dict[str, nn.Module] = {"": root}

    def place(name: str) -> nn.Module:
        if name not in places:
            before, _, last = name.rpartition(".")
            made = Repeat(plan.uses[name]) if name in plan.uses else nn.ModuleList()
            place(before).add_module(last, made)
            places[name] = made
        return places[name]

    for name, module in modules.items():
        before, _, last = name.rpartition(".")
        place(before).add_module(last, module)
    return root


def repeats_of(modules: Iterable[str]) -> dict[str, str]:
    """Each repeat of a block that has modules → a variable for it, no node's name; those around others first."""
    found: dict[str, str] = {}
    for name in modules:
        parts = name.split(".")
        for end in range(2, len(parts), 2):
            place = ".".join(parts[:end])
            found.setdefault(place, f"__{place.replace('.', '_')}_{len(found)}")
    return found


def looked_up_once(repeats: Mapping[str, str], body: list[str]) -> list[str]:
    """A generated forward that looks up each repeat of a block once, and not again for each of its layers.

    A look-up in a torch module costs about as much as a small part of calling one; by hand nobody writes
    `getattr(self.stage1, "0").conv1(x)` for every layer either.
    """
    head: list[str] = []
    written: dict[str, str] = {}
    for place, variable in repeats.items():
        around, _, number = place.rpartition(".")
        before, _, last = around.rpartition(".")
        head.append(f'{variable} = getattr({repeats[before] if before else "self"}.{last}, "{number}")\n')
        written[_as_fx_writes(place)] = variable
    found = re.compile(r'(?<== )(getattr\(.+?"\d+"\))(?=\.\w+\()')
    return [*head, found.sub(lambda match: written[match.group()], "".join(body))]


def _as_fx_writes(place: str) -> str:
    written = "self"
    for part in place.split("."):
        written = f'getattr({written}, "{part}")' if part.isdigit() else f"{written}.{part}"
    return written
