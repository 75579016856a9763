"""Views of a diffusion network: samples during denoising while it trains; new samples, the training samples nearest to
them, and the explained variance by time step of the trained network."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.theme import charts
from pages.parts.training import snapshots
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card, panel
from trainers.events import SplitName
from trainers.paradigms.diffusion.sampling import Samples, diffusion_of, explained_variance_by_time, generate
from trainers.runs.run import Run

COLUMNS = 9
SHOWN = 8  # samples on the Inspect page
COPY = 0.02  # distance to a training sample below which a sample counts as a copy


@card
def denoising(live: LiveRun) -> None:
    """A few samples during sampling: noise on the left, the result on the right."""
    charts.heading("Denoising steps", "each row is one sample, from noise to the result")
    snapshot = snapshots.choose_snapshot(live, "denoising")
    if snapshot is not None:
        st.html(rows(snapshot.arrays["stages"]))


@card
def diffusion_samples(live: LiveRun) -> None:
    """The samples that the network generates at this step of the training."""
    charts.heading("Generated samples", "always from the same noise")
    snapshot = snapshots.choose_snapshot(live, "diffusion_samples")
    if snapshot is not None:
        st.html(grid(snapshot.arrays["samples"], COLUMNS))


@panel("whole")
def sampling(run: Run, split: SplitName) -> None:
    """New samples during denoising, the training samples nearest to them, and the explained variance by time step."""
    left, right = st.columns([11, 9], gap="small")
    with left, charts.card("sampling"):
        charts.heading("Generated samples", "each row is one sample, from noise to the result")
        seed, steps = _options(run)
        found = generate(run, seed, SHOWN, steps)
        st.html(rows(found.stages.swapaxes(0, 1)))
    with right:
        with charts.card("nearest_samples"):
            charts.heading("Nearest training samples", distances(found))
            st.html(compared({"generated": found.stages[-1], "nearest training sample": found.nearest}))
        _by_time(run, split)


def _options(run: Run) -> tuple[int, int]:
    """The seed of the noise, and the number of sampling steps."""
    paradigm, seed_key = diffusion_of(run), f"diffusion_seed_{run.id}"

    def next_seed() -> None:
        st.session_state[seed_key] = (st.session_state[seed_key] + 1) % 2**31

    st.session_state.setdefault(seed_key, 0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="sampling_options"):
        seed = st.number_input("Seed", 0, 2**31 - 1, step=1, key=seed_key, width=130)
        steps = st.slider(
            "Steps",
            1,
            paradigm.timesteps,
            paradigm.sampling_steps,
            key=f"diffusion_steps_{run.id}",
            width=220,
            help="Fewer steps are faster and less exact. A single prediction from pure noise is not enough.",
        )
        st.button("Next seed", on_click=next_seed, type="primary", key="next_seed")
    st.space("small")
    return int(seed), int(steps)


def distances(found: Samples) -> str:
    """How far the samples are from the training samples, in words."""
    copies = int((found.distance < COPY).sum())
    if copies:
        return f"{copies} of {len(found.distance)} are copies"
    return f"mean distance {found.distance.mean():.2f} · 0 is a copy, 2 the opposite in every pixel"


def _by_time(run: Run, split: SplitName) -> None:
    """The explained variance of the noise at each time step."""
    with charts.card("explained_variance_by_time"):
        charts.heading("Explained variance by time step", "a little noise is hard to predict, much noise is easy")
        steps, explained = explained_variance_by_time(run, split)
        hover = "%{y:.0%} at time step %{x}<extra></extra>"
        values = np.clip(explained, -0.1, 1)
        curve = charts.line(np.array(steps), values, "explained variance", charts.look().training, hovertemplate=hover)
        axis = {"tickformat": ".0%", "range": [min(0.0, min(explained)) - 0.02, 1.02]}
        figure = charts.figure([curve], x="time step, from a clean image to pure noise", key=False, yaxis=axis)
        charts.draw(figure, "explained_variance_by_time")


def rows(stages: NDArray[np.float32]) -> str:
    """Samples during sampling, (N, moments, *shape): a row for each image; points of the plane as clouds."""
    count, moments = stages.shape[:2]
    if stages.ndim == 5:
        return grid(stages.reshape(count * moments, *stages.shape[2:]), moments)
    return clouds(stages.swapaxes(0, 1)) if stages.shape[2:] == (2,) else grid(stages[:, -1], COLUMNS)


def grid(samples: NDArray[np.float32], columns: int) -> str:
    """Samples side by side: images in one grid, points of the plane as a cloud, others as curves."""
    if samples.ndim == 4:
        return snapshots.grid(samples, columns, -1.0, 1.0)
    if samples.shape[1:] == (2,):
        return clouds(samples[None])
    return snapshots.compared_curves({"generated": samples})


def clouds(moments: NDArray[np.float32]) -> str:
    """Points of the plane at some moments, (moments, N, 2)."""
    no_class = np.zeros(moments.shape[1], np.int64)
    return f'<div class="nl-tiles">{"".join(sample_images.points(points, no_class) for points in moments)}</div>'


def compared(parts: dict[str, NDArray[np.float32]]) -> str:
    """Generated samples above those that are nearest to them."""
    first = next(iter(parts.values()))
    return snapshots.rows(parts, -1.0, 1.0) if first.ndim == 4 else snapshots.compared_curves(parts)
