"""The panels of the Inspect page that every task has: metrics, samples, and views of the predictions of a split."""

from __future__ import annotations

import streamlit as st

from pages.parts import views
from pages.parts.predictions import downloads
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.runs.predictions import Predictions, predict
from trainers.runs.run import Run, RunError

SPLIT, WHICH = "inspected_split", "samples_which"  # the keys of the widgets that choose the split and the samples
HELD_OUT: tuple[SplitName, ...] = ("validation", "test")


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
        _mistakes_elsewhere(run, found)
        for view in views.chosen("samples", (found.entry.sample_view,)):
            view.draw(run, found, f"{run.id}{split}")
        downloads.show(run, found)


def _mistakes_elsewhere(run: Run, found: Predictions) -> None:
    """If no sample of this split is wrong but some of another one are: a sentence, and a button to go there."""
    if not found.entry.has_wrong_samples or found.wrong.any():
        return
    for other in HELD_OUT:
        if other == found.split:
            continue
        try:
            elsewhere = predict(run, other)
        except RunError:  # the run has no samples in that split
            continue
        wrong = int(elsewhere.wrong.sum())
        if wrong:
            with st.container(horizontal=True, vertical_alignment="center", key="mistakes_elsewhere"):
                count = len(elsewhere.targets)
                st.html(
                    f'<div class="nl-note">No {found.split} sample is wrong. '
                    f"Of the {count:,} {other} samples {wrong:,} {'is' if wrong == 1 else 'are'}.</div>"
                )
                st.button(f"Show the {other} split", key="to_mistakes", on_click=_show_wrong, args=(other,))
            return


def _show_wrong(split: SplitName) -> None:
    st.session_state[SPLIT] = split
    st.session_state[WHICH] = "wrong"


@panel("right")
def predictions(run: Run, split: SplitName) -> None:
    """The views of all predictions of a split that the task names."""
    found = predict(run, split)
    for view in views.chosen("prediction", found.entry.prediction_views):
        view.draw(run, found)
