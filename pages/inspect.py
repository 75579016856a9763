"""Inspect: what a trained network says about samples it has not learned from, the wrong ones first."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import header, notices, session
from pages.parts.runs import run_choice
from pages.parts.theme import torch_import
from pages.parts.training import panels
from pages.parts.training.run_data import ACTIVE
from trainers.events import SplitName

PARTS: tuple[SplitName, ...] = ("validation", "test", "training")
LOOK_AGAIN = 5.0  # seconds between two looks for better weights while a run trains

work = session.start()
with st.spinner("Loading torch …", show_time=False):
    torch_import.start()
    torch_import.ready(60)
run_choice.style()


@run_choice.said
def page() -> None:
    """The choice of a run above, its answers below."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        run = run_choice.picker(work, "inspected")
        part = st.segmented_control(
            "part", PARTS, default="validation", required=True, key="inspected_part", label_visibility="collapsed",
            help="Which part of the data: held out to watch, held out to the very end, or learned from",
        ) if run else None  # fmt: skip
    notices.show(work)
    if run is None:
        run_choice.nowhere("Nothing has been trained yet, so there is nothing to predict with.")
        return
    every = LOOK_AGAIN if run.state in ACTIVE else None
    st.fragment(panels.show, run_every=every)(run, part or "validation")


page()
