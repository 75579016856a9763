"""Views of predicted classes: confusion matrix, decision surface, scores of each label, overlap of masks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.theme.theme import ACCENT, class_colour, rgb
from pages.parts.views import prediction_view
from trainers.runs.predictions import Predictions, Surface, has_surface, surface
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced

TALL = 420
MOST_CLASSES = 40  # whose counts are written into the cells


@prediction_view
def label_scores(run: Run, found: Predictions) -> None:
    """Precision, recall and F1 of each label."""
    with charts.card("labels"):
        charts.heading("Labels", "precision, recall and F1 of each label")
        predicted, true = found.predicted.astype(bool), found.targets.astype(bool)
        both, positive, relevant = (values.sum(axis=0) for values in (predicted & true, predicted, true))
        table = {
            "label": list(found.classes),
            "true": relevant,
            "predicted": positive,
            "precision": both / np.maximum(positive, 1),
            "recall": both / np.maximum(relevant, 1),
            "F1": 2 * both / np.maximum(positive + relevant, 1),
        }
        bars = {
            name: st.column_config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0, width=110)
            for name in ("precision", "recall", "F1")
        }
        st.dataframe(pd.DataFrame(table), hide_index=True, column_config=bars, key="labels")


@prediction_view
def class_overlap(run: Run, found: Predictions) -> None:
    """The intersection over union of predicted and true area, class by class."""
    with charts.card("overlap"):
        share = found.overlaps
        mean = float(np.nanmean(share)) if np.isfinite(share).any() else float("nan")
        charts.heading("Intersection over union", f"of predicted and true area, by class · mean {mean:.3f}")
        charts.draw(overlap_figure(found.classes, share), "overlap")


def overlap_figure(classes: Sequence[str], share: charts.Numbers) -> go.Figure:
    """A bar for each class."""
    names = [_short(name) for name in classes]
    bars = go.Bar(
        x=np.nan_to_num(share),
        y=names,
        orientation="h",
        marker={"color": charts.look().training},
        text=["absent" if np.isnan(value) else f"{value:.3f}" for value in share],
        textposition="auto",
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    return charts.figure(
        [bars],
        key=False,
        height=70 + 30 * len(names),
        state="overlap",
        xaxis={"range": [0, 1]},
        yaxis={"autorange": "reversed"},
    )


@prediction_view
def confusion_matrix(run: Run, found: Predictions) -> None:
    """How often each class is predicted for each true class; of masks, each pixel counts."""
    with charts.card("confusion"):
        unit = " · counts of pixels" if found.targets.ndim > 1 else ""
        charts.heading("Confusion matrix", f"rows: true class · columns: predicted class{unit}")
        charts.draw(confusion_figure(found), "confusion")


def confusion_figure(found: Predictions) -> go.Figure:
    """Counts in the cells; coloured by the share of the true class, errors in red."""
    counts = found.confusion
    names = [_short(name) for name in found.classes] or [str(number) for number in range(len(counts))]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    signed = np.where(np.eye(len(counts), dtype=bool), share, -share)
    look, ticks = charts.look(), list(range(len(names)))
    is_small = len(names) <= MOST_CLASSES
    trace = go.Heatmap(
        z=np.sign(signed) * np.sqrt(np.abs(signed)),
        x=ticks,
        y=ticks,
        colorscale=[[0.0, look.bad], [0.5, look.ground], [1.0, ACCENT]],
        zmin=-1,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="text" if is_small else "none",
        text=[[_count(count) for count in row] for row in counts] if is_small else None,
        texttemplate="%{text}",
        textfont={"size": 12 if len(names) <= 12 else 9},
        hovertext=[
            [f"{true}, predicted {predicted}: {count}" for predicted, count in zip(names, row, strict=True)]
            for true, row in zip(names, counts, strict=True)
        ],
    )
    axis = {"tickvals": ticks, "ticktext": names, "showgrid": False}
    return charts.figure(
        [trace],
        x="predicted",
        y="true",
        key=False,
        height=min(TALL, 130 + 48 * len(names)),
        state="confusion",
        xaxis={**axis, "tickangle": charts.tilt(names)},
        yaxis={**axis, "autorange": "reversed"},
    )


def _count(count: int) -> str:
    """A count that fits into its cell."""
    return (f"{count:,}" if count < 100_000 else f"{count / 1000:,.0f} k") if count else ""


@prediction_view
def decision_surface(run: Run, found: Predictions) -> None:
    """The predicted class everywhere in the plane; nothing if the samples are not points of the plane."""
    if not has_surface(run):
        return
    with charts.card("surface"):
        charts.heading("Decision surface", "pale: low confidence · dots: training · rings: validation")
        charts.draw(surface_figure(surface(run)), "surface")


def surface_figure(found: Surface) -> go.Figure:
    """The surface as an image, and the points of both splits over it."""
    traces = []
    for split, (points, classes), marker in (
        ("training", found.training, {"size": 4, "line": {"width": 0.5, "color": "#FFFFFF"}}),
        ("validation", found.validation, {"size": 7, "symbol": "circle-open", "line": {"width": 1.6}}),
    ):
        some = evenly_spaced(len(points), charts.LIMIT // max(1, len(found.classes)) * max(1, len(found.classes)))
        for number, name in enumerate(found.classes):
            mine = some[classes[some] == number]
            traces.append(
                go.Scatter(
                    x=points[mine, 0],
                    y=points[mine, 1],
                    mode="markers",
                    name=_short(name),
                    legendgroup=str(number),
                    showlegend=split == "training",
                    marker={**marker, "color": class_colour(number)},
                    hovertemplate=f"{_short(name)}, {split}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
                )
            )
    x_range, y_range = ([float(axis[0]), float(axis[-1])] for axis in (found.x, found.y))
    background = {
        "source": _surface_image(found),
        "xref": "x",
        "yref": "y",
        "x": x_range[0],
        "y": y_range[1],
        "sizex": x_range[1] - x_range[0],
        "sizey": y_range[1] - y_range[0],
        "sizing": "stretch",
        "layer": "below",
    }
    return charts.figure(
        traces,
        height=TALL,
        state="surface",
        images=[background],
        xaxis={"range": x_range, "constrain": "domain"},
        yaxis={"range": y_range, "scaleanchor": "x", "showgrid": False, "constrain": "domain"},
    )


def _surface_image(found: Surface) -> str:
    """Each point in the colour of the predicted class, paler where the confidence is low."""
    count = max(len(found.classes), 2)
    colours = np.array([rgb(class_colour(number)) for number in range(count)])
    strength = np.clip((found.confidence - 1 / count) / (1 - 1 / count), 0, 1)[..., None] * 0.5
    mixed = colours[found.predicted] * strength + np.array(rgb(charts.look().ground)) * (1 - strength)
    buffer = io.BytesIO()
    Image.fromarray(mixed[::-1].astype(np.uint8)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _short(name: str) -> str:
    """A class name for a chart; plotly interprets tags, so they are escaped."""
    return escape(name if len(name) <= 18 else f"{name[:17]}…")
