"""The problems below the canvas, in words: each with its node, and a button where there is a fix."""

from __future__ import annotations

import streamlit as st

from builder.problems import Problem
from pages.parts.document import actions, block_path
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape, sentence

SHOWN = 20


def show(session: Session) -> None:
    problems = session.view.problems
    with st.container(key="problems"):
        if not session.view.complete:
            st.html('<div class="nl-quiet">Working out the shapes …</div>')
        elif not problems:
            st.html(
                '<div class="nl-quiet"><span class="nl-ok">✓</span> No problems: this network can be trained.</div>'
            )
        for index, problem in enumerate(problems[:SHOWN]):
            row(session, index, problem)
        if len(problems) > SHOWN:
            st.html(f'<div class="nl-quiet">and {len(problems) - SHOWN} more: mend these first.</div>')


def row(session: Session, index: int, problem: Problem) -> bool:
    """One problem in words, with its node and its fix. Whether its node was clicked, which is selected then."""
    shown = False
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"problem_{index}"):
        tag = escape(problem.category or problem.severity)
        st.html(f'<span class="nl-severity nl-{escape(problem.severity)}">{tag}</span>', width="content")
        if problem.node is not None:
            shown = st.button(
                block_path.spoken(problem.node), key=f"problem_node_{index}", type="tertiary", help="Show this node",
                on_click=session.show_node, args=(problem.node,),
            )  # fmt: skip
        text = problem.message if problem.node else sentence(problem.message)
        st.html(f'<div class="nl-message">{escape(text)}</div>')
        if problem.fix is not None:
            st.button(
                problem.fix_label or "Fix it", icon=":material/build:", key=f"fix_{index}",
                on_click=actions.fix, args=(session, problem),
            )  # fmt: skip
    return shown
