"""Which run a page shows: the one in the address, else the one this tab showed last, else the document's newest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

import streamlit as st

import trainers
from builder.problems import NetloomError
from pages.parts.document import workspace
from pages.parts.document.session import Session
from pages.parts.forms.distinct import distinct
from pages.parts.inspector.problem_list import to_fix
from pages.parts.theme.escaping import escape
from trainers.runs.run import Run
from trainers.runs.summaries import RunSummary, summaries, summary

ADDRESS = "run"
MOST_CHOICES = 200


def current(session: Session) -> Run | None:
    """The run to show; None if the document was never trained. A wrong id in the address is reported and removed."""
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
                session.notify(str(error), "warning")
            continue
        choose(session, run)
        return run
    newest = trainers.newest(session.id, session.document.name)
    if newest is not None:
        choose(session, newest)
    return newest


def choose(session: Session, run: Run) -> None:
    """Show this run from now on, also after a reload."""
    session.runs[session.id] = run.id
    if st.query_params.get(ADDRESS) != run.id:
        st.query_params[ADDRESS] = run.id


def selectbox(session: Session, key: str) -> Run | None:
    """A list of the newest runs in which the current one is chosen; returns the chosen one, None if the open document
    was never trained and no other run was chosen. Older runs are opened on the page Runs."""
    runs = {run.id: run for run in summaries(MOST_CHOICES)}
    if not runs:
        return None
    now = current(session)
    if now is not None and now.id not in runs:
        runs[now.id] = summary(now)
    ids, labels = list(runs), _labels(runs)
    chosen = st.selectbox(
        "run",
        ids,
        None if now is None else ids.index(now.id),
        key=f"{key}~{now.id if now else session.id}",
        format_func=labels.__getitem__,
        placeholder="Choose a run of another document",
        label_visibility="collapsed",
        width=420,
    )
    if chosen is None:
        return None
    run = trainers.open_run(chosen)
    choose(session, run)
    return run


def _labels(runs: Mapping[str, RunSummary]) -> dict[str, str]:
    """A line for each run: one of its own, with seconds where runs of one name have begun in the same minute."""
    labels = {key: describe(run) for key, run in runs.items()}
    times = Counter(labels.values())
    return distinct(
        {key: label if times[label] == 1 else describe(runs[key], "%d %b %H:%M:%S") for key, label in labels.items()}
    )


def describe(run: RunSummary, time_format: str = "%d %b %H:%M") -> str:
    """A run in one line: its name, its state, when it started."""
    progress = run.progress
    when = time.strftime(time_format, time.localtime(progress.started)) if progress.started else "not started"
    return f"{run.name[:60]} · {progress.state_in_words} · {when}"


def show_no_runs(sentence: str, session: Session | None = None) -> None:
    """In place of a page about runs: why it is empty, and a button to Train.

    With a session the page is about the run of the open document, and there may be runs of others.
    """
    title = "No runs yet"
    sentence += fix_first(session) if session is not None else ""
    if session is not None and trainers.runs(1):
        title = f"“{session.document.name}” was not trained yet"
        sentence += " Or choose a run of another document above."
    st.html(f'<div class="nl-empty"><h3>{escape(title)}</h3><p>{escape(sentence)}</p></div>')
    with st.container(horizontal=True, horizontal_alignment="center"):
        if session is not None:
            next_step(session)
        else:
            train_button()


def next_step(session: Session) -> None:
    """A button to Train, or, where errors of the open document keep it from being trained, to Build."""
    if not session.document_facts.errors:
        train_button()
    elif st.button("Go to Build", icon=":material/account_tree:", type="primary", key="to_build"):
        st.switch_page("pages/build.py")


def fix_first(session: Session) -> str:
    """What is to be done before the open document can be trained, as a sentence after others. Empty: nothing."""
    errors = session.document_facts.errors
    return f" Before that, fix {to_fix(errors)} of the network on the page Build." if errors else ""


def train_button() -> None:
    if st.button("Go to Train", icon=":material/monitoring:", type="primary", key="to_train"):
        st.switch_page("pages/train.py")


def is_of(session: Session, run: Run) -> bool:
    """Whether a run is one of the open document."""
    return run.origin == session.id if run.origin else run.name == session.document.name


def show_whose(session: Session, run: Run | None) -> None:
    """Where the run belongs to another document: a message that says so. Its place is kept, see notices.show."""
    with st.container(key="whose_run"):
        if run is not None and not is_of(session, run):
            _other_document(session, run)


def _open_its_document(session: Session, run: Run) -> None:
    """The document that the run is one of; where it is gone, the run's own copy of it, as a new document."""
    try:
        workspace.read(run.origin)
    except (workspace.MissingError, workspace.BrokenError):
        session.open(run.document)
    else:
        session.open_saved(run.origin)


def _other_document(session: Session, run: Run) -> None:
    """A message that the run belongs to another document, with buttons to open that document or to go back."""
    with st.container(horizontal=True, vertical_alignment="center", key="other_document"):
        st.html(f'<div class="nl-message">This is a run of another document, “{escape(run.name)}”.</div>')
        if st.button("Open that document", key="open_other_document"):
            _open_its_document(session, run)
            choose(session, run)
            st.rerun()
        if st.button("Back to my document", key="back_to_document"):
            session.runs.pop(session.id, None)
            st.query_params.pop(ADDRESS, None)
            st.rerun()
