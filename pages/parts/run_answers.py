"""Charts of what a trained network says: confusion, the surface between classes, predicted against true."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from pages.parts import charts
from pages.parts.words import escape
from trainers.predictions import Predictions, Surface, confusion

# Okabe and Ito's colours: told apart with any kind of colour vision
CLASSES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7C3AED", "#8A8D00", "#8C564B", "#5B6472")
TALL = 420


def confusion_card(found: Predictions) -> None:
    """How often each class is taken for each other one."""
    with charts.card("confusion"):
        charts.heading("Confusion", "rows: what it is · columns: what the network says")
        charts.draw(confusion_figure(found), "confusion")


def confusion_figure(found: Predictions) -> go.Figure:
    """Counts in the cells; coloured by share of the true class, mistakes in red as soon as they are many."""
    counts = confusion(found)
    names = [_short(name) for name in found.classes] or [str(number) for number in range(len(counts))]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    signed = np.where(np.eye(len(counts), dtype=bool), share, -share)
    look = charts.look()
    scale = [[0.0, look.bad], [0.5, look.ground], [1.0, look.training]]
    places = list(range(len(names)))
    trace = go.Heatmap(
        z=np.sign(signed) * np.sqrt(np.abs(signed)), x=places, y=places, colorscale=scale, zmin=-1, zmax=1,
        showscale=False, xgap=1, ygap=1, hoverinfo="none" if len(names) > 40 else "text",
        text=[[str(count) if count else "" for count in row] for row in counts] if len(names) <= 40 else None,
        texttemplate="%{text}", textfont={"size": 12 if len(names) <= 12 else 9},
        hovertext=[
            [f"{true}, taken for {said}: {count}" for said, count in zip(names, row, strict=True)]
            for true, row in zip(names, counts, strict=True)
        ],
    )  # fmt: skip
    ticks = {"tickvals": places, "ticktext": names, "showgrid": False}
    return charts.figure(
        [trace], x="predicted", y="true", key=False, height=min(TALL, 130 + 48 * len(names)), state="confusion",
        xaxis={**ticks, "tickangle": charts.tilt(names)}, yaxis={**ticks, "autorange": "reversed"},
    )  # fmt: skip


def surface_card(found: Surface) -> None:
    """What the network says everywhere in the plane."""
    with charts.card("surface"):
        charts.heading("Decision surface", "the paler, the less sure · dots: learned from · rings: held out")
        charts.draw(surface_figure(found), "surface")


def surface_figure(found: Surface) -> go.Figure:
    """The surface as a picture, and the points of both parts of the data over it."""
    traces = []
    for part, (points, classes), marker in (
        ("training", found.training, {"size": 4, "line": {"width": 0.5, "color": "#FFFFFF"}}),
        ("validation", found.validation, {"size": 7, "symbol": "circle-open", "line": {"width": 1.6}}),
    ):
        few = _some(len(points), charts.LIMIT // max(1, len(found.classes)) * max(1, len(found.classes)))
        for number, name in enumerate(found.classes):
            mine = few[classes[few] == number]
            traces.append(
                go.Scatter(
                    x=points[mine, 0], y=points[mine, 1], mode="markers", name=_short(name), legendgroup=str(number),
                    showlegend=part == "training", marker={**marker, "color": CLASSES[number % len(CLASSES)]},
                    hovertemplate=f"{_short(name)}, {part}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
                )
            )  # fmt: skip
    wide, high = float(found.x[-1] - found.x[0]), float(found.y[-1] - found.y[0])
    back = {
        "source": _picture(found), "xref": "x", "yref": "y", "x": float(found.x[0]), "y": float(found.y[-1]),
        "sizex": wide, "sizey": high, "sizing": "stretch", "layer": "below",
    }  # fmt: skip
    return charts.figure(
        traces, height=TALL, state="surface", images=[back],
        xaxis={"range": [float(found.x[0]), float(found.x[-1])], "constrain": "domain"},
        yaxis={
            "range": [float(found.y[0]), float(found.y[-1])], "scaleanchor": "x", "showgrid": False,
            "constrain": "domain",
        },
    )  # fmt: skip


def _picture(found: Surface) -> str:
    """Each point in its class's colour, mixed with the ground as far as the network is unsure."""
    colours = np.array([_rgb(CLASSES[number % len(CLASSES)]) for number in range(max(len(found.classes), 2))])
    chance = 1 / max(len(found.classes), 2)
    sure = np.clip((found.confidence - chance) / (1 - chance), 0, 1)[..., None] * 0.5
    mixed = colours[found.named] * sure + np.array(_rgb(charts.look().ground)) * (1 - sure)
    buffer = io.BytesIO()
    Image.fromarray(mixed[::-1].astype(np.uint8)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def regression_cards(found: Predictions) -> None:
    """Predicted against true, and by how much it is off."""
    names = found.targets_named or tuple(f"value {number}" for number in range(found.targets.shape[1]))
    few = _some(len(found.targets), charts.LIMIT)
    for place, name in enumerate(names):
        true, said = found.targets[few, place], found.predicted[few, place]
        with charts.card(f"against_{place}"):
            charts.heading("Predicted against true", f"{name}: on the line is right")
            charts.draw(against_figure(true, said), f"against_{place}")
        with charts.card(f"residuals_{place}"):
            charts.heading("Errors", "predicted less true, against what was predicted")
            charts.draw(residual_figure(true, said), f"residuals_{place}")


def against_figure(true: charts.Numbers, said: charts.Numbers) -> go.Figure:
    """A point for each sample, and the line on which it is right."""
    look = charts.look()
    ends = [float(min(true.min(), said.min())), float(max(true.max(), said.max()))]
    dashes = {"color": look.soft, "dash": "dash", "width": 1}
    line = go.Scatter(x=ends, y=ends, mode="lines", line=dashes, hoverinfo="skip")
    return charts.figure([line, _dots(true, said)], x="true", y="predicted", key=False, height=300, state="against")


def residual_figure(true: charts.Numbers, said: charts.Numbers) -> go.Figure:
    """A point for each sample around the line of no error."""
    dots = [_dots(said, said - true)]
    return charts.figure(dots, x="predicted", y="error", key=False, state="residuals", shapes=[charts.level(0.0)])


def _dots(x: charts.Numbers, y: charts.Numbers) -> go.Scatter:
    marker = {"color": charts.look().validation, "size": 6, "opacity": 0.75}
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>")


def _some(count: int, limit: int) -> charts.Numbers:
    """At most `limit` of the numbers below `count`, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(int)) if count else np.zeros(0, int)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _short(name: str) -> str:
    """A class's name for a chart; plotly reads tags, so they are written as text."""
    return escape(name if len(name) <= 18 else f"{name[:17]}…")
