"""A drawing: strokes on a canvas, which are brought to the input like the training images."""

from __future__ import annotations

from typing import Any, ClassVar

import streamlit as st

from pages.parts.data import sample_images
from pages.parts.theme import charts, theme
from pages.parts.trying import answers
from pages.parts.trying.base import Trial
from trainers.data import DataSet
from trainers.data.own.predicting import predict_samples
from trainers.runs.predictions import kept
from trainers.runs.run import Run
from trainers.tasks import TASKS
from trainers.trying.drawing import Ink, can_be_drawn, drawn, ink_of, strokes_of

SIDE = 260  # pixels of the longer side of the canvas
PENS = (6, 48)  # pixels: the thinnest and the thickest pen of the canvas

_canvas = st.components.v2.component("netloom_draw", css=theme.sheet("draw.css"), js=theme.sheet("draw.js"))


class Drawing(Trial):
    """An image that is drawn."""

    title: ClassVar[str] = "Draw"
    order: ClassVar[int] = 5

    def fits(self, dataset: DataSet) -> bool:
        return can_be_drawn(dataset) and bool(TASKS[dataset.task].of_columns)

    def draw(self, run: Run) -> None:
        ink = ink_of(run)
        left, middle, right = st.columns([275, 205, 620], gap="small")
        with left:
            strokes = strokes_of(_strokes(run, ink))
        if not strokes:
            with right:
                charts.empty("Draw something at the left.", 120)
            return
        sample = drawn(strokes, ink)
        with middle:
            shown = sample_images.image(sample_images.png(sample[0], ink.low, ink.high))
            st.html(f'<figure class="nl-seen">{shown}<figcaption>{_words(ink)}</figcaption></figure>')
        with right:
            found = predict_samples(run.job, kept(run, ("model",), run.model), (sample,))
            answers.show(found.iloc[0], "try_drawing")
        answers.show_nearest(run, (sample,), "try_drawing")


def _strokes(run: Run, ink: Ink) -> Any:
    """The canvas in the colours of the training images, and what is drawn on it."""
    _, height, width = ink.shape
    key, longest = f"try_draw_{run.id}", max(height, width)
    before = st.session_state.get(key) or st.session_state.get(f"drawn_{run.id}") or {}
    strokes = before.get("strokes") or []
    data = {
        "width": round(SIDE * width / longest),
        "height": round(SIDE * height / longest),
        "ground": list(ink.grey(ink.ground)),
        "ink": list(ink.grey(ink.colour)),
        "pen": min(max(SIDE * ink.thickness / longest, PENS[0]), PENS[1]),
        "strokes": strokes,
    }
    found = _canvas(key=key, data=data, default={"strokes": strokes}, on_strokes_change=lambda: None).strokes
    st.session_state[f"drawn_{run.id}"] = {"strokes": found}  # a drawing outlives a visit to another page
    return found


def _words(ink: Ink) -> str:
    _, height, width = ink.shape
    return f"As the network sees it: {width} x {height} pixels, sized, placed and coloured as in training."
