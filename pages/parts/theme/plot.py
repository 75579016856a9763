"""Puts plotly figures on the page as charts that stay: new numbers change the lines of the chart that is there.

st.plotly_chart builds a new chart for every new figure, which is seen when it happens once a second; see
docs/decisions/005-charts-that-stay.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go
import plotly.io
import streamlit as st

from pages.parts.theme import theme

# Only for its address: through it streamlit serves the plotly.min.js that came with the Python package.
_files = st.components.v1.declare_component("plotly", path=str(Path(plotly.__file__).parent / "package_data"))

_plot = st.components.v2.component("netloom_plot", js=theme.sheet("plot.js"), isolate_styles=False)


def draw(figure: go.Figure, key: str, picked: Callable[[Any], None] | None = None) -> Any:
    """Put a figure in its place; `key` names the place. `picked` hears the customdata of a point that is clicked."""
    data = {"figure": plotly.io.to_json(figure, validate=False), "picks": picked is not None}
    height = int(figure.layout.height)
    if picked is None:
        return _plot(key=key, data=data, height=height)

    def told() -> None:
        news = st.session_state[key].get("picked")
        if isinstance(news, dict):
            picked(news.get("value"))

    return _plot(key=key, data=data, height=height, on_picked_change=told)
