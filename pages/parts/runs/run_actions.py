"""What can be done with the runs that are selected in the table: open them on another page, or delete them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from builder.problems import NetloomError
from pages.parts.document.session import Session
from pages.parts.runs import run_choice, run_table
from pages.parts.theme.escaping import escape
from trainers.runs.run import Run

PAGES = (("Train", "monitoring", "train"), ("Inspect", "troubleshoot", "inspect"), ("Export", "ios_share", "export"))
MOST_NAMES = 12


def show(session: Session, chosen: Sequence[Run]) -> None:
    if not chosen:
        st.html('<div class="nl-quiet">Select a run to open it, or several runs to compare them.</div>')
        return
    with st.container(horizontal=True, gap="small", key="run_actions"):
        if len(chosen) == 1:
            _open_buttons(session, chosen[0])
        several = f" {len(chosen)} runs" if len(chosen) > 1 else ""
        if st.button(
            f"Delete{several}", icon=":material/delete:", key="delete", help="Delete metrics, settings and weights"
        ):
            _confirm(session, chosen)


def _open_buttons(session: Session, run: Run) -> None:
    for label, icon, page in PAGES:
        if st.button(label, icon=f":material/{icon}:", key=f"to_{page}", help=f"Open this run on the page {label}"):
            run_choice.choose(session, run)
            st.switch_page(f"pages/{page}.py", query_params={run_choice.ADDRESS: run.id})
    if st.button(
        "Open in Build", icon=":material/account_tree:", key="to_build", help="Open the document as it was trained"
    ):
        session.open(run.document, f"{run.name} as it was trained, as a new document.")
        st.switch_page("pages/build.py")


@st.dialog("Delete runs?", icon=":material/delete:")
def _confirm(session: Session, chosen: Sequence[Run]) -> None:
    names = run_table.labels(chosen)
    st.write("Their metrics, settings and weights are deleted. This cannot be undone.")
    st.html("".join(f"<div>{escape(name)}</div>" for name in names[:MOST_NAMES]))
    if len(names) > MOST_NAMES:
        st.caption(f"and {len(names) - MOST_NAMES} more")
    left, right = st.columns(2)
    if left.button("Cancel", width="stretch", key="cancel_delete"):
        st.rerun()
    if right.button("Delete", type="primary", width="stretch", key="confirm_delete"):
        _delete(session, chosen)
        st.rerun()


def _delete(session: Session, chosen: Sequence[Run]) -> None:
    for run in chosen:
        try:
            run.delete()
        except (NetloomError, OSError) as error:
            session.notify(str(error), "warning")
    deleted = {run.id for run in chosen}
    session.runs = {document: run for document, run in session.runs.items() if run not in deleted}
