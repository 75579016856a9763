"""What all charts share: the colours of the theme in use, a limit of points, smoothing, the layout of a figure.

st.plotly_chart builds a new chart for every new figure, which flickers when it happens once a second. So figures are
drawn by a component of our own, which changes the chart that is there; see docs/decisions/005-charts-that-stay.md.
"""

from __future__ import annotations

import base64
import functools
import json
import math
from collections.abc import Callable, Iterable, Sequence
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
COUNTED, FEW = ("epoch", "step"), 10  # axes of whole numbers, and the longest of them with a tick at each
SCALE = "Viridis"  # the colour scale for sizes, in charts and on the graph
FONT = '"Source Sans", "Source Sans Pro", sans-serif'
Numbers = NDArray[Any]
Plain = dict[str, Any]  # a figure or a trace as plotly.js reads it

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
    bad: str  # what an error is about
    warning: str
    ground: str


LIGHT = Look("#1F2333", "#6B7085", "#E3E5EE", "#4F46E5", "#C7C9F8", "#D97706", "#DC2626", "#B45309", "#FFFFFF")
DARK = Look("#ECEEF6", "#9DA3BA", "#2A2F42", "#818CF8", "#3A3D78", "#FBBF24", "#F87171", "#FCD34D", "#0B0D16")


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
    return scale_colours(np.linspace(low, high, count)) if count > 1 else [look().training]


def scale_colours(shares: Iterable[float]) -> list[str]:
    """The colours of SCALE at shares of its length, from 0 to 1, as rgb(…)."""
    known = _scale()
    return [known[round(min(max(share, 0.0), 1.0) * (len(known) - 1))] for share in shares]


@functools.cache
def _scale() -> list[str]:
    """SCALE in fine steps: plotly needs a millisecond for each call."""
    return list(sample_colorscale(SCALE, [step / 511 for step in range(512)], colortype="rgb"))


def figure(traces: Sequence[Any], **layout: Any) -> go.Figure:
    """As `plain`, as plotly's object, which checks every value: for charts that are not drawn again every second."""
    made = plain(traces, **layout)
    return go.Figure(made["data"], made["layout"])


def plain(
    traces: Sequence[Any],
    *,
    x: str = "",
    y: str = "",
    log: bool = False,
    state: str = "",
    height: int = HEIGHT,
    key: bool = True,
    **layout: Any,
) -> Plain:
    """A figure in our layout, as plain data; `key`: with a legend. Zoom and hidden traces are kept while `state` stays
    the same.

    plotly's objects check every value against its schema, which takes ten times as long as everything else.
    """
    colours = look()
    power = {"type": "log", "exponentformat": "power"} if log else {}
    return {
        "data": list(traces),
        "layout": {
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
            "xaxis": _axis(
                x, **{"showgrid": False, **(whole_numbers(traces) if x in COUNTED else {}), **layout.get("xaxis", {})}
            ),
            "yaxis": _axis(y, **{**power, **layout.get("yaxis", {})}),
        },
    }


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


def line(x: Numbers, y: Numbers, name: str, colour: str, width: float = 2.0, **more: Any) -> Plain:
    """A curve of at most LIMIT points."""
    x, y = thin(x, y)
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "name": name,
        "mode": "lines+markers" if len(x) < 3 else "lines",
        "line": {"color": colour, "width": width},
        "marker": {"size": 6},
        "hovertemplate": f"{escape(name)} %{{y:.4g}} at %{{x:,}}<extra></extra>",
        **more,
    }


def per_node(
    steps: Numbers, values: Numbers, nodes: Sequence[str], *, state: str, log: bool = False, **layout: Any
) -> Plain:
    """One curve for each node over the steps, coloured by depth. `values` is nodes × steps."""
    traces = []
    for node, row, colour in zip(nodes, values, depth_colours(len(nodes)), strict=True):
        shown = np.isfinite(row) & (row > 0) if log else np.isfinite(row)
        traces.append(line(steps[shown], row[shown], node, colour, 1.6))
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "yref": "paper", "font": {"size": 10.5}}
    return plain(traces, x="step", log=log, state=state, legend=beside, **layout)


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


def whole_numbers(traces: Sequence[Any]) -> dict[str, Any]:
    """An axis of epochs or steps: whole numbers, also where there are few of them."""
    known = [np.asarray(trace["x"], dtype=float) for trace in traces if len(trace["x"])]
    spread = max((x.max() for x in known), default=0) - min((x.min() for x in known), default=0)
    return {"tickformat": ",d", **({"dtick": 1} if spread <= FEW else {})}


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Ticks of a log axis from `low` to `high` that can be read: 0.02, 0.05, 0.1; over many decades powers of ten."""
    low, high = max(low, 1e-300), max(high, 1e-300)
    if high < 5 * low:  # too narrow for the digits of whole decades
        size = max(high - low, low / 10) / 4
        power = 10.0 ** math.floor(math.log10(size))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= size)
        ticks = [step * count for count in range(max(1, round(low / step) - 4), round(high / step) + 5)]
        return {"tickmode": "array", "tickvals": ticks, "ticktext": [f"{value:.3g}" for value in ticks]}
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = (1, 2, 5) if top - bottom <= 2 else (1, 3) if top - bottom <= 3 else (1,)
    every = max(1, round((top - bottom) / 6))
    powers = range(bottom - 1, top + 2) if every == 1 else range(bottom - bottom % every, top + 1, every)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    return {"tickmode": "array", "tickvals": ticks, "ticktext": [_tick(value) for value in ticks]}


def _tick(value: float) -> str:
    """A number of one digit as one reads it: 0.05, 300, 10⁻⁶."""
    power = math.floor(math.log10(value) + 1e-9)
    if -4 < power < 5:
        return f"{value:,.{max(0, -power)}f}"
    digit = round(value / 10.0**power)
    return f"{'' if digit == 1 else f'{digit}·'}10<sup>{power}</sup>".replace("-", "−")


def draw(
    made: go.Figure | Plain, key: str, picked: Callable[[Any], None] | None = None, at: float | None = None
) -> None:
    """Put a figure on the page, without a tool bar. `picked` is called with the customdata of a clicked point.

    `at` is the time of its numbers if it follows a run: the feed does not go back behind it.
    """
    name = f"chart_{key}"
    text, height = encoded(made)
    data = {
        "figure": text,
        "key": key,
        "at": at,
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


def encoded(made: go.Figure | Plain) -> tuple[str, int]:
    """A figure as JSON, and its height in pixels."""
    if isinstance(made, dict):
        return json.dumps(made, default=_array), int(made["layout"]["height"])
    if made.layout.height is None:
        made.layout.height = HEIGHT
    return str(plotly.io.to_json(made, validate=False)), int(made.layout.height)


def _array(values: Any) -> Any:
    """An array as plotly.js reads it: its bytes in base64, a tenth of the time and a third of the size of numbers in
    words. Single precision is finer than a screen."""
    values = np.asarray(values)
    if not values.ndim:
        return values.item()
    if values.dtype.kind not in "fiub":
        return values.tolist()
    exact = values.dtype.kind != "f" and np.abs(values).max(initial=0) >= 2**24
    made = np.ascontiguousarray(values, dtype="<f8" if exact else "<f4")
    found: dict[str, Any] = {"dtype": made.dtype.str[1:], "bdata": base64.b64encode(made.tobytes()).decode()}
    return {**found, "shape": ", ".join(map(str, made.shape))} if made.ndim > 1 else found


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
