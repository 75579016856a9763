"""The panels of the Inspect page that every task has: metrics, samples, and views of the predictions of a split."""

from __future__ import annotations

import streamlit as st

from pages.parts import views
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.runs.predictions import predict
from trainers.runs.run import Run


@panel("top")
def metrics(run: Run, split: SplitName) -> None:
    """One line: a summary of the predictions of this split, and the metrics of the test split."""
    found = predict(run, split)
    labels = {metric.name: metric.label for metric in run.job.paradigm.metrics(run.job.dataset)} | {"loss": "loss"}
    known = {labels[name]: run_summary.number(value) for name, value in run.scores().items() if name in labels}
    values = " · ".join(f"{escape(label)} <b>{value}</b>" for label, value in known.items())
    tested = f"Test: {values}" if values else "The test metrics are computed at the end of the run."
    summary = escape(found.entry.summary(found))
    st.html(f'<div class="nl-line"><span>{summary}</span><span>{tested}</span></div>')


@panel("left")
def samples(run: Run, split: SplitName) -> None:
    """The samples of a split with their predictions, in the way that the task names."""
    found = predict(run, split)
    with charts.card("samples"):
        for view in views.chosen("samples", (found.entry.sample_view,)):
            view.draw(run, found, f"{run.id}{split}")


@panel("right")
def predictions(run: Run, split: SplitName) -> None:
    """The views of all predictions of a split that the task names."""
    found = predict(run, split)
    for view in views.chosen("prediction", found.entry.prediction_views):
        view.draw(run, found)
