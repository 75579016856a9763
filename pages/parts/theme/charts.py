"""What all charts share: the colours of the theme in use, a limit of points, smoothing, the layout of a figure.

st.plotly_chart builds a new chart for every new figure, which flickers when it happens once a second. So figures are
drawn by a component of our own, which changes the chart that is there; see docs/decisions/005-charts-that-stay.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly
import plotly.graph_objects as go
import plotly.io
import streamlit as st
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from pages.parts.theme import theme
from pages.parts.theme.escaping import escape

LIMIT = 1000  # points of one trace at most, for runs of any length
HEIGHT = 236
SCALE = "Viridis"  # the colour scale for sizes, in charts and on the graph
FONT = '"Source Sans", "Source Sans Pro", sans-serif'
Numbers = NDArray[Any]

# Only for its address: through it streamlit serves the plotly.min.js of the Python package.
_files = st.components.v1.declare_component("plotly", path=str(Path(plotly.__file__).parent / "package_data"))
_plot = st.components.v2.component("netloom_plot", js=theme.sheet("plot.js"), isolate_styles=False)


@dataclass(frozen=True)
class Look:
    """The colours of charts in one theme."""

    text: str
    soft: str
    grid: str
    training: str  # the accent
    pale: str  # a pale accent: largest values, curves before smoothing
    validation: str
    bad: str
    ground: str


LIGHT = Look("#1F2333", "#6B7085", "#E3E5EE", "#4F46E5", "#C7C9F8", "#D97706", "#DC2626", "#FFFFFF")
DARK = Look("#ECEEF6", "#9DA3BA", "#2A2F42", "#818CF8", "#3A3D78", "#FBBF24", "#F87171", "#0B0D16")


def look() -> Look:
    """The colours of charts in the theme in use."""
    return DARK if theme.kind() == "dark" else LIGHT


def thin(x: Numbers, y: Numbers, limit: int = LIMIT) -> tuple[Numbers, Numbers]:
    """At most `limit` points with the same outline: both ends, and the lowest and highest point of each interval."""
    x, y = np.asarray(x), np.asarray(y)
    count = len(y)
    if count <= limit:
        return x, y
    intervals = (limit - 2) // 2
    group = np.arange(count - 2) * intervals // (count - 2)
    inner = y[1:-1]
    order = np.lexsort((inner, group))  # by interval, and in it from low to high
    starts = np.searchsorted(group[order], np.arange(intervals))
    ends = np.append(starts[1:], count - 2) - 1
    kept = np.unique(np.concatenate([[0], order[starts] + 1, order[ends] + 1, [count - 1]]))
    return x[kept], y[kept]


def smooth(y: Numbers, weight: float) -> Numbers:
    """The exponential moving average: `weight` is the share of the earlier points; the first points are not biased."""
    if weight <= 0 or len(y) < 2:
        return np.asarray(y)
    return pd.Series(y).ewm(alpha=1 - weight).mean().to_numpy()


def depth_colours(count: int) -> list[str]:
    """A colour for each node from the first to the last, so that lines show the depth."""
    low, high = (0.2, 1.0) if theme.kind() == "dark" else (0.0, 0.85)
    return list(sample_colorscale(SCALE, list(np.linspace(low, high, count)))) if count > 1 else [look().training]


def figure(
    traces: Sequence[Any],
    *,
    x: str = "",
    y: str = "",
    log: bool = False,
    state: str = "",
    height: int = HEIGHT,
    key: bool = True,
    **layout: Any,
) -> go.Figure:
    """A figure in our layout; `key`: with a legend. Zoom and hidden traces are kept while `state` stays the same."""
    colours = look()
    power = {"type": "log", "exponentformat": "power"} if log else {}
    # In one piece: update_layout takes ten times as long, and this is done every second.
    return go.Figure(
        list(traces),
        {
            "template": "none",
            "height": height,
            "margin": {"l": 44, "r": 10, "t": 26 if key else 8, "b": 34},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "uirevision": state or "same",
            "font": {"family": FONT, "size": 11.5, "color": colours.text},
            "hovermode": "closest",
            "showlegend": key,
            "hoverlabel": {"bgcolor": colours.ground, "bordercolor": colours.grid, "font": {"color": colours.text}},
            **layout,
            "legend": {
                "orientation": "h",
                "x": 1,
                "xanchor": "right",
                "y": 1,
                "yanchor": "top",
                "yref": "container",
                "font": {"size": 11},
                **layout.get("legend", {}),
            },
            "xaxis": _axis(x, **{"showgrid": False, **layout.get("xaxis", {})}),
            "yaxis": _axis(y, **{**power, **layout.get("yaxis", {})}),
        },
    )


def _axis(title: str, **more: Any) -> dict[str, Any]:
    colours = look()
    font = {"color": colours.soft, "size": 11.5}
    return {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zeroline": False,
        "automargin": True,
        "tickfont": {"color": colours.soft, "size": 11},
        "title": {"text": title, "font": font, "standoff": 6},
        **more,
    }


def level(y: float, dash: str = "dash") -> dict[str, Any]:
    """A horizontal line across the chart, for `shapes`."""
    line = {"color": look().soft, "width": 1.2, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def line(x: Numbers, y: Numbers, name: str, colour: str, width: float = 2.0, **more: Any) -> go.Scatter:
    """A curve of at most LIMIT points."""
    x, y = thin(x, y)
    dots = "lines+markers" if len(x) < 3 else "lines"
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode=dots,
        line={"color": colour, "width": width},
        marker={"size": 6},
        **{"hovertemplate": f"{escape(name)} %{{y:.4g}} at %{{x:,}}<extra></extra>", **more},
    )


def per_node(
    steps: Numbers, values: Numbers, nodes: Sequence[str], *, state: str, log: bool = False, **layout: Any
) -> go.Figure:
    """One curve for each node over the steps, coloured by depth. `values` is nodes × steps."""
    traces = []
    for node, row, colour in zip(nodes, values, depth_colours(len(nodes)), strict=True):
        shown = np.isfinite(row) & (row > 0) if log else np.isfinite(row)
        traces.append(line(steps[shown], row[shown], node, colour, 1.6))
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "yref": "paper", "font": {"size": 10.5}}
    return figure(traces, x="step", log=log, state=state, legend=beside, **layout)


def decades(low: float, high: float) -> list[float]:
    """The range of a log axis in whole decades, so that it does not change with every new value."""
    bottom, top = math.floor(math.log10(max(low, 1e-300))), math.ceil(math.log10(max(high, 1e-300)))
    return [bottom - 0.02, max(top, bottom + 1) + 0.02]


def colour_range(logs: Numbers | Sequence[float]) -> tuple[float, float]:
    """The ends of a colour scale for sizes: at least three decades, so that small differences look small."""
    if not len(logs):
        return -3.0, 0.0
    low, high = float(np.min(logs)), float(np.max(logs))
    more = max(0.0, 3.0 - (high - low)) / 2
    return low - more, high + more


def tilt(names: Sequence[str]) -> int:
    """The angle of tick labels at which these names fit below an axis."""
    return 0 if sum(len(name) + 2 for name in names) < 62 else -45


def draw(made: go.Figure, key: str, picked: Callable[[Any], None] | None = None) -> None:
    """Put a figure on the page, without a tool bar. `picked` is called with the customdata of a clicked point."""
    name = f"chart_{key}"
    if made.layout.height is None:
        made.layout.height = HEIGHT
    height = int(made.layout.height)
    data = {
        "figure": plotly.io.to_json(made, validate=False),
        "picks": picked is not None,
        "library": f"component/{_files.name}/plotly.min.js",
    }
    if picked is None:
        _plot(key=name, data=data, height=height)
        return

    def clicked() -> None:
        event = st.session_state[name].get("picked")
        if isinstance(event, dict):
            picked(event.get("value"))

    _plot(key=name, data=data, height=height, on_picked_change=clicked)


def card(key: str) -> AbstractContextManager[Any]:
    """The frame around a chart with its heading."""
    return st.container(border=True, key=f"card_{key}", gap=None)


def heading(title: str, note: str = "") -> None:
    """What the chart below shows, and in small how to read it."""
    small = f"<small>{escape(note)}</small>" if note else ""
    st.html(f'<div class="nl-chart-title"><b>{escape(title)}</b>{small}</div>')


def empty(sentence: str, height: int = HEIGHT) -> None:
    """In place of a chart: why there is none yet."""
    st.html(f'<div class="nl-nothing" style="height:{height}px">{escape(sentence)}</div>')
