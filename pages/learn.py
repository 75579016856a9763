"""Learn: every template with its lesson; what it is, what to watch, what to change and see."""

from __future__ import annotations

import streamlit as st

from pages.parts import gallery, header, notices, session

work = session.start()
header.title(work)
notices.show(work)
if gallery.lessons(work):
    st.switch_page("pages/build.py")
