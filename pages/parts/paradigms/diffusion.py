"""What a diffusion network draws: pictures growing out of noise while it learns, and new ones once it has learned."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images as pictures
from pages.parts.theme import charts
from pages.parts.training import snapshots
from pages.parts.training.run_data import Live
from pages.parts.views import card, panel
from trainers.events import SplitName
from trainers.paradigms.diffusion.sampling import Drawn, diffusion_of, drawn, noise_by_time
from trainers.runs.run import Run

COLUMNS = 9
GROWN = 8  # pictures that are shown growing on the Inspect page
SAME_NOISE = "always out of the same noise, so that you see what the network learns"


@card
def denoising(live: Live) -> None:
    """A few pictures at moments of their growth: noise on the left, what the network makes of it on the right."""
    charts.heading("Out of noise", "each row grows from left to right")
    scene = snapshots.moment(live, "denoising")
    if scene is not None:
        st.html(rows(scene.arrays["stages"]))


@card
def diffusion_samples(live: Live) -> None:
    """The pictures that the network draws now."""
    charts.heading("What it draws", SAME_NOISE)
    scene = snapshots.moment(live, "diffusion_samples")
    if scene is not None:
        st.html(sheet(scene.arrays["samples"], COLUMNS))


@panel("whole")
def sampling(run: Run, part: SplitName) -> None:
    """New pictures out of noise, each as it grows; what in the data they are most like; how well it tells noise."""
    left, right = st.columns([11, 9], gap="small")
    with left, charts.card("drawing"):
        charts.heading("Draw new pictures", "each row grows out of its own noise, from left to right")
        seed, steps = _wishes(run)
        found = drawn(run, seed, GROWN, steps)
        st.html(rows(found.stages.swapaxes(0, 1)))
    with right:
        with charts.card("copies"):
            charts.heading("Does it copy?", closeness(found))
            st.html(compared({"drawn": found.stages[-1], "most similar of what it has learned from": found.nearest}))
        by_time(run, part)


def _wishes(run: Run) -> tuple[int, int]:
    """The seed of the noise, and in how many steps to draw."""
    way, seed_key = diffusion_of(run), f"diffusion_seed_{run.id}"

    def others() -> None:
        st.session_state[seed_key] = (st.session_state[seed_key] + 1) % 2**31

    st.session_state.setdefault(seed_key, 0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="drawing_options"):
        seed = st.number_input("Seed", 0, 2**31 - 1, step=1, key=seed_key, width=130)
        steps = st.slider(
            "Steps", 1, way.timesteps, way.sampling_steps, key=f"diffusion_steps_{run.id}", width=220,
            help="Fewer are quicker and coarser. One look at nothing but noise says too little: it stays noise.",
        )  # fmt: skip
        st.button("Draw others", on_click=others, type="primary", key="draw")
    st.space("small")
    return int(seed), int(steps)


def closeness(found: Drawn) -> str:
    """How far the pictures are from what the network has seen, in words."""
    exact = int((found.distance < 0.02).sum())
    if exact:
        return f"{exact} of {len(found.distance)} are copies"
    return f"mean distance {found.distance.mean():.2f} · 0 is a copy, 2 black for white everywhere"


def by_time(run: Run, part: SplitName) -> None:
    """At which time steps the network tells the noise, and at which it does not."""
    with charts.card("noise_by_time"):
        charts.heading("How much of the noise it tells", "little noise is hard to see, much of it is easy")
        places, explained = noise_by_time(run, part)
        curve = charts.line(
            np.array(places), np.clip(explained, -0.1, 1), "noise explained", charts.look().training,
            hovertemplate="%{y:.0%} at time step %{x}<extra></extra>",
        )  # fmt: skip
        axis = {"tickformat": ".0%", "range": [min(0.0, min(explained)) - 0.02, 1.02]}
        made = charts.figure([curve], x="time step: from a clean picture to nothing but noise", key=False, yaxis=axis)
        charts.draw(made, "noise_by_time")


def rows(stages: NDArray[np.float32]) -> str:
    """Samples at moments of their growth, (N, moments, *shape): a row each; points of the plane as clouds."""
    count, moments = stages.shape[:2]
    if stages.ndim == 5:
        return sheet(stages.reshape(count * moments, *stages.shape[2:]), moments)
    return clouds(stages.swapaxes(0, 1)) if stages.shape[2:] == (2,) else sheet(stages[:, -1], COLUMNS)


def sheet(drawn_samples: NDArray[np.float32], columns: int) -> str:
    """Samples side by side: pictures as one sheet, points of the plane as a cloud, others as curves."""
    if drawn_samples.ndim == 4:
        return snapshots.grid(drawn_samples, columns, -1.0, 1.0)
    if drawn_samples.shape[1:] == (2,):
        return clouds(drawn_samples[None])
    return snapshots.compared_curves({"drawn": drawn_samples})


def clouds(moments: NDArray[np.float32]) -> str:
    """Points of the plane at some moments, (moments, N, 2)."""
    none = np.zeros(moments.shape[1], np.int64)
    return f'<div class="nl-tiles">{"".join(pictures.points(points, none) for points in moments)}</div>'


def compared(parts: dict[str, NDArray[np.float32]]) -> str:
    """Drawn samples above what they are like."""
    first = next(iter(parts.values()))
    return snapshots.rows(parts, -1.0, 1.0) if first.ndim == 4 else snapshots.compared_curves(parts)
