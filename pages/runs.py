"""Runs: everything that was ever trained, side by side, and the way back to each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import trainers
from builder.problems import NetloomError
from pages.parts.document import header, notices, session
from pages.parts.runs import run_choice, run_table
from pages.parts.theme import torch_import
from trainers.runs.run import Run

TARGETS = (("Train", "monitoring", "train"), ("Inspect", "troubleshoot", "inspect"), ("Export", "ios_share", "export"))

work = session.start()
run_choice.style()


@run_choice.said
def page() -> None:
    """The table above; below, what can be done with the runs that are selected in it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
    notices.show(work)
    runs = trainers.runs()
    if not runs:
        run_choice.nowhere("Every run is kept here with curves, settings and weights, to compare and to go back to.")
        return
    chosen = run_table.table(runs)
    _actions(chosen)
    if len(chosen) > 1:
        run_table.compare(chosen)


def _actions(chosen: Sequence[Run]) -> None:
    if not chosen:
        st.html('<div class="nl-quiet">Select a run to open it, or several to compare them.</div>')
        return
    with st.container(horizontal=True, gap="small", key="run_actions"):
        if len(chosen) == 1:
            for label, icon, target in TARGETS:
                if st.button(label, icon=f":material/{icon}:", key=f"to_{target}", help=f"Open this run in {label}"):
                    run_choice.choose(work, chosen[0])
                    st.switch_page(f"pages/{target}.py", query_params={run_choice.ADDRESS: chosen[0].id})
            if st.button("Open in Build", icon=":material/account_tree:", key="to_build", help="As it was trained"):
                work.open(chosen[0].document, f"{chosen[0].name} as it was trained, as a new document.")
                torch_import.ready(20)
                st.switch_page("pages/build.py")
        many = f" {len(chosen)} runs" if len(chosen) > 1 else ""
        if st.button(f"Delete{many}", icon=":material/delete:", key="delete", help="With curves and weights, for good"):
            _confirm(chosen)


@st.dialog("Delete for good?", icon=":material/delete:")
def _confirm(chosen: Sequence[Run]) -> None:
    names = run_table.labels(chosen)
    st.write("Curves, settings and weights go with them. There is no way back.")
    st.html("".join(f"<div>{run_choice.escape(name)}</div>" for name in names[:12]))
    left, right = st.columns(2)
    if left.button("Keep", width="stretch", key="keep"):
        st.rerun()
    if right.button("Delete", type="primary", width="stretch", key="really_delete"):
        for run in chosen:
            try:
                run.delete()
            except (NetloomError, OSError) as error:
                work.say(str(error), "warning")
        gone = {run.id for run in chosen}
        for document, held in list(work.runs.items()):
            if held in gone:
                del work.runs[document]
        st.rerun()


page()
torch_import.start()  # while somebody reads: a Build page that one is switched to does not ask again for shapes
