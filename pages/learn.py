"""Learn: every template with its lesson: what the network is, what to watch, what to change."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import header, notices, session
from pages.parts.lessons import gallery
from pages.parts.theme import torch_import

work = session.start()
torch_import.start()  # in the background, while the user reads
if gallery.opened(work):
    torch_import.ready(20)
    st.switch_page("pages/build.py")
with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
    header.title(work)
notices.show(work)
gallery.own_lesson(work)
st.html('<div class="nl-heading"><span class="nl-title">Templates and their lessons</span></div>')
gallery.lessons(work)
