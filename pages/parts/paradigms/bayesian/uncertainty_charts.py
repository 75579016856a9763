"""Charts of how sure a Bayesian network is, and whether rightly: calibration, rejection, intervals, doubt by place."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image
from plotly.colors import sample_colorscale

from pages.parts.predictions.outputs import CLASSES
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian import uncertainty
from trainers.paradigms.bayesian.predictions import Believed, UncertaintySurface, believed, doubts
from trainers.paradigms.bayesian.uncertainty import Calibration, Numbers
from trainers.runs.predictions import has_surface
from trainers.runs.run import Run

TALL = 400
MOST_DOTS = 160


@panel("right")
def uncertainty_distribution(run: Run, part: SplitName) -> None:
    """Where it is unsure: over the plane, in intervals, or in a histogram."""
    found = believed(run, part)
    if has_surface(run):
        with charts.card("doubts"):
            with st.container(horizontal=True, vertical_alignment="center", key="doubts_head"):
                charts.heading("Doubt over the plane", "the brighter, the less sure")
                names = ("entropy", "mutual information", "predictive_std")
                chosen = st.segmented_control(
                    "figure", names, default=names[0], required=True, key="doubts_figure", label_visibility="collapsed"
                )
            charts.draw(surface_figure(doubts(run), chosen or names[0]), "doubts")
    elif found.beliefs is None:
        intervals(found)
    else:
        with charts.card("entropies"):
            charts.heading("Entropy", "of samples that it gets right, and of those that it gets wrong")
            right = found.beliefs.named == found.found.targets
            groups = {"right": found.beliefs.entropy[right], "wrong": found.beliefs.entropy[~right]}
            charts.draw(histograms(groups, "entropy in nats", "entropies"), "entropies")


def histograms(groups: dict[str, Numbers], x: str, state: str, border: float | None = None) -> go.Figure:
    """Shares of each group by a figure, one over the other."""
    look = charts.look()
    top = max((float(values.max()) for values in groups.values() if len(values)), default=1.0)
    traces = []
    for (name, values), colour in zip(groups.items(), (look.training, look.validation), strict=False):
        traces.append(
            go.Histogram(
                x=values, name=f"{escape(name)} ({len(values):,})", histnorm="percent", opacity=0.65,
                xbins={"start": 0, "end": top * 1.001 + 1e-9, "size": (top + 1e-9) / 30}, marker_color=colour,
                hovertemplate="%{y:.1f} % at %{x}<extra></extra>",
            )
        )  # fmt: skip
    shapes = []
    if border is not None:
        line = {"color": look.soft, "width": 1.4, "dash": "dash"}
        shapes.append({"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": border, "x1": border, "line": line})
    return charts.figure(traces, x=x, y="% of each", state=state, barmode="overlay", shapes=shapes)


def surface_figure(found: UncertaintySurface, name: str) -> go.Figure:
    """One figure over the plane as a picture, and the points that were learned from."""
    points, classes = found.points
    few = np.unique(np.linspace(0, len(points) - 1, min(len(points), charts.LIMIT)).astype(int))
    traces = []
    for number, label in enumerate(found.classes):
        mine = few[classes[few] == number]
        marker = {"size": 4.5, "line": {"width": 0.6, "color": "#FFFFFF"}, "color": CLASSES[number % len(CLASSES)]}
        traces.append(
            go.Scatter(
                x=points[mine, 0], y=points[mine, 1], mode="markers", name=escape(label[:18]), marker=marker,
                hovertemplate=f"{escape(label[:18])}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
            )
        )  # fmt: skip
    values = found.figures[name]
    top = float(values.max())
    traces.append(_scale_bar(top))
    low, high = (float(found.x[0]), float(found.y[0])), (float(found.x[-1]), float(found.y[-1]))
    back = {
        "source": _picture(values, max(top, 1e-9)), "xref": "x", "yref": "y", "x": low[0], "y": high[1],
        "sizex": high[0] - low[0], "sizey": high[1] - low[1], "sizing": "stretch", "layer": "below",
    }  # fmt: skip
    return charts.figure(
        traces, height=TALL, state=f"doubts{name}", images=[back],
        xaxis={"range": [low[0], high[0]], "constrain": "domain"},
        yaxis={"range": [low[1], high[1]], "scaleanchor": "x", "showgrid": False, "constrain": "domain"},
    )  # fmt: skip


def _scale_bar(top: float) -> go.Scatter:
    """Nothing but the key to the colours."""
    bar = {"thickness": 9, "outlinewidth": 0, "tickfont": {"size": 10.5, "color": charts.look().soft}, "nticks": 5}
    marker = {"color": [0], "cmin": 0, "cmax": max(top, 1e-9), "colorscale": charts.SCALE, "colorbar": bar}
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, showlegend=False, hoverinfo="skip")


def _picture(values: Numbers, top: float) -> str:
    steps = np.linspace(0, 1, 128)
    colours = sample_colorscale(charts.SCALE, list(steps), colortype="tuple")
    table = (np.array(colours) * 255).astype(np.uint8)
    pixels = table[np.clip(values / top * 127, 0, 127).astype(int)][::-1]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@panel("right")
def calibration(run: Run, part: SplitName) -> None:
    """Whether it is right as often as it is sure; of numbers, whether the truth lies in its intervals as often."""
    found = believed(run, part)
    with charts.card("calibration"):
        if found.beliefs is None:
            charts.heading("Coverage", "how often the truth lies in the interval; on the line is honest")
            return charts.draw(coverage_figure(found), "calibration")
        held = believed(run, "validation")
        assert held.beliefs is not None
        degree = uncertainty.temperature(held.beliefs.mean, held.found.targets)
        truth = found.found.targets
        curves = {
            "one network": uncertainty.calibration(found.alone, truth),
            "mean of the draws": uncertainty.calibration(found.beliefs.mean, truth),
            "with temperature": uncertainty.calibration(uncertainty.tempered(found.beliefs.mean, degree), truth),
        }
        charts.heading("Calibration", "on the line it is right as often as it is sure; below it, too sure")
        charts.draw(calibration_figure(curves), "calibration")
        by_itself = "about as sure as it should be" if 0.95 < degree < 1.05 else "too sure"
        by_itself = "not sure enough" if degree <= 0.95 else by_itself
        errors = " · ".join(f"{name} <b>{curve.error:.3f}</b>" for name, curve in curves.items())
        st.html(
            f'<div class="nl-note">Expected calibration error: {errors}. Temperature <b>{degree:.2f}</b>, fitted on '
            f"the validation part: the mean of the draws is {by_itself} by itself.</div>"
        )
    return None


def calibration_figure(curves: dict[str, Calibration]) -> go.Figure:
    """Accuracy against confidence; the area of a dot grows with how many samples it stands for."""
    look = charts.look()
    dashes = {"color": look.soft, "dash": "dash", "width": 1}
    traces = [go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dashes, hoverinfo="skip", showlegend=False)]
    for (name, curve), colour in zip(curves.items(), (look.soft, look.training, look.validation), strict=True):
        sizes = 5 + 13 * np.sqrt(curve.count / max(curve.count.max(), 1))
        traces.append(
            go.Scatter(
                x=curve.confidence, y=curve.accuracy, mode="lines+markers", name=name,
                line={"color": colour, "width": 1.6}, marker={"size": sizes, "opacity": 0.8}, customdata=curve.count,
                hovertemplate=f"{name}: %{{x:.0%}} sure, %{{y:.0%}} right, %{{customdata:,}} samples<extra></extra>",
            )
        )  # fmt: skip
    low = min(float(curve.confidence.min()) for curve in curves.values())
    percent = {"tickformat": ".1~%"}
    return charts.figure(
        traces, x="confidence", y="accuracy", height=300, state="calibration",
        xaxis={**percent, "range": [max(low - 0.05, 0), 1.02]}, yaxis={**percent, "range": [-0.02, 1.05]},
    )  # fmt: skip


def coverage_figure(found: Believed) -> go.Figure:
    """How often the truth lies in intervals of every width, for the draws and for one network alone."""
    look, truth = charts.look(), found.found.targets
    levels = np.linspace(0.02, 0.98, 33)
    assert found.alone_scatter is not None
    wide = np.broadcast_to(found.alone_scatter, truth.shape)
    told = {
        "one network": (found.alone, wide, look.soft),
        "mean of the draws": (found.found.predicted, found.total, look.training),
    }
    traces = [charts.line(np.array([0, 1]), np.array([0, 1]), "honest", look.grid, 1.2, showlegend=False)]
    for name, (mean, spread, colour) in told.items():
        there = np.array([uncertainty.coverage(mean, spread, truth, float(level)) for level in levels])
        traces.append(charts.line(levels, there, name, colour, 2.0))
    percent = {"tickformat": ".0%", "range": [0, 1]}
    return charts.figure(
        traces, x="width of the interval", y="truths inside", height=300, state="coverage", xaxis=percent, yaxis=percent
    )


@panel("right")
def rejection(run: Run, part: SplitName) -> None:
    """How good it is where it may leave out what it is unsure of."""
    found = believed(run, part)
    look, truth = charts.look(), found.found.targets
    with charts.card("rejection"):
        if found.beliefs is None:
            charts.heading("Leaving out", "error of the rest, when the least sure samples are left to somebody else")
            squared = ((found.found.predicted - truth) ** 2).mean(axis=1)
            shares, rest = uncertainty.rejection(found.doubt, squared)
            traces, name = [charts.line(shares, np.sqrt(rest), "by spread", look.training, 2.0)], "error"
        else:
            charts.heading("Leaving out", "accuracy of the rest, when the least sure samples are left to somebody else")
            right = found.beliefs.named == truth
            doubts_of = {
                "by entropy": (found.beliefs.entropy, right, look.training),
                "by mutual information": (found.beliefs.information, right, look.validation),
                "one network, by entropy": (
                    uncertainty.entropies(found.alone), found.alone.argmax(axis=1) == truth, look.soft,
                ),
            }  # fmt: skip
            traces, name = [], "accuracy"
            for label, (values, hits, colour) in doubts_of.items():
                shares, rest = uncertainty.rejection(values, hits)
                traces.append(charts.line(shares, rest, label, colour, 2.0))
        percent = {"tickformat": ".1~%"}
        axis = percent if found.beliefs is not None else {"rangemode": "tozero"}
        charts.draw(
            charts.figure(
                traces, x="share left out", y=name, state="rejection", xaxis={**percent, "range": [0, 0.95]}, yaxis=axis
            ),
            "rejection",
        )


def intervals(found: Believed) -> None:
    """For each number to predict, its interval of 90 % over the samples, from low to high, and the truth."""
    names = found.found.targets_named or tuple(f"value {place}" for place in range(found.found.targets.shape[1]))
    for place, name in enumerate(names):
        with charts.card(f"intervals_{place}"):
            inside = uncertainty.coverage(
                found.found.predicted[:, place], found.total[:, place], found.found.targets[:, place]
            )
            charts.heading("Intervals of 90 %", f"{name}: {inside:.0%} of the truths lie inside")
            charts.draw(interval_figure(found, place, name), f"intervals_{place}")


def interval_figure(found: Believed, place: int, name: str) -> go.Figure:
    """The interval as a band, narrow for what the draws differ by and wide with the data's own scatter; truths as dots,
    orange where they lie outside."""
    look = charts.look()
    order = np.argsort(found.found.predicted[:, place], kind="stable")
    few = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_DOTS)).astype(int))]
    mean, truth = found.found.predicted[few, place].astype(float), found.found.targets[few, place]
    assert found.spread is not None
    x = np.arange(len(few))
    traces = []
    for label, spread, opacity in (
        ("with the data's scatter", found.total, 0.18), ("draws alone", found.spread, 0.4),
    ):  # fmt: skip
        low, high = uncertainty.interval(mean, spread[few, place], 0.9)
        traces.append(go.Scatter(x=x, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"))
        red, green, blue = (int(look.training[at : at + 2], 16) for at in (1, 3, 5))
        fill = f"rgba({red}, {green}, {blue}, {opacity})"
        band = {"mode": "lines", "line": {"width": 0}, "fill": "tonexty", "fillcolor": fill, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=x, y=high, name=label, **band))
    low, high = uncertainty.interval(mean, found.total[few, place], 0.9)
    traces.append(charts.line(x, mean, "mean", look.training, 1.6))
    for label, shown, colour in (
        ("truth", (low <= truth) & (truth <= high), look.soft),
        ("outside", (truth < low) | (truth > high), look.validation),
    ):  # fmt: skip
        marker = {"size": 5, "color": colour}
        traces.append(go.Scatter(x=x[shown], y=truth[shown], mode="markers", name=label, marker=marker))
    key = {"font": {"size": 10.5}, "itemwidth": 30}
    return charts.figure(
        traces, x="samples, by what it predicts", y=escape(name), height=320, state=f"interval{place}", legend=key
    )
