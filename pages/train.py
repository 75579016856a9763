"""Train: settings on the left; start, pause, stop above; the run as it learns in cards, words and charts."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import notices, session
from pages.parts.forms import training_form
from pages.parts.runs import run_choice
from pages.parts.theme import torch_import
from pages.parts.training import controls, run_problems, run_view

work = session.start()
with st.spinner("Loading torch …", show_time=False):
    torch_import.start()
    torch_import.ready(60)
run_choice.style()


@run_choice.said
def page() -> None:
    """The whole page; what goes wrong in it is said in its place."""
    run = run_choice.current(work)
    controls.show(work, run)
    notices.show(work)
    if run is not None and not run_choice.is_of(work, run):
        run_choice.another(work, run)
    with st.container(horizontal=True, gap="small", key="training"):
        with st.container(width=288, key="settings"):
            training_form.show(work)
        with st.container(width="stretch", key="watching"):
            run_problems.show(work)
            if run is None:
                run_view.empty()
            else:
                run_view.show(run)


page()
