"""The header of the pages: the document's name, and on the Build page the buttons for the whole document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

import builder
from builder.analysis.summary import human
from builder.document.layout import arrange
from builder.edits import Move
from pages.parts.document import opening
from pages.parts.document.session import Session
from pages.parts.lessons import gallery
from pages.parts.theme.escaping import escape, file_name, markdown

TRAIN = "pages/train.py"


def title(session: Session) -> None:
    """The document's name and whether it is saved, for any page."""
    state, kind = ("not saved", "bad") if session.save_error else ("saved", "quiet")
    st.html(
        f'<div class="nl-name"><span title="{escape(session.document.name)}">{escape(session.document.name)}</span>'
        f'<small class="nl-{kind}">{state}</small></div>'
    )


def show(session: Session) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        title(session)
        _icon("undo", "Undo", session.history.undo_label, "Ctrl+Z", session.undo, session.history.can_undo)
        _icon("redo", "Redo", session.history.redo_label, "Ctrl+Shift+Z", session.redo, session.history.can_redo)
        if st.button(
            "Templates", icon=":material/dashboard:", key="templates", help="Example networks, each with a lesson"
        ):
            gallery.show_dialog(session)
        if st.button("Open", icon=":material/folder_open:", key="open", help="Open a recent document or a file"):
            opening.dialog(session)
        st.download_button(
            "Save",
            lambda: builder.dump(session.document),  # made on the click: no file that is out of date is asked for
            file_name=f"{file_name(session.document.name, 'network')}.json",
            mime="application/json",
            icon=":material/download:",
            key="save",
            on_click="ignore",
            help="Download the document as a JSON file. Every edit is also saved automatically.",
        )
        st.button(
            "Arrange",
            icon=":material/account_tree:",
            key="arrange",
            on_click=_arrange,
            args=(session,),
            help="Arrange the nodes from left to right, in rows",
        )
        st.button(
            "Fit",
            icon=":material/fit_screen:",
            key="fit",
            on_click=session.move_view,
            args=("fit",),
            help="Show the whole network",
        )
        _totals(session)
        _train(session)


def _icon(name: str, label: str, edit: str, keys: str, action: Callable[[], None], enabled: bool) -> None:
    detail = f" “{markdown(edit)}”" if edit else ""
    st.button(
        "",
        icon=f":material/{name}:",
        key=name,
        on_click=action,
        disabled=not enabled,
        help=f"{label}{detail} ({keys})",
    )


def _totals(session: Session) -> None:
    facts = session.document_facts
    text = ""
    if facts.complete:
        if facts.costs and not facts.waiting and not facts.failures:
            text = f"{human(facts.total.parameters)} parameters · {human(facts.total.flops)} FLOPs"
        warnings = len(facts.problems) - facts.errors
        if facts.errors:
            text += f'<span class="nl-severity nl-error">{_count(facts.errors, "problem")}</span>'
        elif warnings:
            text += f'<span class="nl-severity nl-warning">{_count(warnings, "warning")}</span>'
    st.html(f'<div class="nl-totals">{text}</div>')


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _train(session: Session) -> None:
    exists = Path(__file__).parents[2].joinpath("train.py").exists()
    errors = session.document_facts.errors
    clicked = st.button(
        "Train",
        icon=":material/play_arrow:",
        type="primary",
        key="train",
        disabled=not exists or bool(errors),
        help="Fix the problems below the canvas first" if errors else "Set how the network is trained, and train it",
    )
    if clicked:
        st.switch_page(TRAIN)


def _arrange(session: Session) -> None:
    if session.edit(Move(arrange(session.graph)), "Arrange"):
        session.move_view("open")
