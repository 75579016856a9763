"""Learn: every template with its lesson; what it is, what to watch, what to change and see."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import notices, session
from pages.parts.lessons import gallery
from pages.parts.theme import torch_import

work = session.start()
notices.show(work)
gallery.own_lesson(work)
st.html('<div class="nl-heading"><span class="nl-title">Templates and their lessons</span></div>')
opened = gallery.lessons(work)
torch_import.start()  # while somebody reads: a Build page that one is switched to does not ask again for shapes
if opened:
    torch_import.ready(20)
    st.switch_page("pages/build.py")
