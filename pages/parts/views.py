"""The views that paradigms and tasks ask for by name. They are found by their decorators: no list here names any.

A view is a function with one of the decorators below. Its name is the name that a paradigm (`Paradigm.cards`, `panels`,
`forms`) or a task (`Task.sample_view`, `prediction_views`) gives. It is found in any file of the packages in PACKAGES.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import pages.parts.data
import pages.parts.paradigms
import pages.parts.predictions
from builder.registry import module_names

ViewKind = Literal["card", "panel", "form", "target", "samples", "prediction"]
PanelColumn = Literal["top", "left", "right", "whole"]
Draw = Callable[..., Any]
# Targets are drawn on the Build page too, which does not wait for the modules of the other views.
PACKAGES: dict[ViewKind, tuple[ModuleType, ...]] = {
    "target": (pages.parts.data,),
    **dict.fromkeys(
        ("card", "panel", "form", "samples", "prediction"), (pages.parts.predictions, pages.parts.paradigms)
    ),
}


@dataclass(frozen=True)
class View:
    """A decorated function: its kind, its name, and the column of the Inspect page for a panel."""

    kind: ViewKind
    name: str
    draw: Draw
    column: PanelColumn = "whole"


def card(draw: Draw) -> Draw:
    """Decorates a function `(live)` that draws a card beside the curves while a run trains; see `Paradigm.cards`."""
    return _marked("card", draw)


def panel(column: PanelColumn) -> Callable[[Draw], Draw]:
    """Decorates a function `(run, split)` that draws a panel of the Inspect page; see `Paradigm.panels`."""
    return lambda draw: _marked("panel", draw, column)


def form(draw: Draw) -> Draw:
    """Decorates a function `(session)` that draws a form below a paradigm's options; see `Paradigm.forms`."""
    return _marked("form", draw)


def target_view(draw: Draw) -> Draw:
    """Decorates a function `(dataset, sample, target, low, high) -> str` that gives a sample with its target as HTML.

    `low` and `high` are the smallest and largest value of the samples. A task whose targets are words has none; see
    `Task.sample_view`.
    """
    return _marked("target", draw)


def sample_view(draw: Draw) -> Draw:
    """Decorates a function `(run, found, key)` that draws samples with their predictions; see `Task.sample_view`."""
    return _marked("samples", draw)


def prediction_view(draw: Draw) -> Draw:
    """Decorates a function `(run, found)` that draws the predictions of a whole split; see `Task.prediction_views`."""
    return _marked("prediction", draw)


def _marked(kind: ViewKind, draw: Draw, column: PanelColumn = "whole") -> Draw:
    draw.view = View(kind, draw.__name__, draw, column)  # type: ignore[attr-defined]
    return draw


def chosen(kind: ViewKind, names: Iterable[str]) -> list[View]:
    """The views with these names, in this order. KeyError: there is none of that name."""
    return [all_views(kind)[name] for name in names]


def find(kind: ViewKind, name: str) -> View | None:
    """The view of that name, or None."""
    return all_views(kind).get(name)


@functools.cache
def all_views(kind: ViewKind) -> dict[str, View]:
    """Every view of a kind by its name. ValueError: two views of one kind have the same name."""
    found: dict[str, View] = {}
    for package in PACKAGES[kind]:
        for module in map(importlib.import_module, module_names(package)):
            for value in vars(module).values():
                view = getattr(value, "view", None)
                if not isinstance(view, View) or view.kind != kind:
                    continue
                if inspect.unwrap(value).__module__ != module.__name__:
                    continue  # imported from another module
                if found.setdefault(view.name, view) is not view:
                    raise ValueError(f"Two {kind} views are called {view.name!r}.")
    return found
