"""Draw a network: layers on the left, the canvas in the middle, what is selected on the right, problems below."""

from __future__ import annotations

import streamlit as st

from pages.parts.canvas import canvas, palette
from pages.parts.document import header, notices, session
from pages.parts.inspector import inspector, problem_list
from pages.parts.theme import torch_import


@st.fragment(run_every=0.25)
def _wait_for_shapes() -> None:
    """torch is imported in the background once the canvas stands; when torch is there, shapes are drawn."""
    if session.widget(canvas.FLOW) is not None:
        torch_import.start()
    if torch_import.ready():
        st.rerun()


work = session.start()
canvas.receive(work)
header.show(work)
notices.show(work)
with st.container(horizontal=True, gap="small", key="workbench"):
    with st.container(width=196, key="left"):
        palette.show(work)
    with st.container(width="stretch", key="centre"):
        canvas.show(work)
        problem_list.show(work)
    with st.container(width=284, key="right"):
        inspector.show(work)
session.tell_address(work)
if not work.view.complete:
    _wait_for_shapes()
