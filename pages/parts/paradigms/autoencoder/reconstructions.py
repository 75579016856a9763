"""The samples of a split beside their reconstructions, and the reconstruction error as a sign of anomalies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.paradigms.autoencoder import live
from pages.parts.predictions.samples import page_of
from pages.parts.predictions.tiles import side_by_side
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary, snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.reconstructions import (
    AnomalyDetection,
    Floats,
    Reconstructions,
    detect_anomalies,
    reconstruct,
)
from trainers.paradigms.variational import INACTIVE
from trainers.runs.run import Run

TILES = {True: 16, False: 8}  # on a page, of images and of others
ROWS = 500


@panel("top")
def autoencoder_metrics(run: Run, split: SplitName) -> None:
    """The explained variance of the split that is shown, and the test metrics, in one line."""
    found = reconstruct(run, split)
    explained = f"explained variance <b>{max(0.0, found.explained_variance):.1%}</b>"
    labels = {metric.name: metric.label for metric in run.job.paradigm.metrics(run.job.dataset)}
    known = {labels[name]: run_summary.number(value) for name, value in run.scores().items() if name in labels}
    values = " · ".join(f"{escape(label)} <b>{value}</b>" for label, value in known.items())
    tested = f"Test: {values}" if values else "The test metrics are computed at the end of the run."
    count = f"<b>{len(found.originals):,}</b> {escape(split)} samples"
    st.html(f'<div class="nl-line"><span>{count}: {explained}</span><span>{tested}</span></div>')


@panel("left")
def reconstructions(run: Run, split: SplitName) -> None:
    """A page of samples, the largest error first or the smallest."""
    with charts.card("reconstructions"):
        found = reconstruct(run, split)
        with st.container(horizontal=True, vertical_alignment="center", key="reconstructions_head"):
            parts = "original, noisy input, reconstruction" if found.noisy is not None else "original, reconstruction"
            charts.heading("Reconstructions", f"{parts} · mean squared error")
            which = st.segmented_control(
                "which",
                ("largest", "smallest"),
                default="largest",
                required=True,
                key="reconstructions_which",
                label_visibility="collapsed",
                format_func=lambda word: f"{word} error first",
            )
        order = found.order if which == "largest" else found.order[::-1]
        if run.job.dataset.kind in ("table", "points"):
            _table(run, found, order)
            return
        st.html(tiles(found, page_of(order, TILES[_are_images(found)], f"{run.id}{split}{which}")))


def _are_images(found: Reconstructions) -> bool:
    return found.originals.ndim == 4 and found.originals.shape[1] in (1, 3)


def tiles(found: Reconstructions, shown: NDArray[np.int64]) -> str:
    """A tile for each sample: the original, the noisy input if there is one, and the reconstruction."""
    low, high = snapshots.limits(found.originals)
    figures = []
    for index in shown.tolist():
        noisy = [] if found.noisy is None else [found.noisy[index]]
        inside = _drawing([found.originals[index], *noisy, found.reconstructions[index]], low, high)
        name = found.class_name(index)
        words = f"<b>{escape(name)}</b>" if name else ""
        error = f"error {run_summary.number(found.errors[index])}"
        figures.append(f"<figure>{inside}<figcaption>{words}<small>{error}</small></figcaption></figure>")
    size, legend = "medium", ""
    if not _are_images(found):
        names = ["original", *([] if found.noisy is None else ["noisy input"]), "reconstruction"]
        size, legend = "large", sample_images.legend(names)
    return f'{legend}<div class="nl-tiles nl-{size}">{"".join(figures)}</div>'


def _drawing(parts: list[Floats], low: float, high: float) -> str:
    if parts[0].ndim == 3 and parts[0].shape[0] in (1, 3):
        return side_by_side([sample_images.image(sample_images.png(part, low, high)) for part in parts])
    return sample_images.curves(np.stack([part.ravel() for part in parts], axis=1))


def _table(run: Run, found: Reconstructions, order: NDArray[np.int64]) -> None:
    """Of tables and points: a row for each sample, every feature beside its reconstruction."""
    some = order[:ROWS]
    columns: dict[str, object] = {"error": found.errors[some].astype(float)}
    if found.labels is not None:
        columns["class"] = [found.class_name(int(index)) for index in some]
    features = run.job.dataset.feature_names or tuple(f"input {n + 1}" for n in range(found.originals.shape[1]))
    for place, name in enumerate(features):
        columns[name] = found.originals[some, place].astype(float)
        columns[f"{name}, reconstructed"] = found.reconstructions[some, place].astype(float)
    numbers = {name: st.column_config.NumberColumn(format="%.3g") for name in columns if name != "class"}
    frame = pd.DataFrame(columns)
    st.dataframe(frame, hide_index=True, height=388, column_config=numbers, key="reconstructions_table")
    if len(order) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(order):,} samples.")


@panel("right")
def kl_per_unit(run: Run, split: SplitName) -> None:
    """How much information each latent dimension of the trained network holds."""
    values = reconstruct(run, split).kl_per_dimension
    if values is None:
        return
    with charts.card("kl_per_dimension"):
        inactive = int((values <= INACTIVE).sum())
        note = f"{inactive} of {len(values)} hold no information" if inactive else "all dimensions are active"
        charts.heading("KL per latent dimension", f"in nats, {values.sum():.1f} in total · {note}")
        charts.draw(live.bars(values, f"{run.id}kl"), "kl_per_dimension")


# -- anomalies --------------------------------------------------------------------------------------------------------


@panel("right")
def anomaly_detection(run: Run, split: SplitName) -> None:
    """Where a class is excluded from training, its ROC curve and errors; the errors of the classes in any case."""
    found = reconstruct(run, split)
    detected = detect_anomalies(found)
    if found.excluded_class is not None and detected is None:
        with charts.card("anomaly_roc"):
            charts.heading("Anomalies", f"class {found.classes[found.excluded_class]} is excluded from training")
            charts.empty("Only the test split has samples of it: choose test above.", 120)
    if detected is not None:
        name = found.classes[found.excluded_class or 0]
        with charts.card("anomaly_roc"):
            charts.heading("Anomaly detection", f"AUROC {detected.auroc:.3f} · 0.5 is guessing, 1 is perfect")
            charts.draw(roc_figure(detected, name), "anomaly_roc")
        with charts.card("anomaly_errors"):
            charts.heading("Errors", f"of class {name}, which is excluded from training, and of the others")
            charts.draw(error_histogram(detected, name), "anomaly_errors")
    if found.labels is not None:
        with charts.card("class_errors"):
            charts.heading("Error of each class", "mean squared error; the box contains half of the samples")
            charts.draw(errors_by_class(found), "class_errors")


def roc_figure(found: AnomalyDetection, name: str) -> go.Figure:
    """For every threshold: the share of normal samples and the share of anomalies above it."""
    look = charts.look()
    dashes = {"color": look.soft, "dash": "dash", "width": 1}
    guessing = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dashes, hoverinfo="skip")
    curve = charts.line(
        found.false_positive_rate,
        found.true_positive_rate,
        escape(name),
        look.training,
        2.2,
        fill="tozeroy",
        hovertemplate="%{y:.0%} detected at %{x:.0%} false positives<extra></extra>",
    )
    percent = {"range": [0, 1.02], "tickformat": ".0%"}
    return charts.figure(
        [curve, guessing],
        x="false positive rate",
        y="true positive rate",
        key=False,
        height=300,
        state="roc",
        xaxis=percent,
        yaxis=percent,
    )


def error_histogram(found: AnomalyDetection, name: str) -> go.Figure:
    """The distribution of the errors of normal samples and of anomalies."""
    look = charts.look()
    both = np.concatenate([found.normal_errors, found.anomaly_errors])
    edges = np.linspace(0, float(np.quantile(both, 0.995)) or 1.0, 41)
    middle = (edges[1:] + edges[:-1]) / 2
    groups = (("other classes", found.normal_errors, look.training), (name, found.anomaly_errors, look.bad))
    traces = []
    for label, errors, colour in groups:
        counts, _ = np.histogram(np.minimum(errors, edges[-1]), edges)
        traces.append(
            go.Bar(
                x=middle,
                y=counts / max(len(errors), 1),
                name=escape(label),
                marker_color=colour,
                opacity=0.62,
                width=float(edges[1]),
                hovertemplate=f"{escape(label)}: %{{y:.1%}} at an error near %{{x:.3g}}<extra></extra>",
            )
        )
    return charts.figure(
        traces,
        x="error",
        y="share of the samples",
        barmode="overlay",
        bargap=0,
        state="errors",
        yaxis={"tickformat": ".0%"},
    )


def errors_by_class(found: Reconstructions) -> go.Figure:
    """A box for each class; the one that is excluded from training in red."""
    look = charts.look()
    assert found.labels is not None
    traces = []
    for number, name in enumerate(found.classes):
        mine = found.clean_errors[found.labels == number]
        if not len(mine):
            continue
        low, first, middle, third, high = np.quantile(mine, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
        traces.append(
            go.Box(
                x=[escape(name[:18])],
                q1=[first],
                median=[middle],
                q3=[third],
                lowerfence=[low],
                upperfence=[high],
                name=escape(name[:18]),
                line={"width": 1.4},
                marker_color=look.bad if number == found.excluded_class else look.training,
            )
        )
    return charts.figure(
        traces,
        key=False,
        state="by class",
        xaxis={"type": "category", "tickangle": charts.tilt(found.classes)},
        yaxis={"rangemode": "tozero"},
    )
