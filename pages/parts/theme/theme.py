"""Colours and style sheets: one accent, one colour for each family, the same on every page and in the canvas."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import streamlit as st

from builder.spec import FAMILIES

ASSETS = Path(__file__).parents[3] / "assets"
ACCENT, ACCENT_DARK = "#4F46E5", "#818CF8"
# One for each network of a document, on light and on dark ground; none of them is a family's or the accent's.
NETWORK_COLOURS = (
    ("#0F766E", "#5EEAD4"), ("#BE185D", "#F9A8D4"), ("#A16207", "#FDE047"),
    ("#1D4ED8", "#93C5FD"), ("#3F6212", "#BEF264"), ("#7E22CE", "#D8B4FE"),
)  # fmt: skip
NODE_WIDTH, NODE_HEIGHT = 140, 60  # as in assets/canvas.css


def apply() -> None:
    """Put the pages' own style sheet on the page. It is our own file: no user's text is in it."""
    dark = sheet("dark.css") if kind() == "dark" else ""
    st.html(f"<style>{sheet('app.css')}{dark}</style>")


def kind() -> Literal["light", "dark"]:
    """Which theme the reader sees now."""
    return "dark" if st.context.theme.type == "dark" else "light"


def family_colour(family: str) -> str:
    """The family's colour for the theme that the reader sees now."""
    chosen = FAMILIES[family]
    return chosen.colour_dark if kind() == "dark" else chosen.colour


def network_colour(number: int) -> str:
    """The colour of a document's network for the theme that the reader sees now."""
    return NETWORK_COLOURS[number % len(NETWORK_COLOURS)][kind() == "dark"]


@functools.cache
def sheet(name: str) -> str:
    """The text of a file in assets/."""
    return (ASSETS / name).read_text(encoding="utf-8")


@functools.cache
def canvas_sheet() -> str:
    """The canvas's style sheet with a colour for each family, light and dark."""
    rules = [sheet("canvas.css")]
    for name, family in FAMILIES.items():
        rules.append(f".family-{name} {{ --family: {family.colour}; }}")
        rules.append(f":root[data-theme=dark] .family-{name} {{ --family: {family.colour_dark}; }}")
    for number, (light, dark) in enumerate(NETWORK_COLOURS):
        rules.append(f".network-{number} {{ --network: {light}; }}")
        rules.append(f":root[data-theme=dark] .network-{number} {{ --network: {dark}; }}")
    return "\n".join(rules)
