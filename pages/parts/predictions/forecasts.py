"""Forecasts over the truth: what the network saw, what came, what it said, and what the naive forecast says."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from trainers.runs.predictions import Predictions

SEEN = 3  # times the horizon, of the history, at least 30 steps


def show(found: Predictions, key: str) -> None:
    """One sample's forecast, chosen among all of them: the worst first, or in the order of time."""
    with st.container(horizontal=True, vertical_alignment="center", key="samples_head"):
        charts.heading("Forecast", "over what came")
        by_error = st.segmented_control(
            "order", ("worst first", "in order"), default="worst first", required=True, key="forecast_order",
            label_visibility="collapsed",
        ) == "worst first"  # fmt: skip
    order = found.order if by_error else np.argsort(found.indices, kind="stable")
    with st.container(horizontal=True, vertical_alignment="center", key="paging"):
        held = f"forecast_{key}_{by_error}"
        place = int(st.number_input("sample", 1, len(order), 1, key=held, label_visibility="collapsed", width=130))
        index = int(order[place - 1])
        words = f"{place:,} of {len(order):,} · sample {found.indices[index]:,} of the data set"
        st.html(f'<div class="nl-label">{words}</div>')
        column = _column(found, key)
    charts.draw(forecast_figure(found, index, column), "forecast")


def _column(found: Predictions, key: str) -> int:
    names = _names(found)
    if len(names) < 2:
        return 0
    return int(
        st.selectbox(
            "column", range(len(names)), key=f"forecast_column_{key}", format_func=names.__getitem__,
            label_visibility="collapsed", width=160,
        )
    )  # fmt: skip


def _names(found: Predictions) -> list[str]:
    names = list(found.targets_named)
    return names or [f"column {number}" for number in range(found.targets.shape[2])]


def forecast_figure(found: Predictions, index: int, column: int) -> go.Figure:
    """History, truth, forecast and the naive forecast of one sample and column; time 0 is the first step ahead."""
    look, horizon = charts.look(), found.targets.shape[1]
    ahead = np.arange(1, horizon + 1)
    traces = []
    history = _history(found, index, column)
    if history is not None:
        history = history[-max(SEEN * horizon, 30) :]
        steps = np.arange(1 - len(history), 1)
        traces.append(charts.line(steps, history, "seen", look.soft, 1.4))
        ahead_of = (np.array([0]), history[-1:])
    else:
        ahead_of = (np.zeros(0, int), np.zeros(0))

    def joined(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return np.concatenate([ahead_of[0], ahead]), np.concatenate([ahead_of[1], values])

    if found.naive is not None:
        naive = charts.line(*joined(found.naive[index, :, column]), "naive", look.soft, 1.2)
        naive.line.dash = "dot"
        traces.append(naive)
    traces.append(charts.line(*joined(found.targets[index, :, column]), "truth", look.training, 2.0))
    traces.append(charts.line(*joined(found.predicted[index, :, column]), "forecast", look.validation, 2.4))
    border = {"type": "line", "x0": 0.5, "x1": 0.5, "yref": "paper", "y0": 0, "y1": 1,
              "line": {"color": look.grid, "width": 1.2}}  # fmt: skip
    name = escape(_names(found)[column])
    return charts.figure(traces, x="steps ahead", y=name, height=330, state=f"forecast{column}", shapes=[border])


def _history(found: Predictions, index: int, column: int) -> NDArray[np.float32] | None:
    """What the network saw of the column that is forecast, if it is among those that go in."""
    names, features = found.targets_named, found.features
    seen = found.inputs[0][index]
    if names and names[column] in features:
        return np.asarray(seen[:, features.index(names[column])])
    return np.asarray(seen[:, column]) if seen.shape[1] == found.targets.shape[2] else None


def by_step(found: Predictions) -> None:
    """The mean error of each step ahead beside that of the naive forecast: the further, the harder."""
    with charts.card("steps_ahead"):
        charts.heading("Error by distance", "mean absolute error of each step ahead")
        charts.draw(step_figure(found), "steps_ahead")
    with charts.card("skill"):
        charts.heading("Against the naive forecast", "mean absolute errors of each column")
        st.html(_against(found))


def step_figure(found: Predictions) -> go.Figure:
    """Errors over the distance, averaged over samples and, each in its own spread, over columns."""
    look = charts.look()
    one = found.targets.shape[2] == 1
    spread = 1.0 if one else np.maximum(found.targets.std(axis=(0, 1)), 1e-12)
    ahead = np.arange(1, found.targets.shape[1] + 1)

    def error(said: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((np.abs(said - found.targets) / spread).mean(axis=(0, 2)))

    traces = [charts.line(ahead, error(found.predicted), "network", look.validation, 2.2)]
    if found.naive is not None:
        traces.append(charts.line(ahead, error(found.naive), "naive", look.soft, 1.6))
    unit = escape(_names(found)[0]) if one else "in spreads of each column"
    low = {"rangemode": "tozero"}
    return charts.figure(traces, x="steps ahead", y=unit, state="steps", yaxis=low, xaxis={"tickformat": ",d"})


def _against(found: Predictions) -> str:
    """A row for each column: the network's error, the naive one's, and the share that is saved."""
    rows = ""
    for place, name in enumerate(_names(found)):
        mine = float(np.abs(found.predicted[..., place] - found.targets[..., place]).mean())
        cells = [escape(name), f"{mine:.4g}", "–", "–"]
        if found.naive is not None:
            naive = float(np.abs(found.naive[..., place] - found.targets[..., place]).mean())
            cells[2:] = [f"{naive:.4g}", f"{1 - mine / max(naive, 1e-12):+.0%}"]
        rows += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    head = "<tr><th></th><th>network</th><th>naive</th><th>saved</th></tr>"
    return f'<table class="nl-small-table">{head}{rows}</table>'
