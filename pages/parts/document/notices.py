"""Messages above a page: notifications, a document that could not be saved, a document that two tabs have changed,
a run that was interrupted."""

from __future__ import annotations

import streamlit as st

import builder
import trainers
from pages.parts.document import header
from pages.parts.document.session import Session
from pages.parts.runs import interruptions
from pages.parts.theme.escaping import escape, markdown
from trainers.runs.run import Run
from trainers.runs.store import StoreDamagedError


def show(session: Session, shown: Run | None = None) -> None:
    """`shown` is the run that the page is about, if it is about one.

    They have a container of their own, also when there are none: Streamlit knows an element by its place, and would
    make all that stands below anew when a notice comes or goes, with the photograph or the words in it.
    """
    for icon, text in session.messages:
        st.toast(markdown(text), icon=f":material/{icon}:", duration="short" if icon == "check" else "long")
    session.messages.clear()
    with st.container(key="notices"):
        if session.conflict:
            _conflict(session)
        elif session.save_error:
            _unsaved(session)
        interruptions.show(session, shown)


def store_is_damaged(session: Session) -> bool:
    """Whether runs cannot be read at all: then a page about runs has its title and the offer to repair the store, and
    nothing else."""
    try:
        trainers.runs(1)
    except StoreDamagedError:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
            header.title(session)
        show(session)
        return True
    return False


def _conflict(session: Session) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="conflict"):
        st.html(f'<div class="nl-message">{escape(session.conflict)}</div>')
        st.button("Open the other version", key="load_other_version", on_click=session.load_other_version)
        st.button("Go on with mine", key="keep_copy", type="primary", on_click=session.keep_copy)


def _unsaved(session: Session) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="unsaved"):
        st.html(f'<div class="nl-message">{escape(session.save_error)}</div>')
        st.button("Try again", key="save_again", on_click=session.save)
        st.download_button(
            "Download",
            lambda: builder.dump(session.document),
            file_name="network.json",
            mime="application/json",
            key="save_elsewhere",
            on_click="ignore",
        )
