"""Makes sure that every page is entered through app.py."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def through_app() -> None:
    """Start again at app.py if this page was run on its own.

    Until app.py has run once, streamlit treats a folder called pages as a folder of separate scripts. So a tab that is
    open on a page while the server is restarted would come back without title, style and navigation, and stay so.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False  # st.navigation in app.py does the same
        st.rerun()
