"""Inspect: the predictions of a trained network for samples that it was not trained on, errors first."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import header, notices, session
from pages.parts.predictions import split_choice
from pages.parts.runs import missing_weights, run_choice
from pages.parts.theme import run_page
from pages.parts.training import panels
from pages.parts.training.run_data import ACTIVE
from pages.parts.trying import trying
from trainers.runs.run import Run

EVERY = 5.0  # seconds between two checks for better weights while a run trains

work = session.start()
run_page.prepare()


@run_page.shows_errors
def page() -> None:
    if notices.store_is_damaged(work):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        run = run_choice.selectbox(work, "inspected")
        place = st.container(width="content")
    notices.show(work)
    if run is None:
        run_choice.show_no_runs("This page shows the predictions of a trained network. Train one first.", work)
        return
    run_choice.show_whose(work, run)
    if run.state not in ACTIVE and missing_weights.show(work, run):
        return
    trying.show(run)  # first: it can do without the samples of the data set
    with place:
        split = split_choice.show(run)
    trains = run.state in ACTIVE
    st.fragment(predictions, run_every=EVERY if trains else None)(run, split, trains)


@run_page.shows_errors
def predictions(run: Run, split: split_choice.SplitName, trained: bool) -> None:
    if trained and run.state not in ACTIVE:
        st.rerun()  # the line above says how it ended
    if not missing_weights.show(work, run):
        panels.show(run, split)


page()
