"""Texts of one's own: some of each class, and how long they are."""

from __future__ import annotations

from typing import ClassVar

import streamlit as st

from pages.data_page.sections.base import SectionView
from pages.data_page.sections.columns import bars
from pages.data_page.shown import Shown
from pages.parts.theme.escaping import escape
from trainers.data.own.kinds.text.report import TextClass, TextExamples


class TextExamplesView(SectionView):
    """A histogram of the lengths, and the beginnings of some texts of each class."""

    section: ClassVar[type[TextExamples]] = TextExamples

    def draw(self, shown: Shown, section: TextExamples) -> None:
        st.html(f'<div class="nl-panel-title">{escape(section.title)}</div>')
        if section.lengths:
            shown_bars = bars((f"{low:,} to {high:,} tokens", count) for low, high, count in section.lengths)
            longest = f"{section.lengths[-1][1]:,}"
            cut = f"; {section.cut:,} are longer than a sample, and cut" if section.cut else ""
            first = f"{section.lengths[0][0]:,}"
            st.html(f'<div class="nl-note">Lengths: {first} to {longest} tokens{cut}</div>{shown_bars}')
        st.html(f'<div class="nl-texts nl-all">{"".join(map(_of_class, section.classes))}</div>')


def _of_class(found: TextClass) -> str:
    head = f'<div class="nl-label"><b>{escape(found.label)}</b> {found.count:,} texts</div>' if found.label else ""
    texts = "".join(f'<p class="nl-note">{escape(text)} …</p>' for text in found.examples)
    return f"<div>{head}{texts}</div>"
