"""What a trained autoencoder has not learned, it gives back badly: the error as a sign of anomalies."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.reconstructions import Detection, Reconstructions, detection, reconstruct
from trainers.runs.run import Run


@panel("right")
def anomaly_detection(run: Run, part: SplitName) -> None:
    """ROC curve and errors of both kinds where a class was kept out; the errors of the classes in any case."""
    found = reconstruct(run, part)
    seen = detection(found)
    if found.kept_out is not None and seen is None:
        with charts.card("latent_roc"):
            charts.heading("Anomalies", f"class {found.classes[found.kept_out]} was kept out of training")
            charts.nothing("It is in the test part alone: choose test above.", 120)
    if seen is not None:
        name = found.classes[found.kept_out or 0]
        with charts.card("latent_roc"):
            charts.heading("Anomalies found by their error", f"AUROC {seen.area:.3f} · 0.5 is guessing, 1 is perfect")
            charts.draw(roc_figure(seen, name), "latent_roc")
        with charts.card("latent_histogram"):
            charts.heading("Errors", f"class {name}, never learned from, against the others")
            charts.draw(histogram(seen, name), "latent_histogram")
    if found.labels is not None:
        with charts.card("latent_classes"):
            charts.heading("Error of each class", "mean square; half of its samples lie within the box")
            charts.draw(by_class(found), "latent_classes")


def roc_figure(seen: Detection, name: str) -> go.Figure:
    """For every threshold: how many of the others are taken for anomalies, and how many anomalies are found."""
    look = charts.look()
    chance = go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": look.soft, "dash": "dash", "width": 1}, hoverinfo="skip"
    )
    curve = charts.line(
        seen.false_alarms, seen.found, escape(name), look.training, 2.2, fill="tozeroy",
        hovertemplate="%{y:.0%} found at %{x:.0%} false alarms<extra></extra>",
    )  # fmt: skip
    percent = {"range": [0, 1.02], "tickformat": ".0%"}
    return charts.figure(
        [curve, chance], x="false alarms: others taken for it", y=f"{escape(name)} found", key=False, height=300,
        state="roc", xaxis=percent, yaxis=percent,
    )  # fmt: skip


def histogram(seen: Detection, name: str) -> go.Figure:
    """How errors are spread, each kind for itself."""
    look = charts.look()
    both = np.concatenate([seen.normal, seen.odd])
    edges = np.linspace(0, float(np.quantile(both, 0.995)) or 1.0, 41)
    middle = (edges[1:] + edges[:-1]) / 2
    traces = []
    for label, errors, colour in (("learned", seen.normal, look.training), (name, seen.odd, look.bad)):
        counts, _ = np.histogram(np.minimum(errors, edges[-1]), edges)
        share = counts / max(len(errors), 1)
        traces.append(
            go.Bar(
                x=middle, y=share, name=escape(label), marker_color=colour, opacity=0.62, width=float(edges[1]),
                hovertemplate=f"{escape(label)}: %{{y:.1%}} at an error near %{{x:.3g}}<extra></extra>",
            )
        )  # fmt: skip
    return charts.figure(
        traces, x="error", y="share of its kind", barmode="overlay", bargap=0, state="errors",
        yaxis={"tickformat": ".0%"},
    )  # fmt: skip


def by_class(found: Reconstructions) -> go.Figure:
    """A box for each class; the one that was kept out in red."""
    look = charts.look()
    assert found.labels is not None
    traces = []
    for number, name in enumerate(found.classes):
        mine = found.errors[found.labels == number]
        if not len(mine):
            continue
        low, first, middle, third, high = np.quantile(mine, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
        traces.append(
            go.Box(
                x=[escape(name[:18])], q1=[first], median=[middle], q3=[third], lowerfence=[low], upperfence=[high],
                name=escape(name[:18]), line={"width": 1.4},
                marker_color=look.bad if number == found.kept_out else look.training,
            )
        )  # fmt: skip
    return charts.figure(
        traces, key=False, state="by class", xaxis={"type": "category", "tickangle": charts.tilt(found.classes)},
        yaxis={"rangemode": "tozero"},
    )  # fmt: skip
