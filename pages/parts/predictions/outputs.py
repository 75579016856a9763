"""Charts of what a trained network says, by task: confusion, the surface between classes, labels, overlaps, errors."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from pages.parts.predictions import forecasts
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.runs.predictions import Predictions, Surface, confusion, has_surface, overlaps, predict, surface
from trainers.runs.run import Run

# Okabe and Ito's colours: told apart with any kind of colour vision
CLASSES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7C3AED", "#8A8D00", "#8C564B", "#5B6472")
TALL = 420


@panel("right")
def predictions(run: Run, part: SplitName) -> None:
    """What suits the run's task."""
    found = predict(run, part)
    if has_surface(run):
        surface_card(surface(run))
    match found.task:
        case "classification":
            confusion_card(found)
        case "multilabel":
            label_card(found)
        case "segmentation":
            overlap_card(found)
            confusion_card(found)
        case "forecasting":
            forecasts.by_step(found)
        case _:
            regression_cards(found)


def label_card(found: Predictions) -> None:
    """How well each label is found: of those said, how many hold; of those that hold, how many are said."""
    with charts.card("labels"):
        charts.heading("Labels", "precision: how much holds of what it says · recall: how much it says of what holds")
        said, true = found.predicted.astype(bool), found.targets.astype(bool)
        both, saying, holding = (values.sum(axis=0) for values in (said & true, said, true))
        table = {
            "label": list(found.classes),
            "holds": holding,
            "said": saying,
            "precision": both / np.maximum(saying, 1),
            "recall": both / np.maximum(holding, 1),
            "F1": 2 * both / np.maximum(saying + holding, 1),
        }
        bars = {
            name: st.column_config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0, width=110)
            for name in ("precision", "recall", "F1")
        }
        st.dataframe(pd.DataFrame(table), hide_index=True, column_config=bars, key="labels")


def overlap_card(found: Predictions) -> None:
    """How much predicted and true areas overlap, class by class."""
    with charts.card("overlap"):
        share = overlaps(found)
        mean = float(np.nanmean(share)) if np.isfinite(share).any() else float("nan")
        charts.heading("Overlap", f"intersection over union of each class; the mean is {mean:.3f}")
        charts.draw(overlap_figure(found.classes, share), "overlap")


def overlap_figure(classes: Sequence[str], share: charts.Numbers) -> go.Figure:
    """A bar for each class."""
    names = [_short(name) for name in classes]
    bars = go.Bar(
        x=np.nan_to_num(share), y=names, orientation="h", marker={"color": charts.look().training},
        text=["absent" if np.isnan(value) else f"{value:.3f}" for value in share], textposition="auto",
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )  # fmt: skip
    return charts.figure(
        [bars], key=False, height=70 + 30 * len(names), state="overlap", xaxis={"range": [0, 1]},
        yaxis={"autorange": "reversed"},
    )  # fmt: skip


def confusion_card(found: Predictions) -> None:
    """How often each class is taken for each other one; of masks, every pixel counts."""
    with charts.card("confusion"):
        counted = ", in pixels" if found.task == "segmentation" else ""
        charts.heading("Confusion", f"rows: what it is · columns: what the network says{counted}")
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
        text=[[_counted(count) for count in row] for row in counts] if len(names) <= 40 else None,
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


def _counted(count: int) -> str:
    """A count that fits into its cell."""
    return (f"{count:,}" if count < 100_000 else f"{count / 1000:,.0f} k") if count else ""


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
