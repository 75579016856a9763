"""Beside a run that is over: train it further, as a new run that begins with its weights; and the curves of both."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

import builder
from builder.problems import DocumentError, GraphError, NetloomError
from pages.parts.document.session import Session
from pages.parts.runs import run_choice
from pages.parts.theme.escaping import escape
from pages.parts.training import run_data
from pages.parts.training.run_data import Curve
from trainers.forks.differences import differences
from trainers.forks.source import kept_steps, read
from trainers.runs.run import Run
from trainers.runs.store import Store

LAST, BEST = "its last step", "its best weights"
AS_TRAINED, AS_OPEN = "as in this run", "as they are now"
MOST_EPOCHS = 100_000
MOST_DIFFERENCES = 12


def show(session: Session, run: Run) -> None:
    """A button with the choices, if the run has weights that can be continued."""
    steps = kept_steps(run.store.run_folder(run.id))
    starts = [LAST] * bool(steps) + [BEST] * run.weights_path.exists()
    if not starts:
        return
    with st.popover("Continue", icon=":material/alt_route:", key="continue", help="Train on from these weights"):
        begins = st.radio("Begin with", starts, key=f"fork_from_{run.id}", horizontal=True)
        which = st.radio(
            "Network and settings",
            [AS_TRAINED, AS_OPEN],
            key=f"fork_with_{run.id}",
            horizontal=True,
            help="With those of now, weights that fit are taken, and the run says which ones are not.",
        )
        epochs = st.number_input(
            "Further epochs", 1, MOST_EPOCHS, max(1, run.progress().epochs), key=f"fork_epochs_{run.id}"
        )
        if st.button("Continue in a new run", type="primary", icon=":material/play_arrow:", key="fork"):
            _fork(session, run, steps[0] if begins == LAST else None, which == AS_OPEN, int(epochs))


def show_source(run: Run) -> None:
    """Of a run that goes on from another one: what differs between the two. Nothing of other runs."""
    with st.container(key="differs"):
        found = _differences(str(run.store.folder), run.id)
        if found:
            st.html(f'<div class="nl-differs">{found}</div>')


@functools.lru_cache(maxsize=32)
def _differences(folder: str, run: str) -> str:
    """As HTML; empty: it goes on from no other run."""
    store = Store(Path(folder))
    try:
        source = read(store.run_folder(run))
        if source is None:
            return ""
        found = differences(builder.load(source.document), Run(run, store).document)
    except (NetloomError, OSError):  # the run itself says what is wrong with it
        return ""
    chips = [f"<code>{escape(each.place)}</code> {escape(each.words)}" for each in found[:MOST_DIFFERENCES]]
    more = f" and {len(found) - MOST_DIFFERENCES:,} more" if len(found) > MOST_DIFFERENCES else ""
    return f"<b>What differs</b> from “{escape(source.name[:60])}” <small>{escape(source.run)}</small> " + (
        " ".join(f"<span>{chip}</span>" for chip in chips) + more if chips else "nothing"
    )


def curves_before(run: Run) -> Mapping[tuple[str, str], Curve]:
    """The curves of the run whose checkpoint a run goes on from. Empty: it begins at the first step, or that run was
    deleted."""
    return _curves_before(str(run.store.folder), run.id)


@functools.lru_cache(maxsize=8)
def _curves_before(folder: str, run: str) -> Mapping[tuple[str, str], Curve]:
    store = Store(Path(folder))
    try:
        source = read(store.run_folder(run))
        if source is not None and source.step is not None and store.has(source.run):
            metrics = Run(source.run, store).metrics_after(0, 0) or []
            return run_data.curves(pd.DataFrame(metrics)) if metrics else {}
    except (NetloomError, OSError):  # the run itself says what is wrong with it
        pass
    return {}


def _fork(session: Session, run: Run, step: int | None, as_open: bool, epochs: int) -> None:
    document = session.document if as_open else run.document
    done = run.progress().epoch if step is not None else 0
    try:
        run_choice.choose(session, run.fork(document, step, epochs=done + epochs, max_steps=None))
    except (DocumentError, GraphError) as error:
        session.notify(" ".join(str(problem) for problem in error.problems[:3]), "warning")
    except (NetloomError, OSError) as error:
        session.notify(str(error), "warning")
    st.rerun()
