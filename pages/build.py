"""Build: the palette on the left, the canvas with the problems in the middle, the inspector on the right."""

from __future__ import annotations

import streamlit as st

from pages.parts.canvas import canvas, palette
from pages.parts.document import header, notices, session
from pages.parts.inspector import inspector, problem_list
from pages.parts.theme import torch_import


@st.fragment(run_every=0.25)
def wait_for_torch() -> None:
    """Import torch in the background once the canvas is drawn, and draw the page again when it is there: with the
    shapes, where they were not known without it, and with what the last checks find."""
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
session.write_address(work)
if not work.document_facts.final:
    wait_for_torch()
