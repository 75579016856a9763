"""The palette: every layer of the catalogue by family, to drag onto the canvas, to click, or to find by its words."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

import builder
from builder.spec import FAMILIES
from pages.parts import actions, theme
from pages.parts.session import Session, widget

KEY = "palette"

_palette = st.components.v2.component("netloom_palette", css=theme.sheet("palette.css"), js=theme.sheet("palette.js"))


def show(session: Session) -> None:
    with st.container(key="palette_frame"):
        _palette(
            key=KEY,
            height="stretch",
            data={"families": _families(), "total": len(builder.CATALOGUE), "theme": theme.kind()},
            on_add_change=lambda: _add(session),
        )


@functools.cache
def _families() -> list[dict[str, Any]]:
    """The catalogue as the palette shows it. Nothing here is written by hand: each layer says it of itself."""
    return [
        {
            "label": family.label,
            "colour": family.colour,
            "colour_dark": family.colour_dark,
            "layers": [
                {"type": name, "label": layer.title(), "sentence": layer.sentence(), "search": list(layer.search)}
                for name, layer in builder.CATALOGUE.items()
                if layer.family == key
            ],
        }
        for key, family in FAMILIES.items()
        if any(layer.family == key for layer in builder.CATALOGUE.values())
    ]


def _add(session: Session) -> None:
    added: Any = (widget(KEY) or {}).get("add")
    if not added:
        return
    place = (float(added["x"]), float(added["y"])) if "x" in added and "y" in added else None
    actions.add(session, str(added.get("type")), place)
