"""The entry of the web app: title, icon, style and the navigation between the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts.theme import theme

HERE = Path(__file__).parent
PAGES = (
    ("data", "Data", ":material/database:"),
    ("build", "Build", ":material/account_tree:"),
    ("train", "Train", ":material/monitoring:"),
    ("inspect", "Inspect", ":material/troubleshoot:"),
    ("runs", "Runs", ":material/list_alt:"),
    ("export", "Export", ":material/ios_share:"),
    ("learn", "Learn", ":material/school:"),
)

st.set_page_config(page_title="Netloom", page_icon=str(HERE / "assets" / "icon.svg"), layout="wide")
theme.apply(["", *(name for name, _, _ in PAGES)])
st.navigation(
    [
        st.Page(f"pages/{name}.py", title=title, icon=icon, default=name == "build", url_path=name)
        for name, title, icon in PAGES
        if (HERE / "pages" / f"{name}.py").exists()
    ],
    position="top",
).run()
