"""The problems of a document in words: each with its node, and a button where there is a fix."""

from __future__ import annotations

import streamlit as st

from builder.problems import Problem
from pages.parts.document import actions, block_path
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape, sentence

MOST, MOST_ABOVE_RUN = 20, 5


def to_fix(errors: int) -> str:
    """The errors that there are, as the object of a sentence."""
    return "the error" if errors == 1 else f"the {errors:,} errors"


def show(session: Session) -> None:
    """The list below the canvas of the Build page."""
    problems = session.document_facts.problems
    with st.container(key="problems"):
        if not session.document_facts.complete:
            st.html('<div class="nl-quiet">Loading torch to infer the shapes …</div>')
        elif not problems and not session.document_facts.final:
            st.html('<div class="nl-quiet">Looking for the devices of this machine …</div>')
        elif not problems:
            st.html('<div class="nl-quiet"><span class="nl-ok">✓</span> No problems. The network can be trained.</div>')
        for index, problem in enumerate(problems[:MOST]):
            _row(session, index, problem)
        if len(problems) > MOST:
            st.html(f'<div class="nl-quiet">and {len(problems) - MOST} more. Fix these first.</div>')


def show_above_run(session: Session) -> None:
    """The list above the charts of the Train page; nothing if there are no problems. A click on a node opens Build."""
    problems = session.document_facts.problems
    with st.container(key="problems"):  # also when there are none, see notices.show
        for index, problem in enumerate(problems[:MOST_ABOVE_RUN]):
            if _row(session, index, problem):
                st.switch_page("pages/build.py")
        if len(problems) > MOST_ABOVE_RUN:
            st.html(f'<div class="nl-quiet">and {len(problems) - MOST_ABOVE_RUN} more, see the Build page.</div>')


def _row(session: Session, index: int, problem: Problem) -> bool:
    """One problem with its node and its fix. Returns whether the node was clicked, which selects it."""
    clicked = False
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"problem_{index}"):
        tag = escape(problem.category or problem.severity)
        st.html(f'<span class="nl-severity nl-{escape(problem.severity)}">{tag}</span>', width="content")
        if problem.node is not None:
            clicked = st.button(
                block_path.display_name(problem.node),
                key=f"problem_node_{index}",
                type="tertiary",
                help="Show this node",
                on_click=session.show_node,
                args=(problem.node,),
            )
        text = problem.message if problem.node else sentence(problem.message)
        st.html(f'<div class="nl-message">{escape(text)}</div>')
        if problem.fix is not None:
            st.button(
                problem.fix_label or "Fix",
                icon=":material/build:",
                key=f"fix_{index}",
                on_click=actions.fix,
                args=(session, problem),
            )
    return clicked
