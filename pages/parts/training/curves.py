"""The curves of loss and metrics over the run, for training and validation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.charts import Plain
from pages.parts.training import feed, forking
from pages.parts.training.run_data import Curve, LiveRun
from trainers.paradigms.base import ReportedMetric

SPLITS = ("training", "validation")
MOST_LETTERS = 56  # of the labels of metrics side by side
NO_LOSS = "The first values arrive within a second of training."
NO_METRIC = "The first value arrives at the end of the first epoch."


def loss(live: LiveRun) -> None:
    """The training loss, smoothed and of each step, and the validation loss."""
    with st.container(horizontal=True, vertical_alignment="center", key="loss_head"):
        charts.heading("Loss")
        weight = st.slider(
            "smoothing",
            0.0,
            0.98,
            0.6,
            0.02,
            key="smoothing",
            help="The weight of earlier points in the moving average of the training loss.",
            format="smoothing %.2f",
            label_visibility="collapsed",
        )
        log = st.toggle("log axis", True, key="loss_log", help="A logarithmic axis: equal distances are equal ratios.")
    training, validation = (live.curves.get((split, "loss")) for split in ("training", "validation"))
    if training is None and validation is None:
        return charts.empty(NO_LOSS)
    return feed.chart("loss", _loss, live, weight, log)


def _loss(live: LiveRun, weight: float, log: bool) -> Plain:
    training, validation = (live.curves.get((split, "loss")) for split in ("training", "validation"))
    known = [curve.value for curve in (training, validation) if curve is not None]
    log = log and min((values.min(initial=1.0) for values in known), default=1.0) >= 0  # no logarithm below zero
    before = forking.curves_before(live.run)
    return loss_figure(training, validation, weight, log, live.run.id, before)


def loss_figure(
    training: Curve | None,
    validation: Curve | None,
    weight: float,
    log: bool,
    state: str,
    before: Mapping[tuple[str, str], Curve] = MappingProxyType({}),
) -> Plain:
    """Both curves; on a log axis without values of zero or less. `before`: those of the run that this one continues."""
    look = charts.look()
    traces = []
    for split in SPLITS:
        if (curve := before.get((split, "loss"))) is not None:
            value = charts.smooth(curve.value, weight) if split == "training" else curve.value
            traces.append(_dotted(charts.line(curve.step, value, f"{split}, run before", look.soft, 1.4)))
    if training is not None:
        rough = weight > 0 and len(training.value) > 2
        if rough:
            traces.append(
                charts.line(
                    training.step,
                    training.value,
                    "each step",
                    look.pale,
                    1.0,
                    showlegend=False,
                    hoverinfo="skip",
                    hovertemplate=None,
                )
            )
        traces.append(charts.line(training.step, charts.smooth(training.value, weight), "training", look.training, 2.2))
    if validation is not None:
        traces.append(charts.line(validation.step, validation.value, "validation", look.validation, 2.2))
    values = np.concatenate([curve.value for curve in (training, validation) if curve is not None] or [np.ones(1)])
    values = values[np.isfinite(values) & (values > 0)]
    axis = charts.log_axis(values.min(initial=1e300), values.max(initial=0)) if log and len(values) else {}
    return charts.plain(
        traces, x="step", log=log, state=f"{state}{log}", yaxis=axis if log else {"rangemode": "tozero"}
    )


def _dotted(trace: Plain) -> Plain:
    trace["line"]["dash"] = "dot"
    return trace


def metric(live: LiveRun) -> None:
    """A metric, such as the accuracy, for training and validation; the reader chooses which."""
    choices = _metrics(live)
    labels = {entry.name: entry.label for entry in choices}
    with st.container(horizontal=True, vertical_alignment="center", key="metric_head"):
        charts.heading("Metrics", "after each epoch")
        if not choices:
            return charts.empty(NO_METRIC)
        key = f"metric_{live.run.job.paradigm.name}{live.run.job.dataset.task}{len(choices)}"
        if sum(len(label) + 4 for label in labels.values()) > MOST_LETTERS:  # they do not fit beside the heading
            chosen = st.selectbox(
                "metric",
                list(labels),
                key=f"{key}_list",
                format_func=labels.__getitem__,
                width=250,
                label_visibility="collapsed",
            )
        else:
            chosen = st.segmented_control(
                "metric",
                list(labels),
                default=choices[0].name,
                format_func=labels.__getitem__,
                required=True,
                key=key,
                label_visibility="collapsed",
            )
    name = chosen or choices[0].name
    if not any(live.curves.get((split, name)) for split in SPLITS):
        return charts.empty(NO_METRIC)
    return feed.chart("metric", _metric, live, name)


def _metric(live: LiveRun, name: str) -> Plain:
    before = {split: forking.curves_before(live.run).get((split, name)) for split in SPLITS}
    return metric_figure({split: live.curves.get((split, name)) for split in SPLITS}, f"{live.run.id}{name}", before)


def has_metrics(live: LiveRun) -> bool:
    """Whether a metric has values."""
    return any((split, each.name) in live.curves for each in _metrics(live) for split in SPLITS)


def _metrics(live: LiveRun) -> list[ReportedMetric]:
    """The metrics that have values; before the first epoch those that will have."""
    job = live.run.job
    metrics = job.paradigm.metrics(job.dataset)
    known = [metric for metric in metrics if (metric.split, metric.name) in live.curves]
    return known or [metric for metric in metrics if not metric.costly]


def metric_figure(
    found: dict[str, Curve | None], state: str, before: Mapping[str, Curve | None] = MappingProxyType({})
) -> Plain:
    """One curve for each split; dotted those of the run that this one continues."""
    look = charts.look()
    colours = {"training": look.training, "validation": look.validation}
    traces = [
        _dotted(charts.line(curve.epoch, curve.value, f"{split}, run before", look.soft, 1.4))
        for split, curve in before.items()
        if curve
    ]
    traces += [
        charts.line(curve.epoch, curve.value, split, colours[split], 2.2) for split, curve in found.items() if curve
    ]
    return charts.plain(traces, x="epoch", state=state)
