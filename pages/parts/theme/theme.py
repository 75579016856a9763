"""Colours and style sheets: one accent, one colour for each family, the same on every page and in the canvas."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from builder.spec import FAMILIES

Kind = Literal["light", "dark"]
ASSETS = Path(__file__).parents[3] / "assets"
ACCENT, ACCENT_DARK = "#4F46E5", "#818CF8"
# One for each network of a document, in the light and the dark theme; none is a family's colour or the accent.
NETWORK_COLOURS = (
    ("#0F766E", "#5EEAD4"),
    ("#BE185D", "#F9A8D4"),
    ("#A16207", "#FDE047"),
    ("#1D4ED8", "#93C5FD"),
    ("#3F6212", "#BEF264"),
    ("#7E22CE", "#D8B4FE"),
)
# One for each class, in samples and charts: distinguishable with any kind of colour vision (Okabe and Ito).
CLASS_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7C3AED",
    "#8A8D00",
    "#8C564B",
    "#5B6472",
)
NODE_WIDTH, NODE_HEIGHT = 140, 60  # as in assets/canvas.css

_drawn_for: ContextVar[Kind | None] = ContextVar("drawn_for", default=None)


def apply(pages: Sequence[str]) -> None:
    """Put the style sheet and the script of all pages on the page. Both are our own files: no user's text is in them.

    `pages` are the pages' addresses below the root, the root itself as "".
    """
    dark = sheet("dark.css") if kind() == "dark" else ""
    st.html(f"<style>{sheet('app.css')}{dark}</style>")
    data = {"paths": list(pages), "theme": kind()}
    _page_script()(key="page_script", height="content", data=data, on_theme_change=lambda: None)


@functools.cache
def _page_script() -> Callable[..., Any]:
    """The component without anything to see that runs page.js; declared when the first page is drawn."""
    return st.components.v2.component("netloom_page", js=sheet("page.js"))


def kind() -> Kind:
    """Which theme is in use."""
    return _drawn_for.get() or ("dark" if st.context.theme.type == "dark" else "light")


@contextlib.contextmanager
def drawn_for(theme: Kind) -> Iterator[None]:
    """Inside its `with` block, everything is drawn in this theme: for drawings that no tab makes for itself."""
    token = _drawn_for.set(theme)
    try:
        yield
    finally:
        _drawn_for.reset(token)


def family_colour(family: str) -> str:
    """The colour of a family of layers in the theme in use."""
    chosen = FAMILIES[family]
    return chosen.colour_dark if kind() == "dark" else chosen.colour


def network_colour(number: int) -> str:
    """The colour of a network of the document in the theme in use."""
    return NETWORK_COLOURS[number % len(NETWORK_COLOURS)][kind() == "dark"]


def class_colour(number: int) -> str:
    """The colour of a class, or of anything else that is numbered from 0."""
    return CLASS_COLOURS[number % len(CLASS_COLOURS)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour such as "#4F46E5", from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@functools.cache
def sheet(name: str) -> str:
    """The text of a file in assets/."""
    return (ASSETS / name).read_text(encoding="utf-8")


@functools.cache
def canvas_sheet() -> str:
    """The style sheet of the canvas with a colour for each family and network, light and dark."""
    rules = [sheet("canvas.css")]
    for name, family in FAMILIES.items():
        rules.append(f".family-{name} {{ --family: {family.colour}; }}")
        rules.append(f":root[data-theme=dark] .family-{name} {{ --family: {family.colour_dark}; }}")
    for number, (light, dark) in enumerate(NETWORK_COLOURS):
        rules.append(f".network-{number} {{ --network: {light}; }}")
        rules.append(f":root[data-theme=dark] .network-{number} {{ --network: {dark}; }}")
    return "\n".join(rules)
