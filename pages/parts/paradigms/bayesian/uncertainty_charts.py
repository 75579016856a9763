"""Charts of the uncertainty of a Bayesian network: over the plane, as histograms, calibration, rejection, intervals."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image
from plotly.colors import sample_colorscale

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.theme.theme import class_colour
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian import evaluation
from trainers.paradigms.bayesian.evaluation import Calibration, Numbers
from trainers.paradigms.bayesian.predictions import (
    UncertainPredictions,
    UncertaintySurface,
    predict_with_uncertainty,
    uncertainty_surface,
)
from trainers.runs.predictions import has_surface
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced

TALL = 400
MOST_DOTS = 160
PERCENT = {"tickformat": ".1~%"}


@panel("right")
def uncertainty_distribution(run: Run, split: SplitName) -> None:
    """Where the predictions are uncertain: over the plane, in intervals, or as a histogram."""
    found = predict_with_uncertainty(run, split)
    if has_surface(run):
        with charts.card("uncertainty_surface"):
            with st.container(horizontal=True, vertical_alignment="center", key="uncertainty_surface_head"):
                charts.heading("Uncertainty over the plane", "bright: uncertain")
                surface = uncertainty_surface(run)
                names = list(surface.measures)
                chosen = st.segmented_control(
                    "measure",
                    names,
                    default=names[0],
                    required=True,
                    key="uncertainty_measure",
                    label_visibility="collapsed",
                )
            charts.draw(surface_figure(surface, chosen or names[0]), "uncertainty_surface")
    elif found.distribution is None:
        intervals(found)
    else:
        with charts.card("entropies"):
            charts.heading("Entropy", "of samples that are predicted correctly and of those that are not")
            correct = found.distribution.predicted == found.predictions.targets
            groups = {"correct": found.distribution.entropy[correct], "wrong": found.distribution.entropy[~correct]}
            charts.draw(histograms(groups, "entropy in nats", "entropies"), "entropies")


def histograms(groups: dict[str, Numbers], x: str, state: str, threshold: float | None = None) -> go.Figure:
    """The distribution of a measure in each group, one over the other."""
    look = charts.look()
    top = max((float(values.max()) for values in groups.values() if len(values)), default=1.0)
    traces = [
        go.Histogram(
            x=values,
            name=f"{escape(name)} ({len(values):,})",
            histnorm="percent",
            opacity=0.65,
            xbins={"start": 0, "end": top * 1.001 + 1e-9, "size": (top + 1e-9) / 30},
            marker_color=colour,
            hovertemplate="%{y:.1f} % at %{x}<extra></extra>",
        )
        for (name, values), colour in zip(groups.items(), (look.training, look.validation), strict=False)
    ]
    shapes = []
    if threshold is not None:
        line = {"color": look.soft, "width": 1.4, "dash": "dash"}
        ends = {"yref": "paper", "y0": 0, "y1": 1, "x0": threshold, "x1": threshold}
        shapes.append({"type": "line", **ends, "line": line})
    return charts.figure(traces, x=x, y="% of each", state=state, barmode="overlay", shapes=shapes)


def surface_figure(found: UncertaintySurface, name: str) -> go.Figure:
    """One measure over the plane as an image, and the training points."""
    points, classes = found.points
    few = evenly_spaced(len(points), charts.LIMIT)
    traces = []
    for number, label in enumerate(found.classes):
        mine = few[classes[few] == number]
        marker = {"size": 4.5, "line": {"width": 0.6, "color": "#FFFFFF"}, "color": class_colour(number)}
        traces.append(
            go.Scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                mode="markers",
                name=escape(label[:18]),
                marker=marker,
                hovertemplate=f"{escape(label[:18])}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
            )
        )
    values = found.measures[name]
    top = float(values.max())
    traces.append(_scale_bar(top))
    low, high = (float(found.x[0]), float(found.y[0])), (float(found.x[-1]), float(found.y[-1]))
    size = {"sizex": high[0] - low[0], "sizey": high[1] - low[1], "sizing": "stretch"}
    position = {"xref": "x", "yref": "y", "x": low[0], "y": high[1], "layer": "below"}
    return charts.figure(
        traces,
        height=TALL,
        state=f"uncertainty{name}",
        images=[{"source": _image(values, max(top, 1e-9)), **position, **size}],
        xaxis={"range": [low[0], high[0]], "constrain": "domain"},
        yaxis={"range": [low[1], high[1]], "scaleanchor": "x", "showgrid": False, "constrain": "domain"},
    )


def _scale_bar(top: float) -> go.Scatter:
    """A trace without points that shows the colour scale."""
    bar = {"thickness": 9, "outlinewidth": 0, "tickfont": {"size": 10.5, "color": charts.look().soft}, "nticks": 5}
    marker = {"color": [0], "cmin": 0, "cmax": max(top, 1e-9), "colorscale": charts.SCALE, "colorbar": bar}
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, showlegend=False, hoverinfo="skip")


def _image(values: Numbers, top: float) -> str:
    colours = sample_colorscale(charts.SCALE, list(np.linspace(0, 1, 128)), colortype="tuple")
    table = (np.array(colours) * 255).astype(np.uint8)
    pixels = table[np.clip(values / top * 127, 0, 127).astype(int)][::-1]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@panel("right")
def calibration(run: Run, split: SplitName) -> None:
    """Whether the accuracy equals the confidence; of numbers, whether intervals contain the truth often enough."""
    found = predict_with_uncertainty(run, split)
    with charts.card("calibration"):
        if found.distribution is None:
            charts.heading("Coverage", "how often the truth lies in the interval; on the diagonal: calibrated")
            return charts.draw(coverage_figure(found), "calibration")
        held = predict_with_uncertainty(run, "validation")
        assert held.distribution is not None
        temperature = evaluation.fit_temperature(held.distribution.mean, held.predictions.targets)
        mean, truth = found.distribution.mean, found.predictions.targets
        curves = {
            "single network": evaluation.calibration(found.single, truth),
            "mean prediction": evaluation.calibration(mean, truth),
            "with temperature": evaluation.calibration(evaluation.apply_temperature(mean, temperature), truth),
        }
        charts.heading("Calibration", "on the diagonal: calibrated; below it: overconfident")
        charts.draw(calibration_figure(curves), "calibration")
        verdict = "well calibrated" if 0.95 < temperature < 1.05 else "overconfident"
        verdict = "underconfident" if temperature <= 0.95 else verdict
        errors = " · ".join(f"{name} <b>{curve.error:.3f}</b>" for name, curve in curves.items())
        st.html(
            f'<div class="nl-note">Expected calibration error: {errors}. Temperature <b>{temperature:.2f}</b>, fitted '
            f"on the validation split: without it the mean prediction is {verdict}.</div>"
        )
    return None


def _diagonal() -> go.Scatter:
    dashes = {"color": charts.look().soft, "dash": "dash", "width": 1}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dashes, hoverinfo="skip", showlegend=False)


def calibration_figure(curves: dict[str, Calibration]) -> go.Figure:
    """Accuracy against confidence; the area of a dot grows with the number of samples in the bin."""
    look = charts.look()
    traces = [_diagonal()]
    for (name, curve), colour in zip(curves.items(), (look.soft, look.training, look.validation), strict=True):
        sizes = 5 + 13 * np.sqrt(curve.count / max(curve.count.max(), 1))
        values = "confidence %{x:.0%}, accuracy %{y:.0%}, %{customdata:,} samples"
        traces.append(
            go.Scatter(
                x=curve.confidence,
                y=curve.accuracy,
                mode="lines+markers",
                name=name,
                line={"color": colour, "width": 1.6},
                marker={"size": sizes, "opacity": 0.8},
                customdata=curve.count,
                hovertemplate=f"{name}: {values}<extra></extra>",
            )
        )
    low = min(float(curve.confidence.min()) for curve in curves.values())
    return charts.figure(
        traces,
        x="confidence",
        y="accuracy",
        height=300,
        state="calibration",
        xaxis={**PERCENT, "range": [max(low - 0.05, 0), 1.02]},
        yaxis={**PERCENT, "range": [-0.02, 1.05]},
    )


def coverage_figure(found: UncertainPredictions) -> go.Figure:
    """How often the truth lies in intervals of every level, for the mean prediction and for a single network."""
    look, truth = charts.look(), found.predictions.targets
    levels = np.linspace(0.02, 0.98, 33)
    assert found.single_noise_std is not None
    single_std = np.broadcast_to(found.single_noise_std, truth.shape)
    both = {
        "single network": (found.single, single_std, look.soft),
        "mean prediction": (found.predictions.predicted, found.total_std, look.training),
    }
    traces = [_diagonal()]
    for name, (mean, std, colour) in both.items():
        inside = np.array([evaluation.coverage(mean, std, truth, float(level)) for level in levels])
        traces.append(charts.line(levels, inside, name, colour, 2.0))
    percent = {"tickformat": ".0%", "range": [0, 1]}
    return charts.figure(
        traces, x="level of the interval", y="truth inside", height=300, state="coverage", xaxis=percent, yaxis=percent
    )


@panel("right")
def rejection(run: Run, split: SplitName) -> None:
    """The accuracy of the samples that are kept when the most uncertain ones are rejected."""
    found = predict_with_uncertainty(run, split)
    look, truth = charts.look(), found.predictions.targets
    with charts.card("rejection"):
        if found.distribution is None:
            charts.heading("Rejection", "error of the samples that are kept when the most uncertain ones are rejected")
            squared = ((found.predictions.predicted - truth) ** 2).mean(axis=1)
            shares, kept = evaluation.rejection(found.uncertainty, squared)
            traces = [charts.line(shares, np.sqrt(kept), "by standard deviation", look.training, 2.0)]
            name, axis = "error", {"rangemode": "tozero"}
        else:
            charts.heading("Rejection", "accuracy of the samples that are kept when the most uncertain are rejected")
            correct = found.distribution.predicted == truth
            single = evaluation.entropy(found.single)
            measures = {
                "by entropy": (found.distribution.entropy, correct, look.training),
                "by mutual information": (found.distribution.mutual_information, correct, look.validation),
                "single network, by entropy": (single, found.single.argmax(axis=1) == truth, look.soft),
            }
            traces, name, axis = [], "accuracy", dict(PERCENT)
            for label, (values, right, colour) in measures.items():
                shares, kept = evaluation.rejection(values, right)
                traces.append(charts.line(shares, kept, label, colour, 2.0))
        shown = {**PERCENT, "range": [0, 0.95]}
        made = charts.figure(traces, x="share rejected", y=name, state="rejection", xaxis=shown, yaxis=axis)
        charts.draw(made, "rejection")


def intervals(found: UncertainPredictions) -> None:
    """For each number to predict, its 90 % interval for every sample, from low to high, and the truth."""
    given = found.predictions
    names = given.target_names or tuple(f"value {place}" for place in range(given.targets.shape[1]))
    for place, name in enumerate(names):
        with charts.card(f"intervals_{place}"):
            inside = evaluation.coverage(given.predicted[:, place], found.total_std[:, place], given.targets[:, place])
            charts.heading("90 % intervals", f"{name}: they contain {inside:.0%} of the true values")
            charts.draw(interval_figure(found, place, name), f"intervals_{place}")


def interval_figure(found: UncertainPredictions, place: int, name: str) -> go.Figure:
    """The interval as a band, narrow for the predictions alone and wide with the noise in the data; the true values as
    dots, orange where they lie outside."""
    look, given = charts.look(), found.predictions
    order = np.argsort(given.predicted[:, place], kind="stable")
    few = order[evenly_spaced(len(order), MOST_DOTS)]
    mean, truth = given.predicted[few, place].astype(float), given.targets[few, place]
    assert found.std is not None
    x = np.arange(len(few))
    traces = []
    for label, std, opacity in (("with noise", found.total_std, 0.18), ("predictions", found.std, 0.4)):
        low, high = evaluation.interval(mean, std[few, place], 0.9)
        traces.append(go.Scatter(x=x, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"))
        red, green, blue = (int(look.training[at : at + 2], 16) for at in (1, 3, 5))
        fill = f"rgba({red}, {green}, {blue}, {opacity})"
        band = {"mode": "lines", "line": {"width": 0}, "fill": "tonexty", "fillcolor": fill, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=x, y=high, name=label, **band))
    low, high = evaluation.interval(mean, found.total_std[few, place], 0.9)
    inside = (low <= truth) & (truth <= high)
    traces.append(charts.line(x, mean, "mean", look.training, 1.6))
    for label, shown, colour in (("truth", inside, look.soft), ("outside", ~inside, look.validation)):
        marker = {"size": 5, "color": colour}
        traces.append(go.Scatter(x=x[shown], y=truth[shown], mode="markers", name=label, marker=marker))
    return charts.figure(
        traces,
        x="samples, sorted by the prediction",
        y=escape(name),
        height=320,
        state=f"interval{place}",
        legend={"font": {"size": 10.5}, "itemwidth": 30},
    )
