"""Two networks that play against each other, as one watches them: what is drawn, both losses, what is told apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.canvas import network_frames
from pages.parts.data import sample_images as pictures
from pages.parts.theme import charts, theme
from pages.parts.training import snapshots
from pages.parts.training.run_data import Live
from pages.parts.views import card
from trainers.events import Snapshot
from trainers.paradigms.gan.snapshots import VIEW

SMOOTHING = 0.9
BINS = 40
CURVES = 24  # samples that are no pictures, in one look
TALL = 400
DRAWN = pictures.colour(0)


@card
def generated_samples(live: Live) -> None:
    """What the generator makes of the same noise, at any moment of the training."""
    names = live.run.job.dataset.classes
    charts.heading("What it draws", "from the same noise all along · go back with the slider")
    scene = snapshots.moment(live, VIEW)
    if scene is None:
        return None
    if "field" in scene.arrays:
        return charts.draw(points_figure(scene, live.run.id), "generated")
    drawn = scene.arrays["samples"]
    if drawn.ndim != 4:
        return st.html(snapshots.compared_curves({"drawn": drawn[:CURVES]}))
    several = len(names) if "classes" in scene.arrays else 0
    columns = several or 8
    return st.html(f'<div class="nl-drawn-sheet">{snapshots.grid(drawn, columns, *_range(live, drawn))}</div>')


def _range(live: Live, drawn: NDArray[np.float32]) -> tuple[float, float]:
    """Black and white: those of the data, or the moment's own where they are not known."""
    low, high = snapshots.limits(drawn)
    return (0.0, max(high, 1e-6)) if low > -0.25 * high else (low, high)


def points_figure(scene: Snapshot, state: str) -> go.Figure:
    """Real and drawn points, over what the discriminator takes for real."""
    look, arrays = charts.look(), scene.arrays
    (left, bottom), (right, top) = arrays["corners"].tolist()
    field = arrays["field"]
    ground = theme.network_colour(1)
    scale = [[0, "rgba(0,0,0,0)"], [1, ground]]
    traces: list[object] = [
        go.Heatmap(
            z=_ranked(field), x=np.linspace(left, right, field.shape[1]), y=np.linspace(bottom, top, field.shape[0]),
            colorscale=scale, zmin=0, zmax=1, opacity=0.3, zsmooth="best", showscale=False, hoverinfo="skip",
        )
    ]  # fmt: skip
    sides = (("real", look.soft, 5), ("drawn", DRAWN, 4.5))
    for (name, colour, size), points in zip(sides, (arrays["real"], arrays["fake"]), strict=True):
        marker = {"color": colour, "size": size, "opacity": 0.75}
        traces.append(
            go.Scattergl(x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, hoverinfo="skip")
        )
    across = {"range": [left, right], "showgrid": False}
    up = {"range": [bottom, top], "scaleanchor": "x", "showgrid": False}
    return charts.figure(traces, state=state, height=TALL, xaxis=across, yaxis=up)


def _ranked(field: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores by their rank, from 0 to 1: where the discriminator sees more of the real, whatever its scores' size."""
    order = field.ravel().argsort().argsort()
    return (order / max(len(order) - 1, 1)).reshape(field.shape)


@card
def adversarial_losses(live: Live) -> None:
    """Both losses over the steps, and below them how much of the real and the drawn the discriminator gets right."""
    charts.heading("Two losses", "neither has to fall: each makes the other's task harder")
    _sides(live, ("generator_loss", "discriminator_loss"), ("generator", "discriminator"), "adversaries")
    charts.heading("Told apart", "share that the discriminator gets right · at one half it guesses")
    _sides(live, ("step_accuracy_real", "step_accuracy_fake"), ("real", "drawn"), "told_apart", share=True)


def _sides(live: Live, metrics: tuple[str, str], names: tuple[str, str], key: str, share: bool = False) -> None:
    found = [live.curves.get(("training", metric)) for metric in metrics]
    if not any(found):
        return charts.nothing(snapshots.WAITING)
    shades = network_frames.colours(live.run.document)
    numbers = [shades.get(network, place) for place, network in enumerate(("generator", "discriminator"))]
    own = [theme.network_colour(number) for number in numbers]
    colours = [charts.look().soft, DRAWN] if share else own
    traces = []
    for curve, name, colour in zip(found, names, colours, strict=True):
        if curve is None:
            continue
        traces.append(
            charts.line(curve.step, curve.value, name, colour, 1.0, opacity=0.28, showlegend=False, hoverinfo="skip",
                        hovertemplate=None)
        )  # fmt: skip
        traces.append(charts.line(curve.step, charts.smooth(curve.value, SMOOTHING), name, colour, 2.2))
    more = {"yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%"}, "shapes": [charts.level(0.5)]} if share else {}
    return charts.draw(charts.figure(traces, x="step", state=live.run.id, **more), key)


# ---- the trained generator ------------------------------------------------------------------------------------------


def drawn(samples: NDArray[np.float32], columns: int) -> str:
    """Samples of a trained generator as HTML: pictures as one sheet, others as small plots."""
    if samples.ndim != 4:
        return snapshots.compared_curves({"drawn": samples[:CURVES]})
    low, high = snapshots.limits(samples)
    return f'<div class="nl-drawn-sheet">{snapshots.grid(samples, columns, min(low, 0.0), high)}</div>'


def cloud(samples: NDArray[np.float32], real: NDArray[np.float32], state: str) -> go.Figure:
    """Drawn points of the plane among real ones."""
    look = charts.look()
    traces = [
        go.Scattergl(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 4.5, "opacity": 0.7},
        )
        for name, points, colour in (("real", real, look.soft), ("drawn", samples, DRAWN))
    ]
    return charts.figure(traces, state=state, height=TALL, yaxis={"scaleanchor": "x", "showgrid": False})


def scores_figure(found: Mapping[str, NDArray[np.float32]], state: str) -> go.Figure:
    """How the discriminator's scores are spread, one curve for each kind of samples."""
    look = charts.look()
    colours = {"learned from": look.training, "held out": look.soft, "drawn": DRAWN}
    edges = np.histogram_bin_edges(np.concatenate(list(found.values())), BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    traces = []
    for name, scores in found.items():
        shares = np.histogram(scores, edges)[0] / max(len(scores), 1)
        traces.append(charts.line(middles, shares, name, colours[name], 2.0, hovertemplate=f"{name} %{{y:.1%}}"))
    more = {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}, "height": 300}
    return charts.figure(traces, x="score: to the right it looks more real", state=state, **more)
