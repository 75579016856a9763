"""Inspect a generator: samples from a seed, as usual or as daring as wanted, of one class; and a walk between two."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.paradigms.gan.live import cloud, drawn, scores_figure
from pages.parts.theme import charts
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.runs.run import Run

COUNT, COLUMNS, POINTS = 60, 10, 400
STEPS = 10


@panel("left")
def random_samples(run: Run, part: SplitName) -> None:
    """A sheet of samples, or a cloud of points among real ones."""
    from trainers.paradigms.gan import samples as drawing

    flat = run.job.dataset.input_shape == (2,)
    with charts.card("drawn_samples"):
        charts.heading("Samples", "drawn from noise by the trained generator")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="drawn_options"):
            seed = _seed(run, "Seed", "drawn_seed", 0)
            temperature = st.slider(
                "Temperature", 0.0, 2.0, 1.0, 0.05, key=f"drawn_temperature_{run.id}", width=200,
                help="How wide the noise is. Below 1 samples are more usual and more alike, above 1 they dare more.",
            )  # fmt: skip
            wanted = _class(run, "Class", "drawn_class", every=True)
        count = POINTS if flat else COUNT
        made = drawing.samples(run, count, seed, float(temperature), wanted)
        if flat:
            charts.draw(cloud(made, _real(run, part), run.id), "drawn_cloud")
        else:
            st.html(drawn(made, COLUMNS))


@panel("right")
def noise_interpolation(run: Run, part: SplitName) -> None:
    """The way from one sample to another: a generator that has understood changes one into the other step by step."""
    from trainers.paradigms.gan import samples as drawing

    with charts.card("drawn_walk"):
        charts.heading("A walk", "from the noise of one seed to that of another")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="walk_options"):
            one = _seed(run, "From seed", "walk_from", 1)
            other = _seed(run, "To seed", "walk_to", 2)
            wanted = _class(run, "Class", "walk_class", every=False)
        if run.job.dataset.input_shape == (2,):
            made = np.concatenate([drawing.walk(run, one + k, other + k, 40, wanted) for k in range(5)])
            charts.draw(cloud(made, _real(run, part), run.id), "walk_cloud")
            return
        rows = [drawing.walk(run, one + 10 * k, other + 10 * k, STEPS, wanted) for k in range(6)]
        st.html(drawn(np.concatenate(rows), STEPS))


@panel("right")
def generator_metrics(run: Run, part: SplitName) -> None:
    """How real the discriminator finds real and drawn samples."""
    from trainers.paradigms.gan import samples as drawing

    with charts.card("drawn_scores"):
        charts.heading("What the discriminator says", "curves that lie on each other: it cannot tell them apart")
        charts.draw(scores_figure(drawing.scores(run), run.id), "drawn_scores")


def _seed(run: Run, label: str, key: str, first: int) -> int:
    return int(st.number_input(label, 0, 10**6, first, 1, key=f"{key}_{run.id}", width=120) or 0)


def _class(run: Run, label: str, key: str, every: bool) -> int | None:
    """The class to draw, where the generator takes one; None: each in turn."""
    from trainers.paradigms.gan import samples as drawing

    names = run.job.dataset.classes
    if not drawing.noise(run).labelled or not names:
        return None
    choices = [None, *range(len(names))] if every else list(range(len(names)))
    chosen: int | None = st.selectbox(
        label, choices, key=f"{key}_{run.id}", width=130,
        format_func=lambda number: "each in turn" if number is None else names[number],
    )  # fmt: skip
    return chosen


def _real(run: Run, part: SplitName) -> np.ndarray:
    """Real points to compare with; of the training part where none were held out."""
    from trainers.runs.predictions import prepared_data, reverted

    prepared = prepared_data(run)
    split = getattr(prepared, part)
    found: np.ndarray = reverted(prepared, split if len(split) else prepared.training)[0][:POINTS]
    return found
