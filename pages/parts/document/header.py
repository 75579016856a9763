"""The line above the pages' work: the document's name, and on the Build page what one does with it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import builder
from builder.analysis.summary import human
from builder.document.layout import arrange
from builder.edits import Move
from pages.parts.document import opening
from pages.parts.document.session import Session
from pages.parts.lessons import gallery
from pages.parts.theme.escaping import escape, markdown

TRAIN = "pages/train.py"


def title(session: Session) -> None:
    """The document's name and whether it is saved, for any page."""
    state, kind = ("not saved", "bad") if session.save_error or session.conflict else ("saved", "quiet")
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
            "Templates", icon=":material/dashboard:", key="templates", help="Networks to start from, each with a lesson"
        ):
            gallery.dialog(session)
        if st.button("Open", icon=":material/folder_open:", key="open", help="A recent document, or a file"):
            opening.dialog(session)
        st.download_button(
            "Save", builder.dump(session.document), file_name=f"{_file_name(session.document.name)}.json",
            mime="application/json", icon=":material/download:", key="save", on_click="ignore",
            help="Download the document as a JSON file. It is saved here after every edit anyway.",
        )  # fmt: skip
        st.button(
            "Arrange", icon=":material/account_tree:", key="arrange", on_click=_arrange, args=(session,),
            help="Lay the nodes out from left to right, in rows",
        )  # fmt: skip
        st.button(
            "Fit", icon=":material/fit_screen:", key="fit", on_click=session.ask_view, args=("fit",),
            help="Show the whole network",
        )  # fmt: skip
        _totals(session)
        _train(session)


def _icon(name: str, label: str, what: str, keys: str, action: object, enabled: bool) -> None:
    detail = f" “{markdown(what)}”" if what else ""
    st.button(
        "", icon=f":material/{name}:", key=name, on_click=action, disabled=not enabled,  # type: ignore[arg-type]
        help=f"{label}{detail} ({keys})",
    )  # fmt: skip


def _totals(session: Session) -> None:
    view = session.view
    text = ""
    if view.complete:
        if view.costs and not view.waiting and not view.failures:
            text = f"{human(view.total.parameters)} parameters · {human(view.total.flops)} FLOPs"
        errors = sum(problem.severity == "error" for problem in view.problems)
        hints = len(view.problems) - errors
        if errors:
            text += f'<span class="nl-severity nl-error">{errors} problem{"s" * (errors > 1)}</span>'
        elif hints:
            text += f'<span class="nl-severity nl-warning">{hints} hint{"s" * (hints > 1)}</span>'
    st.html(f'<div class="nl-totals">{text}</div>')


def _train(session: Session) -> None:
    there = Path(__file__).parents[2].joinpath("train.py").exists()
    errors = any(problem.severity == "error" for problem in session.view.problems)
    clicked = st.button(
        "Train", icon=":material/play_arrow:", type="primary", key="train", disabled=not there or errors,
        help="Mend the problems below the canvas first" if errors else "Choose how it learns, and watch it learn",
    )  # fmt: skip
    if clicked:
        st.switch_page(TRAIN)


def _arrange(session: Session) -> None:
    if session.edit(Move(arrange(session.scene)), "Arrange"):
        session.ask_view("open")


def _file_name(name: str) -> str:
    """A file name from a document's name: letters, digits and _ only."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.lower())
    return "_".join(part for part in plain.split("_") if part)[:60] or "network"
