"""A series of one's own: its columns over time, and what each is for."""

from __future__ import annotations

from typing import ClassVar

import streamlit as st

from pages.data_page.sections.base import SectionView
from pages.data_page.shown import Shown
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from trainers.data.own.kinds.series.report import Curve, Curves, SeriesColumns

ROLE_WORDS = {
    "target": "forecast",
    "input": "seen by the network",
    "known": "known in advance",
    "time": "says when",
    "ignored": "ignored",
}


class CurvesView(SectionView):
    """A chart for each column, below one another, so that each has a scale of its own."""

    section: ClassVar[type[Curves]] = Curves

    def draw(self, shown: Shown, section: Curves) -> None:
        st.html(f'<div class="nl-panel-title">{escape(section.title)}</div>')
        for place, curve in enumerate(section.curves):
            role = ROLE_WORDS.get(curve.role, curve.role)
            st.html(f'<div class="nl-note"><b>{escape(curve.name)}</b> {escape(role)}</div>')
            charts.draw(_figure(curve, section.moments, theme.class_colour(place)), f"own_curve_{place}")


def _figure(curve: Curve, moments: tuple[str, ...], colour: str) -> charts.Plain:
    """The curve, and around it the range of the steps that each point stands for."""
    red, green, blue = theme.rgb(colour)
    lines = {"x": list(moments), "type": "scatter", "mode": "lines", "connectgaps": False}
    edge = {**lines, "line": {"width": 0}, "hoverinfo": "skip"}
    traces = [
        {**edge, "y": curve.high.tolist()},
        {**edge, "y": curve.low.tolist(), "fill": "tonexty", "fillcolor": f"rgba({red}, {green}, {blue}, 0.2)"},
        {**lines, "y": curve.values.tolist(), "line": {"width": 1.5, "color": colour}, "name": curve.name},
    ]
    return charts.plain(traces, key=False, height=170, xaxis={"nticks": 8})


class SeriesColumnsView(SectionView):
    """What each column is for, and why."""

    section: ClassVar[type[SeriesColumns]] = SeriesColumns

    def draw(self, shown: Shown, section: SeriesColumns) -> None:
        rows = "".join(
            f"<li><b>{escape(column.name)}</b> {escape(column.type)}, "
            f"{escape(ROLE_WORDS.get(column.role, column.role))}"
            + (f". {escape(column.reason)}" if column.reason else "")
            + "</li>"
            for column in section.columns
        )
        st.html(f'<div class="nl-panel-title">{escape(section.title)}</div><ul class="nl-lines">{rows}</ul>')
