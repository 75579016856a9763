"""The flow component, drawn from a page of ours that lets the browser keep the component's files.

Streamlit serves a component's files without a date, a tag or an age, so a browser loads them anew for each frame: 3 MB
that the server compresses and the browser unpacks and compiles, half a second on each way to the Build page. The page
in assets/flow loads the same files and registers a worker that keeps them (decision 030).
"""

from __future__ import annotations

import streamlit.components.v1 as components
import streamlit_flow
from streamlit.components.v1.custom_component import CustomComponent

from pages.parts.theme.theme import ASSETS

page = components.declare_component("page", path=ASSETS / "flow")
# Under its own name, and at an address relative to the app's, so that it also holds below a server's base path.
streamlit_flow._st_flow_func = CustomComponent(
    streamlit_flow._st_flow_func.name, url=f"component/{page.name}/index.html"
)
show = streamlit_flow.streamlit_flow
