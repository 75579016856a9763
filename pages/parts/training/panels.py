"""Draws the cards and the panels that a run's paradigm asks for."""

from __future__ import annotations

import streamlit as st

from pages.parts import views
from pages.parts.runs import run_choice
from pages.parts.theme import charts
from pages.parts.training.run_data import Live
from trainers.events import SplitName
from trainers.runs.run import Run


def cards(live: Live) -> None:
    """The cards of the run's paradigm, two in a row."""
    chosen = views.chosen("card", live.run.job.paradigm.cards)
    for start in range(0, len(chosen), 2):
        row = chosen[start : start + 2]
        for column, view in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, charts.card(f"live_{view.name}"):
                _draw(view, live)


@run_choice.said
def show(run: Run, part: SplitName) -> None:
    """Every panel of the run's paradigm, in its order: those on top, two columns, then those of whole width."""
    chosen = views.chosen("panel", run.job.paradigm.panels)
    for view in chosen:
        if view.position == "top":
            _draw(view, run, part)
    left, right = st.columns([11, 9], gap="small")
    for view in chosen:
        if view.position in ("left", "right"):
            with left if view.position == "left" else right:
                _draw(view, run, part)
    for view in chosen:
        if view.position == "whole":
            _draw(view, run, part)


@run_choice.said
def _draw(view: views.View, *arguments: object) -> None:
    view.draw(*arguments)
