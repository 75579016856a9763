"""Which run a page is about: the one in the address, else the one this tab looked at, else the document's newest."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

import trainers
from builder.problems import NetloomError
from pages.parts.document.session import Session
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from trainers.runs.run import Run

ADDRESS = "run"
Arguments = ParamSpec("Arguments")


def style() -> None:
    """The style sheet of the pages about runs, with the colours of the theme in use."""
    look = charts.look()
    colours = f"--nl-ground: {look.ground}; --nl-accent: {look.training}; --nl-orange: {look.validation};"
    st.html(f"<style>.stApp {{ {colours} }}{theme.sheet('train.css')}</style>")


def said(draw: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Draws a part of a page; whatever goes wrong in it becomes a sentence in its place."""

    @functools.wraps(draw)
    def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        try:
            draw(*arguments, **options)
        except (NetloomError, OSError) as error:
            alert(str(error))
        except Exception as error:
            logging.getLogger("netloom").exception("A part of the page could not be drawn")
            alert(f"This part of the page could not be drawn ({type(error).__name__}: {error}). Reload the page.")

    return guarded


def alert(sentence: str) -> None:
    """A sentence about what went wrong."""
    st.html(f'<div class="nl-alert">{escape(sentence)}</div>')


def current(session: Session) -> Run | None:
    """The run to show, or None where the document was never trained. A wrong id in the address is said and dropped."""
    wanted = st.query_params.get(ADDRESS)
    for candidate in (wanted, session.runs.get(session.id)):
        if candidate is None:
            continue
        try:
            run = trainers.open_run(candidate)
        except NetloomError as error:
            session.runs.pop(session.id, None)
            if candidate == wanted:
                st.query_params.pop(ADDRESS, None)
                session.say(str(error), "warning")
            continue
        choose(session, run)
        return run
    newest = trainers.newest(session.id, session.document.name)
    if newest is not None:
        choose(session, newest)
    return newest


def choose(session: Session, run: Run) -> None:
    """Show this run from now on, here and after a reload."""
    session.runs[session.id] = run.id
    if st.query_params.get(ADDRESS) != run.id:
        st.query_params[ADDRESS] = run.id


def picker(session: Session, key: str) -> Run | None:
    """A list of all runs, with the current one chosen; returns the one that is chosen now."""
    runs = {run.id: run for run in trainers.runs()}
    if not runs:
        return None
    now = current(session)
    ids = list(runs)
    index = ids.index(now.id) if now is not None and now.id in runs else 0
    held = st.selectbox(
        "run", ids, index, key=f"{key}~{ids[index]}", format_func=lambda run: describe(runs[run]),
        label_visibility="collapsed", width=420,
    )  # fmt: skip
    choose(session, runs[held])
    return runs[held]


def describe(run: Run) -> str:
    """A run in a line: its name, how it is, when it began."""
    progress = run.progress()
    when = time.strftime("%d %b %H:%M", time.localtime(progress.started)) if progress.started else "not begun"
    return f"{run.name[:60]} · {progress.state} · {when}"


def nowhere(sentence: str) -> None:
    """Instead of a page about runs: why it is empty, and the way to Train."""
    st.html(f'<div class="nl-empty"><h3>No run yet</h3><p>{escape(sentence)}</p></div>')
    with st.container(horizontal=True, horizontal_alignment="center"):
        if st.button("Go to Train", icon=":material/monitoring:", type="primary", key="to_train"):
            st.switch_page("pages/train.py")


def is_of(session: Session, run: Run) -> bool:
    """Whether a run is one of the open document."""
    return run.origin == session.id if run.origin else run.name == session.document.name


def another(session: Session, run: Run) -> None:
    """Says that the run shown is not one of the open document, and offers its document."""
    with st.container(horizontal=True, vertical_alignment="center", key="another"):
        st.html(f'<div class="nl-message">You are looking at a run of “{escape(run.name)}”.</div>')
        if st.button("Open its document", key="open_its_document"):
            session.open(run.document)
            choose(session, run)
            st.rerun()
        if st.button("Back to mine", key="back_to_mine"):
            session.runs.pop(session.id, None)
            st.query_params.pop(ADDRESS, None)
            st.rerun()
