"""What a view of a report's section is."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import streamlit as st

from builder.registry import discover
from pages.data_page import sections as sections_folder
from pages.data_page.shown import Shown
from pages.parts.theme.escaping import escape
from trainers.data.own.report import Section


class SectionView:
    """Draws one subclass of Section. Each is a class in a file of this folder; nothing else names it."""

    section: ClassVar[type[Section]]

    def draw(self, shown: Shown, section: Any) -> None:
        """Draw it below the warnings, in a panel of its own."""
        raise TypeError(f"{type(self).__name__} must draw itself.")


@functools.cache
def views() -> dict[str, SectionView]:
    """One view of each kind of section, by the name of the section's class."""
    found = discover(sections_folder, SectionView, lambda view: view.section.__name__)
    return {name: view() for name, view in found.items()}


def draw(shown: Shown, section: Section) -> None:
    """Draw a section with its view; without one, its lines."""
    view = views().get(type(section).__name__)
    if view is not None:
        view.draw(shown, section)
        return
    rows = "".join(f"<li>{escape(line.strip())}</li>" for line in section.lines())
    st.html(f'<div class="nl-panel-title">{escape(section.title)}</div><ul class="nl-lines">{rows}</ul>')
