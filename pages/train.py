"""Train: the settings on the left; start, pause and stop above; the run in cards, verdicts and charts."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import notices, session
from pages.parts.forms import training_form
from pages.parts.inspector import problem_list
from pages.parts.runs import run_choice
from pages.parts.theme import run_page
from pages.parts.training import controls, run_view
from pages.parts.training.run_data import ACTIVE

work = session.start()
run_page.prepare()


@run_page.shows_errors
def page() -> None:
    if notices.store_is_damaged(work):
        return
    run = run_choice.current(work)
    state = controls.show(work, run)
    notices.show(work, run)
    run_choice.show_whose(work, run)
    with st.container(horizontal=True, gap="small", key="training"):
        with st.container(width=288, key="settings"):
            training_form.show(work, run is not None and run.state in ACTIVE)
        with st.container(width="stretch", key="watching"):
            problem_list.show_above_run(work)
            if run is None or state is None:
                run_view.empty(work.document_facts.errors)
            else:
                run_view.show(run, state)


page()
