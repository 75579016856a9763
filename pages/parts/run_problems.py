"""What keeps a document from being trained, above the charts: each in words, with its button where there is a fix."""

from __future__ import annotations

import streamlit as st

from builder.problems import Problem
from pages.parts import actions
from pages.parts.session import Session
from pages.parts.words import escape, sentence

SHOWN = 5


def show(session: Session) -> None:
    """Errors first; nothing at all when there are none."""
    problems = session.view.problems
    if not problems:
        return
    with st.container(key="problems"):
        for index, problem in enumerate(problems[:SHOWN]):
            _row(session, index, problem)
        if len(problems) > SHOWN:
            st.html(f'<div class="nl-quiet">and {len(problems) - SHOWN} more, on the Build page.</div>')


def _row(session: Session, index: int, problem: Problem) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"problem_{index}"):
        tag = escape(problem.category or problem.severity)
        st.html(f'<span class="nl-severity nl-{escape(problem.severity)}">{tag}</span>', width="content")
        if problem.node is not None:
            shown = st.button(problem.node, key=f"problem_node_{index}", type="tertiary", help="Show it on the canvas")
            if shown and problem.node in session.document.by_name:
                session.select(problem.node)
                session.ask_view("reveal", problem.node)
                st.switch_page("pages/build.py")
        text = problem.message if problem.node else sentence(problem.message)
        st.html(f'<div class="nl-message">{escape(text)}</div>')
        if problem.fix is not None:
            st.button(
                problem.fix_label or "Fix it", icon=":material/build:", key=f"fix_{index}",
                on_click=actions.fix, args=(session, problem),
            )  # fmt: skip
