"""Draws the cards and panels that the paradigm of a run names."""

from __future__ import annotations

import streamlit as st

from pages.parts import views
from pages.parts.theme import charts
from pages.parts.theme.run_page import show_error, shows_errors
from pages.parts.training.run_data import LiveRun
from trainers.events import SplitName
from trainers.runs.predictions import data_change
from trainers.runs.run import Run


def cards(live: LiveRun) -> None:
    """The cards of the run's paradigm, two in a row."""
    chosen = views.chosen("card", live.run.job.paradigm.cards)
    for start in range(0, len(chosen), 2):
        row = chosen[start : start + 2]
        for column, view in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, charts.card(f"live_{view.name}"):
                _draw(view, live)


@shows_errors
def show(run: Run, split: SplitName) -> None:
    """The panels of the run's paradigm, in its order: those on top, two columns, then those of the whole width."""
    chosen = views.chosen("panel", run.job.paradigm.panels)
    notice = st.container()
    for view in chosen:
        if view.column == "top":
            _draw(view, run, split)
    left, right = st.columns([11, 9], gap="small")
    for view in chosen:
        if view.column in ("left", "right"):
            with left if view.column == "left" else right:
                _draw(view, run, split)
    for view in chosen:
        if view.column == "whole":
            _draw(view, run, split)
    with notice:  # after the panels, which have loaded the data
        _data_change(run)


@shows_errors
def _data_change(run: Run) -> None:
    """Say so where the data are not those that the run was trained on."""
    if not run.weights_path.exists():
        return
    text = data_change(run)
    if text:
        show_error(text)


@shows_errors
def _draw(view: views.View, *arguments: object) -> None:
    view.draw(*arguments)
