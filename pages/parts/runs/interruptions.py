"""Above every page: runs whose process ended in the middle, and a store that is damaged. Both are offered a remedy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from builder.problems import NetloomError
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape
from trainers.runs.repair import repair, unlisted
from trainers.runs.run import Run, interrupted
from trainers.runs.store import Store, StoreDamagedError, StoreError

SECONDS = 20  # between two looks for folders that are not in the store


def show(session: Session, shown: Run | None = None) -> None:
    """`shown` is the run that the page is about: it has a Resume button of its own there."""
    try:
        runs = [run for run in interrupted() if shown is None or run.id != shown.id]
    except StoreDamagedError as error:
        _offer_repair(session, str(error), "Repair")
        return
    except (StoreError, OSError):  # said by the part of the page that needs the store
        return
    if runs:
        _offer_resume(session, runs)


def offer_folders(session: Session) -> None:
    """On the page of all runs: folders of runs that are not in the store, such as those of a store that was deleted."""
    count = len(_unlisted(str(Store().folder)))
    with st.container(key="unlisted_folders"):  # also when there are none, see notices.show
        if count:
            folders = "1 folder of a run is" if count == 1 else f"{count:,} folders of runs are"
            _offer_repair(session, f"{folders} on the disk, but not in the store.", "Read in again")


@st.cache_data(ttl=SECONDS, show_spinner=False)
def _unlisted(folder: str) -> list[str]:
    return unlisted(Store())


def _offer_repair(session: Session, message: str, label: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="damaged_store"):
        st.html(f'<div class="nl-message">{escape(message)}</div>')
        st.button(label, icon=":material/build:", key="repair_store", on_click=_repair, args=(session,))


def _repair(session: Session) -> None:
    try:
        session.notify(str(repair(Store())))
    except (NetloomError, OSError) as error:
        session.notify(str(error), "warning")
    _unlisted.clear()


def _offer_resume(session: Session, runs: Sequence[Run]) -> None:
    progress, name = runs[0].progress(), runs[0].name[:60]
    where = f" in epoch {progress.epoch:,} of {progress.epochs:,}" if progress.step else ""
    text = f"Interrupted: “{name}” was left{where} when Netloom was closed."
    if len(runs) > 1:
        text = f"Interrupted: {len(runs):,} runs were left when Netloom was closed, “{name}” and others."
    every = " all" if len(runs) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", key="interrupted"):
        st.html(f'<div class="nl-message">{escape(text)}</div>')
        st.button(
            f"Resume{every}",
            icon=":material/play_arrow:",
            key="resume_interrupted",
            type="primary",
            on_click=_each,
            args=(session, runs, Run.resume),
            help="Continue from the last checkpoint, as if nothing had happened",
        )
        st.button(
            f"Stop{every}",
            icon=":material/stop:",
            key="stop_interrupted",
            on_click=_each,
            args=(session, runs, Run.stop),
            help="End here. The best weights so far are kept.",
        )


def _each(session: Session, runs: Sequence[Run], action: Callable[[Run], None]) -> None:
    for run in reversed(runs):  # the oldest first
        try:
            action(run)
        except (NetloomError, OSError) as error:
            session.notify(str(error), "warning")
