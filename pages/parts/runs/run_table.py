"""The table of all runs, and a comparison of several: their loss curves and the settings that differ."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import trainers
from builder.document import Document
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from pages.parts.training import run_data
from trainers.data import DATASETS
from trainers.runs.run import Run
from trainers.runs.summaries import RunSummary, number_of_runs, summaries, summary
from trainers.stages import clock

MOST_CURVES = 10
PAGE = 10_000  # runs in one table: the browser sorts and searches in as many


def table(key: str = "runs") -> list[Run]:
    """The table; returns the runs that are selected in it."""
    search, first = _pager(number_of_runs())
    found = summaries(PAGE, first, search)
    if not found:
        st.html(f'<div class="nl-quiet">No run has “{escape(search)}” in its name.</div>')
        return []
    event = st.dataframe(
        pd.DataFrame([row(run) for run in found]),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        height="auto" if len(found) < 10 else 330,
        placeholder="–",
        column_config={
            "best validation loss": st.column_config.NumberColumn(format="%.4g"),
            "best validation metric": st.column_config.TextColumn(help="The main metric of the task, such as accuracy"),
            "test metric": st.column_config.TextColumn(help="Of the best weights, on the test split"),
            "started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        },
    )
    if not all(run.complete for run in found):
        _read_the_rest(first, search)
    chosen = event["selection"]["rows"] if event else []
    return [trainers.open_run(found[index].id) for index in chosen if index < len(found)]


def _pager(total: int) -> tuple[str, int]:
    """A search in the names and the number of the page, if there are more runs than a table has rows.

    Returns the search and the number of runs on the pages before.
    """
    if total <= PAGE:
        return "", 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs_pager"):
        search = st.text_input("Search", key="runs_search", placeholder="Search in the names", width=260)
        pages = max(1, math.ceil(number_of_runs(search) / PAGE))
        page = st.number_input("Page", 1, pages, key=f"runs_page~{search}", width=130) if pages > 1 else 1
        st.caption(f"{total:,} runs, the newest first, {PAGE:,} on a page. A click on a column sorts the page.")
    return search, (int(page) - 1) * PAGE


@st.fragment(run_every=1.0)
def _read_the_rest(first: int, search: str) -> None:
    """Work out the values of more runs of older versions, and draw the page again when all are there."""
    left = sum(not run.complete for run in summaries(PAGE, first, search))
    if not left:
        st.rerun()
    st.caption(f"Reading {left:,} runs of an older version, once. Their values appear when they are read.")


def row(run: RunSummary) -> dict[str, Any]:
    """The row of a run."""
    progress, metric = run.progress, run.metric
    waits = progress.state == "queued" and progress.message
    data = DATASETS.get(run.data)
    return {
        "name": run.name,
        "state": progress.message.rstrip(".").lower() if waits else progress.state_in_words,
        "data set": data.title if data else "–",
        "epochs": f"{progress.epoch:,} of {progress.epochs:,}",
        "best validation loss": math.nan if run.best_loss is None else run.best_loss,
        "best validation metric": "–" if run.best is None else f"{metric.label} {run.best:.3f}",
        "test metric": "–" if run.score is None else f"{metric.label} {run.score:.3f}",
        "duration": clock(progress.seconds),
        "device": progress.device,
        "started": datetime.fromtimestamp(progress.started) if progress.started else None,
    }


# ---- several runs side by side --------------------------------------------------------------------------------------


def compare(runs: Sequence[Run]) -> None:
    """Their loss curves in one chart, and the settings in which they differ."""
    runs = list(runs)[:MOST_CURVES]
    left, right = st.columns(2, gap="small")
    with left, charts.card("compare"):
        charts.heading("Validation loss", "dotted: training loss")
        charts.draw(curves_figure(runs), "compare")
    with right, charts.card("differences"):
        charts.heading("Differences", "settings and metrics that differ between the runs")
        found = differences(runs)
        if len(found):
            st.dataframe(found, height="auto" if len(found) < 9 else 310, key="differences")
        else:
            charts.empty("These runs have the same settings and the same network.", 120)


def curves_figure(runs: Sequence[Run]) -> go.Figure:
    """A colour for each run; validation bold, training dotted."""
    traces = []
    for run, name, colour in zip(runs, labels(runs), theme.CLASS_COLOURS, strict=False):
        found = run_data.curves(run.metrics())
        validation, training = (found.get((split, "loss")) for split in ("validation", "training"))
        shown = escape(name)
        if training is not None:
            value = charts.smooth(training.value, 0.9)
            traces.append(charts.line(training.step, value, shown, colour, 1, showlegend=validation is None))
            traces[-1]["line"]["dash"] = "dot"
        if validation is not None:
            traces.append(charts.line(validation.step, validation.value, shown, colour, 2.2))
    below = {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.22, "yref": "paper", "yanchor": "top"}
    ticks = {"nticks": 6, "exponentformat": "none"}
    return charts.figure(traces, x="step", log=True, height=320, state="compare", legend=below, yaxis=ticks)


def differences(runs: Sequence[Run]) -> pd.DataFrame:
    """One row for each setting that differs, one column for each run."""
    columns = {name: _settings(run) for name, run in zip(labels(runs), runs, strict=True)}
    frame = pd.DataFrame(columns).fillna("–").astype(str)
    return frame[frame.nunique(axis=1) > 1]


def labels(runs: Sequence[Run]) -> list[str]:
    """A unique name for each run: that of its document, with the start time if several have it."""
    names = [run.name[:40] for run in runs]
    timed = [
        name if names.count(name) == 1 else f"{name}, {_start(run)}" for name, run in zip(names, runs, strict=True)
    ]
    return [
        name if timed.count(name) == 1 else f"{name} ({run.id[-4:]})" for name, run in zip(timed, runs, strict=True)
    ]


def _start(run: Run) -> str:
    started = run.progress().started
    return time.strftime("%H:%M:%S", time.localtime(started)) if started else "not started"


def _settings(run: Run) -> dict[str, Any]:
    columns = row(summary(run))
    metrics = {name: columns[name] for name in ("best validation metric", "test metric", "duration")}
    loss = columns["best validation loss"]
    return {
        **_flat(run.document.training),
        "network": _network(run.document),
        "best validation loss": "–" if np.isnan(loss) else f"{loss:.4g}",
        **metrics,
    }


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """A tree of settings as "optimizer.lr": 0.1."""
    if not isinstance(value, dict):
        return {prefix: value if isinstance(value, str) else json.dumps(value)}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = prefix if key == "name" and prefix else f"{prefix}.{key}" if prefix else str(key)
        found |= _flat(inner, name)
    return found


def _network(document: Document) -> str:
    """The network in one line: its layers with their parameters."""
    return " → ".join(
        node.type + (f"({', '.join(f'{key}={value}' for key, value in node.params.items())})" if node.params else "")
        for node in document.nodes
    )
