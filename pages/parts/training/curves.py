"""The curves everyone looks at first: loss and metrics over the run, training and validation."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.theme import charts
from pages.parts.training.run_data import Curve, Live
from trainers.paradigms.base import ReportedMetric

ROOM = 56  # letters of scores' names beside each other
NOT_YET = "The first numbers come within a second of training."
NOT_SCORED = "The first score comes at the end of the first epoch."


def loss(live: Live) -> None:
    """Training loss, thin as it is and bold smoothed, beside the validation loss."""
    with st.container(horizontal=True, vertical_alignment="center", key="loss_head"):
        charts.heading("Loss")
        weight = st.slider(
            "smoothing", 0.0, 0.98, 0.6, 0.02, key="smoothing", help="How much of what was before each point keeps.",
            format="smoothing %.2f", label_visibility="collapsed",
        )  # fmt: skip
        log = st.toggle("log axis", True, key="loss_log", help="Equal distances are equal ratios.")
    training, validation = (live.curves.get((split, "loss")) for split in ("training", "validation"))
    if training is None and validation is None:
        return charts.nothing(NOT_YET)
    known = [curve.value for curve in (training, validation) if curve is not None]
    log = log and min(values.min(initial=1.0) for values in known) >= 0  # scores below zero have no logarithm
    return charts.draw(loss_figure(training, validation, weight, log, live.run.id), "loss")


def loss_figure(training: Curve | None, validation: Curve | None, weight: float, log: bool, state: str) -> go.Figure:
    """Both curves; on a log axis values of zero or less are left out."""
    look = charts.look()
    traces = []
    if training is not None:
        rough = weight > 0 and len(training.value) > 2
        if rough:
            traces.append(
                charts.line(
                    training.step, training.value, "each step", look.pale, 1.0, showlegend=False, hoverinfo="skip",
                    hovertemplate=None,
                )
            )  # fmt: skip
        traces.append(charts.line(training.step, charts.smooth(training.value, weight), "training", look.training, 2.2))
    if validation is not None:
        traces.append(charts.line(validation.step, validation.value, "validation", look.validation, 2.2))
    values = np.concatenate([curve.value for curve in (training, validation) if curve is not None])
    values = values[np.isfinite(values) & (values > 0)]
    wide = len(values) and values.max() > 30 * values.min()
    small = {"exponentformat": "none", **({"dtick": 1} if wide else {"nticks": 6})} if log else {"rangemode": "tozero"}
    return charts.figure(traces, x="step", log=log, state=f"{state}{log}", yaxis=small)


def metric(live: Live) -> None:
    """Accuracy, or how much of the spread is explained, for both parts of the data, where it was scored."""
    choices = _told(live)
    labels = {entry.name: entry.label for entry in choices}
    with st.container(horizontal=True, vertical_alignment="center", key="metric_head"):
        charts.heading("Scores", "after each epoch")
        if not choices:
            return charts.nothing(NOT_SCORED)
        key = f"metric_{live.run.job.paradigm.name}{live.run.job.dataset.task}{len(choices)}"
        if sum(len(label) + 4 for label in labels.values()) > ROOM:  # more than fits beside the heading
            chosen = st.selectbox(
                "metric", list(labels), key=f"{key}_list", format_func=labels.__getitem__, width=250,
                label_visibility="collapsed",
            )  # fmt: skip
        else:
            chosen = st.segmented_control(
                "metric", list(labels), default=choices[0].name, format_func=labels.__getitem__, required=True,
                key=key, label_visibility="collapsed",
            )  # fmt: skip
    name = chosen or choices[0].name
    found = {split: live.curves.get((split, name)) for split in ("training", "validation")}
    if not any(found.values()):
        return charts.nothing(NOT_SCORED)
    return charts.draw(metric_figure(found, f"{live.run.id}{name}"), "metric")


def _told(live: Live) -> list[ReportedMetric]:
    """The scores that are there, or before the first epoch those that will be."""
    job = live.run.job
    scores = job.paradigm.metrics(job.dataset)
    there = [score for score in scores if (score.split, score.name) in live.curves]
    return there or [score for score in scores if not score.costly]


def metric_figure(found: dict[str, Curve | None], state: str) -> go.Figure:
    """One curve for each part of the data."""
    look = charts.look()
    colours = {"training": look.training, "validation": look.validation}
    traces = [
        charts.line(curve.epoch, curve.value, split, colours[split], 2.2) for split, curve in found.items() if curve
    ]
    return charts.figure(traces, x="epoch", state=state, xaxis={"tickformat": ",d"})
