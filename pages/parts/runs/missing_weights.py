"""A run without weights, on the pages that are about trained networks: why it has none, said once, and what helps."""

from __future__ import annotations

import streamlit as st

from builder.problems import NetloomError
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape
from trainers.runs.predictions import check_weights
from trainers.runs.run import Run, RunError

LOST = (
    "The weights of this run were lost",
    "Their file is missing or was damaged. Resume trains the run again from its last checkpoint, to the same weights.",
)
INTERRUPTED = (
    "This run has no weights yet",
    "Netloom was closed before its first epoch had ended: resume it on the page Train.",
)
REASONS = {
    "queued": ("This run has no weights yet", "It is queued. Its weights are saved after its first epoch."),
    "running": ("This run has no weights yet", "They are saved after its first epoch."),
    "paused": ("This run has no weights yet", "It is paused in its first epoch: resume it on the page Train."),
    "failed": ("This run has no weights", "It failed before the end of its first epoch."),
    "stopped": ("This run has no weights", "It was stopped before the end of its first epoch."),
    "finished": LOST,
}


def show(session: Session, run: Run) -> bool:
    """In place of what needs weights: a message with one button. Returns whether the run has none that can be read."""
    try:
        check_weights(run)
        return False
    except RunError:
        progress = run.progress()
        began = progress.epoch and progress.state != "paused"
        lost = run.can_resume and bool(run.scores() or began)
    title, reason = LOST if lost else INTERRUPTED if progress.interrupted else REASONS[progress.state]
    st.html(f'<div class="nl-empty"><h3>{escape(title)}</h3><p>{escape(reason)}</p></div>')
    with st.container(horizontal=True, horizontal_alignment="center"):
        if lost:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                type="primary",
                key="restore_weights",
                on_click=_resume,
                args=(session, run),
                help="Train again from the last checkpoint, to the same weights",
            )
        elif st.button("Go to Train", icon=":material/monitoring:", type="primary", key="to_train"):
            st.switch_page("pages/train.py", query_params={"run": run.id})
    return True


def _resume(session: Session, run: Run) -> None:
    try:
        run.resume()
    except (NetloomError, OSError) as error:
        session.notify(str(error), "warning")
