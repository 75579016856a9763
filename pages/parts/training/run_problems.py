"""What keeps a document from being trained, above the charts: each in words, with its button where there is a fix."""

from __future__ import annotations

import streamlit as st

from pages.parts.document.session import Session
from pages.parts.inspector import problem_list

SHOWN = 5


def show(session: Session) -> None:
    """Errors first; nothing at all when there are none."""
    problems = session.view.problems
    if not problems:
        return
    with st.container(key="problems"):
        for index, problem in enumerate(problems[:SHOWN]):
            if problem_list.row(session, index, problem):
                st.switch_page("pages/build.py")
        if len(problems) > SHOWN:
            st.html(f'<div class="nl-quiet">and {len(problems) - SHOWN} more, on the Build page.</div>')
