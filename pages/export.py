"""Export: download the trained network in formats that were run and compared with it, and its Python code."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import header, notices, session
from pages.parts.runs import export_cards, run_choice
from pages.parts.theme import run_page

work = session.start()
run_page.prepare()


@run_page.shows_errors
def page() -> None:
    if notices.store_is_damaged(work):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        run = run_choice.selectbox(work, "exported")
    notices.show(work)
    run_choice.show_whose(work, run)
    left, right = st.columns([5, 6], gap="small")
    with left:
        part = export_cards.untrained(work) if run is None else export_cards.formats(work, run)
    with right:
        export_cards.code(work, run, part)


page()
