"""The flow component's files: the page that the browser keeps them for names the same ones as the component's own."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import streamlit_flow

from pages.parts.canvas import flow
from pages.parts.theme.theme import ASSETS

OWN = Path(streamlit_flow.__file__).parent / "frontend" / "build"
FOLDER = ASSETS / "flow"


def files(page: str) -> list[str]:
    """The style sheets and scripts that a page loads, without the folder that they are in."""
    found = re.findall(r'(?:href|src)="(?:\./|\.\./streamlit_flow\.streamlit_flow/)?([^"]+\.(?:css|js))"', page)
    return sorted(found)


def test_the_page_loads_what_the_components_page_loads() -> None:
    own = files((OWN / "index.html").read_text())
    assert len(own) == 3
    assert files((FOLDER / "index.html").read_text()) == own
    assert all((OWN / name).is_file() for name in own)


def test_the_worker_keeps_these_files_of_this_version() -> None:
    worker = (FOLDER / "worker.js").read_text()
    names = re.search(r"const NAMES = \[(.*?)\];", worker)
    assert names and sorted(re.findall(r'"([^"]+)"', names[1])) == files((OWN / "index.html").read_text())
    assert f'"netloom-canvas-{importlib.metadata.version("streamlit-flow-component")}"' in worker


def test_the_component_is_drawn_from_this_page_under_its_own_name() -> None:
    component = streamlit_flow._st_flow_func
    assert component.name == "streamlit_flow.streamlit_flow"  # by which the browser's files and the style sheet know it
    assert component.url == f"component/{flow.page.name}/index.html"
    assert flow.page.path is not None and Path(flow.page.path) == FOLDER
