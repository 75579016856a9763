"""What all charts share: few enough points, smoothing, the colours of the theme in use, and the frame of a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from pages.parts.theme import plot, theme
from pages.parts.theme.escaping import escape

LIMIT = 1000  # points of one trace at most, however long the run is
HEIGHT = 236
SCALE = "Viridis"  # for sizes: the same in charts and on the graph
FONT = '"Source Sans", "Source Sans Pro", sans-serif'
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Look:
    """The colours of charts on one theme's ground."""

    text: str
    soft: str
    grid: str
    training: str  # the accent
    pale: str  # the accent behind itself: largest values, curves before smoothing
    validation: str
    bad: str
    ground: str


LIGHT = Look("#1F2333", "#6B7085", "#E3E5EE", "#4F46E5", "#C7C9F8", "#D97706", "#DC2626", "#FFFFFF")
DARK = Look("#ECEEF6", "#9DA3BA", "#2A2F42", "#818CF8", "#3A3D78", "#FBBF24", "#F87171", "#0B0D16")


def look() -> Look:
    """The colours for the theme that the reader sees now."""
    return DARK if theme.kind() == "dark" else LIGHT


def thin(x: Numbers, y: Numbers, limit: int = LIMIT) -> tuple[Numbers, Numbers]:
    """At most `limit` points that look like all of them: the ends, and of each stretch its lowest and its highest."""
    x, y = np.asarray(x), np.asarray(y)
    count = len(y)
    if count <= limit:
        return x, y
    stretches = (limit - 2) // 2
    group = np.arange(count - 2) * stretches // (count - 2)
    inner = y[1:-1]
    order = np.lexsort((inner, group))  # by stretch, and in it from low to high
    starts = np.searchsorted(group[order], np.arange(stretches))
    ends = np.append(starts[1:], count - 2) - 1
    kept = np.unique(np.concatenate([[0], order[starts] + 1, order[ends] + 1, [count - 1]]))
    return x[kept], y[kept]


def smooth(y: Numbers, weight: float) -> Numbers:
    """The moving average that forgets: each point keeps `weight` of what was before; fair to the first points, too."""
    if weight <= 0 or len(y) < 2:
        return np.asarray(y)
    return pd.Series(y).ewm(alpha=1 - weight).mean().to_numpy()


def depth_colours(count: int) -> list[str]:
    """A colour for each node from the first to the last, so that depth can be read off the lines."""
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
    """A figure in our frame; `key`: with one to its colours. While `state` stays, so do zoom and hidden traces."""
    colours = look()

    def axis(title: str, **more: Any) -> dict[str, Any]:
        font = {"color": colours.soft, "size": 11.5}
        return {
            "gridcolor": colours.grid, "linecolor": colours.grid, "zeroline": False, "automargin": True,
            "tickfont": {"color": colours.soft}, "title": {"text": title, "font": font, "standoff": 6}, **more,
        }  # fmt: skip

    power = {"type": "log", "exponentformat": "power"} if log else {}
    # In one piece: update_layout and its like cost ten times as much, and this is done every second.
    return go.Figure(
        list(traces),
        {
            "template": "none", "height": height, "margin": {"l": 44, "r": 10, "t": 26 if key else 8, "b": 34},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "uirevision": state or "same",
            "font": {"family": FONT, "size": 11.5, "color": colours.text}, "hovermode": "closest", "showlegend": key,
            "hoverlabel": {"bgcolor": colours.ground, "bordercolor": colours.grid, "font": {"color": colours.text}},
            **layout,
            "legend": {
                "orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top", "yref": "container",
                "font": {"size": 11}, **layout.get("legend", {}),
            },
            "xaxis": axis(x, **{"showgrid": False, **layout.get("xaxis", {})}),
            "yaxis": axis(y, **{**power, **layout.get("yaxis", {})}),
        },
    )  # fmt: skip


def level(y: float, dash: str = "dash") -> dict[str, Any]:
    """A horizontal line across the chart, for `shapes`."""
    line = {"color": look().soft, "width": 1.2, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def line(x: Numbers, y: Numbers, name: str, colour: str, width: float = 2.0, **more: Any) -> go.Scatter:
    """A curve of at most LIMIT points."""
    x, y = thin(x, y)
    dots = "lines+markers" if len(x) < 3 else "lines"
    return go.Scatter(
        x=x, y=y, name=name, mode=dots, line={"color": colour, "width": width}, marker={"size": 6},
        **{"hovertemplate": f"{escape(name)} %{{y:.4g}} at %{{x:,}}<extra></extra>", **more},
    )  # fmt: skip


def per_node(
    steps: Numbers, values: Numbers, nodes: Sequence[str], *, state: str, log: bool = False, **layout: Any
) -> go.Figure:
    """One curve for each node over the steps, coloured by depth. `values` is nodes × moments."""
    traces = []
    for node, row, colour in zip(nodes, values, depth_colours(len(nodes)), strict=True):
        shown = np.isfinite(row) & (row > 0) if log else np.isfinite(row)
        traces.append(line(steps[shown], row[shown], node, colour, 1.6))
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "yref": "paper", "font": {"size": 10.5}}
    return figure(traces, x="step", log=log, state=state, legend=beside, **layout)


def decades(low: float, high: float) -> list[float]:
    """The range of a log axis in whole decades, so that it does not shift with every new number."""
    bottom, top = math.floor(math.log10(max(low, 1e-300))), math.ceil(math.log10(max(high, 1e-300)))
    return [bottom - 0.02, max(top, bottom + 1) + 0.02]


def colour_range(logs: Numbers | Sequence[float]) -> tuple[float, float]:
    """The ends of a colour scale for sizes: three decades at least, so that small differences stay small."""
    if not len(logs):
        return -3.0, 0.0
    low, high = float(np.min(logs)), float(np.max(logs))
    more = max(0.0, 3.0 - (high - low)) / 2
    return low - more, high + more


def tilt(names: Sequence[str]) -> int:
    """The angle at which names fit below an axis."""
    return 0 if sum(len(name) + 2 for name in names) < 62 else -45


def draw(made: go.Figure, key: str, picked: Callable[[Any], None] | None = None) -> None:
    """Put a figure on the page, without a tool bar. `picked` hears the customdata of a point that is clicked."""
    plot.draw(made, f"chart_{key}", picked)


def card(key: str) -> AbstractContextManager[Any]:
    """The frame around a chart with its heading."""
    return st.container(border=True, key=f"card_{key}", gap=None)


def heading(title: str, note: str = "") -> None:
    """What one sees in the chart below, and in small how to read it."""
    small = f"<small>{escape(note)}</small>" if note else ""
    st.html(f'<div class="nl-chart-title"><b>{escape(title)}</b>{small}</div>')


def nothing(sentence: str, height: int = HEIGHT) -> None:
    """Instead of a chart: why there is none yet."""
    st.html(f'<div class="nl-nothing" style="height:{height}px">{escape(sentence)}</div>')
