"""The palette: every layer of the catalogue by family, to drag onto the canvas, to click, or to search."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

import builder
from builder.catalogue import type_with_role
from builder.spec import FAMILIES
from pages.parts.document import actions, block_actions, block_path
from pages.parts.document.session import Session, widget
from pages.parts.theme import theme

KEY = "palette"

_palette = st.components.v2.component("netloom_palette", css=theme.sheet("palette.css"), js=theme.sheet("palette.js"))


def show(session: Session) -> None:
    with st.container(key="palette_frame"):
        _palette(
            key=KEY,
            height="stretch",
            data={
                "families": [*_blocks(session), *_families()],
                "total": len(builder.CATALOGUE) - 1,
                "theme": theme.kind(),
            },
            on_add_change=lambda: _on_add(session),
        )


@functools.cache
def _families() -> list[dict[str, Any]]:
    """The catalogue as the palette shows it; every text comes from the layers."""
    layers = {name: layer for name, layer in builder.CATALOGUE.items() if layer.role != "block"}
    return [
        {
            "label": family.label,
            "colour": family.colour,
            "colour_dark": family.colour_dark,
            "layers": [
                {
                    "type": name,
                    "label": layer.title(),
                    "sentence": layer.sentence(),
                    "search": [*layer.search, *layer.other_names()],
                }
                for name, layer in layers.items()
                if layer.family == key
            ],
        }
        for key, family in FAMILIES.items()
        if any(layer.family == key for layer in layers.values())
    ]


def _blocks(session: Session) -> list[dict[str, Any]]:
    """The blocks of the document as one more family, without those that contain the open block."""
    document, here = session.document, block_path.block_at(session.document, session.path)
    kind = type_with_role("block")
    family = FAMILIES[builder.CATALOGUE[kind].family]
    chips = []
    for name, block in document.blocks.items():
        if here is not None and here in block_path.nested_blocks(document, name):
            continue
        used = len(block_path.uses(document, name))
        count = sum(node.role not in ("input", "output") for node in block.nodes)
        what = block.description or f"A block of {count} layer{'s' * (count != 1)}"
        where = f"Used {used} time{'s' * (used > 1)}" if used else "Not used: × removes it"
        chips.append(
            {
                "type": kind,
                "block": name,
                "label": name,
                "sentence": f"{what.rstrip('.')}. {where}.",
                "search": ["block"],
                "unused": not used,
            }
        )
    shown = {"label": family.label, "colour": family.colour, "colour_dark": family.colour_dark, "layers": chips}
    return [shown] if chips else []


def _on_add(session: Session) -> None:
    event: Any = (widget(KEY) or {}).get("add")
    if not event:
        return
    position = (float(event["x"]), float(event["y"])) if "x" in event and "y" in event else None
    block = event.get("block")
    if event.get("remove"):
        block_actions.remove(session, str(block))
    elif block is not None:
        block_actions.use_block(session, str(block), position)
    else:
        actions.add(session, str(event.get("type")), position)
