"""Inspect: what a trained network says about samples it has not learned from, the wrong ones first."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    header,
    notices,
    run_answers,
    run_attention,
    run_choice,
    run_samples,
    run_summary,
    run_surprise,
    run_writing,
    session,
    warmup,
)
from pages.parts.run_data import ACTIVE
from pages.parts.words import escape
from trainers.events import SplitName
from trainers.run import Run

PARTS: tuple[SplitName, ...] = ("validation", "test", "training")
LOOK_AGAIN = 5.0  # seconds between two looks for better weights while a run trains

work = session.start()
with st.spinner("Loading torch …", show_time=False):
    warmup.start()
    warmup.ready(60)
run_choice.style()


@run_choice.said
def page() -> None:
    """The choice of a run above, its answers below."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        run = run_choice.picker(work, "inspected")
        part = st.segmented_control(
            "part", PARTS, default="validation", required=True, key="inspected_part", label_visibility="collapsed",
            help="Which part of the data: held out to watch, held out to the very end, or learned from",
        ) if run else None  # fmt: skip
    notices.show(work)
    if run is None:
        run_choice.nowhere("Nothing has been trained yet, so there is nothing to predict with.")
        return
    every = LOOK_AGAIN if run.state in ACTIVE else None
    shown = reading if run.job.dataset.task == "language" else answers
    st.fragment(shown, run_every=every)(run, part or "validation")


@run_choice.said
def answers(run: Run, part: SplitName) -> None:
    """Everything that can be shown of the predictions of this way of training."""
    from trainers.predictions import has_surface, predict, surface

    found = predict(run, part)
    _facts(run, found)
    left, right = st.columns([11, 9], gap="small")
    with left, st.container(border=True, key="card_samples", gap=None):
        run_samples.show(found, f"{run.id}{part}")
    if found.task != "classification":
        with right:
            run_answers.regression_cards(found)
    elif has_surface(run):
        with right:
            run_answers.surface_card(surface(run))
        with left:
            run_answers.confusion_card(found)
    else:
        with right:
            run_answers.confusion_card(found)
    run_attention.card(run, part)


@run_choice.said
def reading(run: Run, part: SplitName) -> None:
    """A language model: text that it writes, and how it reads a text."""
    left, right = st.columns([11, 9], gap="small")
    with left:
        run_writing.continuing(run)
        run_surprise.card(run, part)
    with right:
        run_attention.card(run, part)


def _facts(run: Run, found: object) -> None:
    """The scores in one line: of this part, and of the test part once the run is over."""
    from trainers.metrics import METRICS
    from trainers.predictions import Predictions

    assert isinstance(found, Predictions)
    labels = {name: metric.label for name, metric in METRICS[found.task].items()} | {"loss": "loss"}
    scores = run.scores()
    known = {labels[name]: run_summary.number(value) for name, value in scores.items() if name in labels}
    told = " · ".join(f"{label} <b>{value}</b>" for label, value in known.items())
    count = len(found.targets)
    if found.task == "classification":
        right = count - int(found.wrong.sum())
        here = f"<b>{right:,}</b> of {count:,} {escape(found.split)} samples are right: <b>{right / count:.1%}</b>"
    else:
        here = f"<b>{count:,}</b> {escape(found.split)} samples"
    tested = f"Test: {told}" if told else "Test scores come when the run is over."
    st.html(f'<div class="nl-line"><span>{here}</span><span>{tested}</span></div>')


page()
