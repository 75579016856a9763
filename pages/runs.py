"""Runs: everything that was trained, in one table; select runs to open, compare or delete them."""

from __future__ import annotations

import streamlit as st

import trainers
from pages.parts.document import header, notices, session
from pages.parts.runs import interruptions, queue_strip, run_actions, run_choice, run_table
from pages.parts.theme import run_page

work = session.start()
run_page.prepare(wait_for_torch=False)


@run_page.shows_errors
def page() -> None:
    if notices.store_is_damaged(work):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        queue_strip.show(work)
    notices.show(work)
    interruptions.offer_folders(work)
    if not trainers.runs(1):
        run_choice.show_no_runs("This page lists every run with its metrics, settings and weights.")
        return
    chosen = run_table.table()
    run_actions.show(work, chosen)
    if len(chosen) > 1:
        run_table.compare(chosen)


page()
