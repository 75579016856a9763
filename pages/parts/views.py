"""The views that a paradigm or a task asks for by name: cards, panels and forms, found by themselves.

A view is a function with one of the decorators below, in a file of pages/parts/predictions or pages/parts/paradigms.
A paradigm names the views that it wants (`Paradigm.cards`, `panels`, `forms`); no list here names any of them.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import pages.parts.paradigms
import pages.parts.predictions
from builder.registry import module_names

Kind = Literal["card", "panel", "form"]
Position = Literal["top", "left", "right", "whole"]
Draw = Callable[..., Any]
PACKAGES: tuple[ModuleType, ...] = (pages.parts.predictions, pages.parts.paradigms)


@dataclass(frozen=True)
class View:
    """What a decorated function is: its kind, its name, and for a panel its position on the Inspect page."""

    kind: Kind
    name: str
    draw: Draw
    position: Position = "whole"


def card(draw: Draw) -> Draw:
    """Marks a function `(live)` that draws a card beside the curves while a run trains; see `Paradigm.cards`."""
    return _marked("card", draw)


def panel(position: Position) -> Callable[[Draw], Draw]:
    """Marks a function `(run, split)` that draws a panel of the Inspect page; see `Paradigm.panels`."""
    return lambda draw: _marked("panel", draw, position)


def form(draw: Draw) -> Draw:
    """Marks a function `(session)` that draws what stands below a paradigm's options; see `Paradigm.forms`."""
    return _marked("form", draw)


def _marked(kind: Kind, draw: Draw, position: Position = "whole") -> Draw:
    draw.view = View(kind, draw.__name__, draw, position)  # type: ignore[attr-defined]
    return draw


def chosen(kind: Kind, names: tuple[str, ...]) -> list[View]:
    """The views with these names, in this order. KeyError: there is none of that name."""
    return [_all()[kind, name] for name in names]


@functools.cache
def _all() -> dict[tuple[Kind, str], View]:
    """Every view by kind and name. ValueError: two views of one kind have the same name."""
    found: dict[tuple[Kind, str], View] = {}
    for package in PACKAGES:
        for module in map(importlib.import_module, module_names(package)):
            for value in vars(module).values():
                view = getattr(value, "view", None)
                if not isinstance(view, View) or inspect.unwrap(value).__module__ != module.__name__:
                    continue
                if found.setdefault((view.kind, view.name), view) is not view:
                    raise ValueError(f"Two {view.kind}s are called {view.name!r}.")
    return found
