"""Views of predicted numbers: predicted against true values, and the errors."""

from __future__ import annotations

import plotly.graph_objects as go

from pages.parts.theme import charts
from pages.parts.views import prediction_view
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced


@prediction_view
def predicted_against_true(run: Run, found: Predictions) -> None:
    """Two charts for each number to predict: predicted against true values, and the errors."""
    names = found.target_names or tuple(f"value {number}" for number in range(found.targets.shape[1]))
    some = evenly_spaced(len(found.targets), charts.LIMIT)
    for column, name in enumerate(names):
        true, predicted = found.targets[some, column], found.predicted[some, column]
        with charts.card(f"against_{column}"):
            charts.heading("Predicted against true", f"{name} · on the line: no error")
            charts.draw(against_figure(true, predicted), f"against_{column}")
        with charts.card(f"residuals_{column}"):
            charts.heading("Residuals", f"{name} · predicted minus true")
            charts.draw(residual_figure(true, predicted), f"residuals_{column}")


def against_figure(true: charts.Numbers, predicted: charts.Numbers) -> go.Figure:
    """A point for each sample, and the line without error."""
    look = charts.look()
    ends = [float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))]
    dashes = {"color": look.soft, "dash": "dash", "width": 1}
    line = go.Scatter(x=ends, y=ends, mode="lines", line=dashes, hoverinfo="skip")
    traces = [line, _points(true, predicted)]
    return charts.figure(traces, x="true", y="predicted", key=False, height=300, state="against")


def residual_figure(true: charts.Numbers, predicted: charts.Numbers) -> go.Figure:
    """A point for each sample, and the line without error."""
    points = [_points(predicted, predicted - true)]
    zero = [charts.level(0.0)]
    return charts.figure(points, x="predicted", y="residual", key=False, state="residuals", shapes=zero)


def _points(x: charts.Numbers, y: charts.Numbers) -> go.Scatter:
    marker = {"color": charts.look().validation, "size": 6, "opacity": 0.75}
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>")
