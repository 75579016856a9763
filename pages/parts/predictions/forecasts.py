"""Views of forecasts: the forecast of a sample beside its target, and errors by the number of steps ahead."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import prediction_view, sample_view
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run

HISTORY = 3  # times the horizon, at least 30 steps of the input


@sample_view
def forecast(run: Run, found: Predictions, key: str) -> None:
    """The forecast of one sample, which the reader chooses: the largest error first, or in the order of the data."""
    with st.container(horizontal=True, vertical_alignment="center", key="samples_head"):
        charts.heading("Forecast", "of one sample, beside its target")
        by_error = (
            st.segmented_control(
                "order",
                ("largest error first", "in order"),
                default="largest error first",
                required=True,
                key="forecast_order",
                label_visibility="collapsed",
            )
            == "largest error first"
        )
    order = found.order if by_error else np.argsort(found.indices, kind="stable")
    with st.container(horizontal=True, vertical_alignment="center", key="paging"):
        widget_key = f"forecast_{key}_{by_error}"
        place = int(
            st.number_input("sample", 1, len(order), 1, key=widget_key, label_visibility="collapsed", width=130)
        )
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
            "column",
            range(len(names)),
            key=f"forecast_column_{key}",
            format_func=names.__getitem__,
            label_visibility="collapsed",
            width=160,
        )
    )


def _names(found: Predictions) -> list[str]:
    names = list(found.target_names)
    return names or [f"column {number}" for number in range(found.targets.shape[2])]


def forecast_figure(found: Predictions, index: int, column: int) -> go.Figure:
    """Input, target, forecast and naive forecast of one sample and column; step 1 is the first one ahead."""
    look, horizon = charts.look(), found.targets.shape[1]
    ahead = np.arange(1, horizon + 1)
    traces = []
    history = _history(found, index, column)
    if history is not None:
        history = history[-max(HISTORY * horizon, 30) :]
        steps = np.arange(1 - len(history), 1)
        traces.append(charts.line(steps, history, "input", look.soft, 1.4))
        ahead_of = (np.array([0]), history[-1:])
    else:
        ahead_of = (np.zeros(0, int), np.zeros(0))

    def joined(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return np.concatenate([ahead_of[0], ahead]), np.concatenate([ahead_of[1], values])

    if found.naive is not None:
        naive = charts.line(*joined(found.naive[index, :, column]), "naive", look.soft, 1.2)
        naive["line"]["dash"] = "dot"
        traces.append(naive)
    traces.append(charts.line(*joined(found.targets[index, :, column]), "target", look.training, 2.0))
    traces.append(charts.line(*joined(found.predicted[index, :, column]), "forecast", look.validation, 2.4))
    border = {
        "type": "line",
        "x0": 0.5,
        "x1": 0.5,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": look.grid, "width": 1.2},
    }
    name = escape(_names(found)[column])
    return charts.figure(traces, x="steps ahead", y=name, height=330, state=f"forecast{column}", shapes=[border])


def _history(found: Predictions, index: int, column: int) -> NDArray[np.float32] | None:
    """The input steps of the column to forecast, if it is among the inputs."""
    names, features = found.target_names, found.features
    given = found.inputs[0][index]
    if names and names[column] in features:
        return np.asarray(given[:, features.index(names[column])])
    return np.asarray(given[:, column]) if given.shape[1] == found.targets.shape[2] else None


@prediction_view
def forecast_errors(run: Run, found: Predictions) -> None:
    """The mean absolute error by steps ahead and by column, beside that of the naive forecast."""
    with charts.card("steps_ahead"):
        charts.heading("Error by steps ahead", "mean absolute error")
        charts.draw(step_figure(found), "steps_ahead")
    with charts.card("skill"):
        charts.heading("Comparison with the naive forecast", "mean absolute error of each column")
        st.html(_comparison(found))


def step_figure(found: Predictions) -> go.Figure:
    """Mean errors over samples and columns; of several columns in units of their standard deviations."""
    look = charts.look()
    one = found.targets.shape[2] == 1
    std = 1.0 if one else np.maximum(found.targets.std(axis=(0, 1)), 1e-12)
    ahead = np.arange(1, found.targets.shape[1] + 1)

    def error(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((np.abs(values - found.targets) / std).mean(axis=(0, 2)))

    traces = [charts.line(ahead, error(found.predicted), "network", look.validation, 2.2)]
    if found.naive is not None:
        traces.append(charts.line(ahead, error(found.naive), "naive", look.soft, 1.6))
    unit = escape(_names(found)[0]) if one else "standard deviations"
    low = {"rangemode": "tozero"}
    return charts.figure(traces, x="steps ahead", y=unit, state="steps", yaxis=low, xaxis={"tickformat": ",d"})


def _comparison(found: Predictions) -> str:
    """A row for each column: the errors of the network and of the naive forecast, and the improvement."""
    rows = ""
    for place, name in enumerate(_names(found)):
        mine = float(np.abs(found.predicted[..., place] - found.targets[..., place]).mean())
        cells = [escape(name), f"{mine:.4g}", "–", "–"]
        if found.naive is not None:
            naive = float(np.abs(found.naive[..., place] - found.targets[..., place]).mean())
            cells[2:] = [f"{naive:.4g}", f"{1 - mine / max(naive, 1e-12):+.0%}"]
        rows += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    head = "<tr><th></th><th>network</th><th>naive</th><th>improvement</th></tr>"
    return f'<table class="nl-small-table">{head}{rows}</table>'
