"""The table of all runs, and a comparison of several: their loss curves and the settings that differ."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from builder.document import Document
from builder.problems import NetloomError
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from pages.parts.training import run_data
from pages.parts.training.controls import clock
from trainers.data import DATASETS
from trainers.paradigms.base import ReportedMetric
from trainers.runs.run import OVER, Run

_rows: dict[tuple[str, str, float], dict[str, Any]] = {}
MOST_CURVES = 10


def table(runs: Sequence[Run]) -> list[Run]:
    """The table; returns the runs that are selected in it."""
    frame = pd.DataFrame([row(run) for run in runs])
    event = st.dataframe(
        frame,
        hide_index=True,
        key="runs",
        on_select="rerun",
        selection_mode="multi-row",
        height="auto" if len(frame) < 10 else 330,
        placeholder="–",
        column_config={
            "best validation loss": st.column_config.NumberColumn(format="%.4g"),
            "best validation metric": st.column_config.TextColumn(help="The main metric of the task, such as accuracy"),
            "test metric": st.column_config.TextColumn(help="Of the best weights, on the test split"),
            "started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        },
    )
    chosen = event["selection"]["rows"] if event else []
    return [runs[index] for index in chosen if index < len(runs)]


def row(run: Run) -> dict[str, Any]:
    """The row of a run; kept once the run has ended."""
    progress = run.progress()
    key = (str(run.store.folder), run.id, progress.updated)
    if key not in _rows:
        made = _row(run, progress)
        if progress.state not in OVER:
            return made
        _rows[key] = made
    return _rows[key]


def _main_metric(run: Run) -> ReportedMetric:
    """The first metric of the run's paradigm; the loss if it has none."""
    try:
        job = run.job
        metric = next(iter(job.paradigm.metrics(job.dataset)), None)
    except NetloomError:  # the run is of another version
        metric = None
    return metric or ReportedMetric("loss", "loss", higher_is_better=False)


def _row(run: Run, progress: Any) -> dict[str, Any]:
    values = run.metrics()
    data = DATASETS.get(str((run.document.training.get("data") or {}).get("name")))
    metric = _main_metric(run)
    losses, validated, tested = (
        values[(values["split"] == split) & (values["metric"] == name)]["value"].astype(float)
        for split, name in (("validation", "loss"), (metric.split, metric.name), ("test", metric.name))
    )
    best = validated.min() if metric.higher_is_better is False else validated.max()
    return {
        "name": run.name,
        "state": progress.state,
        "data set": data.title if data else "–",
        "epochs": f"{progress.epoch:,} of {progress.epochs:,}",
        "best validation loss": float(losses.min()) if len(losses) else math.nan,
        "best validation metric": f"{metric.label} {best:.3f}" if len(validated) else "–",
        "test metric": f"{metric.label} {tested.iloc[-1]:.3f}" if len(tested) else "–",
        "duration": clock(progress.seconds),
        "device": progress.device,
        "started": pd.Timestamp.fromtimestamp(progress.started) if progress.started else None,
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
            traces[-1].line.dash = "dot"
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
    columns = row(run)
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
