"""Samples out of codes: one made by hand with a slider for each axis, and new ones drawn from the prior."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.paradigms.autoencoder import live
from pages.parts.theme import charts
from pages.parts.training import snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.reconstructions import (
    Floats,
    decoded,
    drawn,
    has_decoder,
    liveliest,
    reconstruct,
)
from trainers.runs.predictions import kept
from trainers.runs.run import Run

MOST = 8
COUNT = {True: 50, False: 12}  # new samples, of pictures and of others
COLUMNS = 10
ACROSS = 14  # pictures in a row of the plane


@panel("right")
def decode_code(run: Run, part: SplitName) -> None:
    """A slider for each axis of the code, or for the liveliest, and the sample that the decoder makes of it."""
    if not has_decoder(run):
        return
    with charts.card("latent_decoder"):
        found = reconstruct(run, part)
        assert found.codes is not None
        width = found.codes.shape[1]
        axes = np.arange(width) if width <= MOST else liveliest(found.codes, MOST)
        note = "every axis of the code" if width <= MOST else f"the {MOST} liveliest of {width} axes"
        with st.container(horizontal=True, vertical_alignment="center", key="latent_decoder_head"):
            charts.heading("A sample by hand", note)
            st.button("Mean code", on_click=_reset, args=(run, axes, found.codes), key="latent_reset", type="tertiary")
        left, right = st.columns([5, 3], gap="medium", vertical_alignment="center")
        code = found.codes.mean(axis=0)
        with left:
            for axis, column in zip(axes.tolist(), _two(len(axes)), strict=True):
                with column:
                    code[axis] = _slider(run, axis, found.codes)
        with right:
            sample = decoded(run, code[None])
            low, high = snapshots.limits(found.originals)
            if sample.ndim == 4 and sample.shape[1] in (1, 3):
                st.html(f'<div class="nl-by-hand">{snapshots.grid(sample, 1, low, high)}</div>')
            elif run.job.dataset.kind in ("table", "points"):
                names = run.job.dataset.feature_names or tuple(f"input {n + 1}" for n in range(sample.shape[1]))
                st.dataframe({"": names, "value": sample[0].astype(float)}, hide_index=True, key="latent_made")
            else:
                st.html(snapshots.compared_curves({"made": sample}))


@panel("right")
def latent_grid(run: Run, part: SplitName) -> None:
    """Of codes of two numbers: what the decoder makes of every place of the plane."""
    found = reconstruct(run, part)
    if not has_decoder(run) or found.codes is None or found.codes.shape[1] != 2 or found.originals.ndim != 4:
        return
    with charts.card("latent_plane"):
        charts.heading("The whole plane, decoded", "each place of the map, drawn: z1 to the right, z2 upwards")
        st.html(snapshots.grid(_plane(run, found.codes), ACROSS, *snapshots.limits(found.originals)))


def _plane(run: Run, codes: Floats) -> Floats:
    """Places spread as the codes are, so that the crowded middle is not one picture: their quantiles."""
    share = np.linspace(0.02, 0.98, ACROSS)
    right, up = (np.quantile(codes[:, axis], share) for axis in (0, 1))
    places = np.stack([values.ravel() for values in np.meshgrid(right, up[::-1])], axis=1)
    return kept(run, ("plane",), lambda: decoded(run, places))


def _two(count: int) -> list[object]:
    """So many places, two in a row."""
    places: list[object] = []
    while len(places) < count:
        places += st.columns(2, gap="small")
    return places[:count]


def _key(run: Run, axis: int) -> str:
    return f"latent_{run.id}_{axis}"


def _slider(run: Run, axis: int, codes: Floats) -> float:
    """From where few codes are lower to where few are higher."""
    low, high = (float(value) for value in np.quantile(codes[:, axis], (0.005, 0.995)))
    if not high - low > 1e-6:
        low, high = low - 1, high + 1
    key = _key(run, axis)
    st.session_state.setdefault(key, float(np.clip(codes[:, axis].mean(), low, high)))
    st.session_state[key] = float(np.clip(st.session_state[key], low, high))
    step = (high - low) / 100
    return float(st.slider(f"z{axis + 1}", low, high, key=key, step=step, format="%.2f"))


def _reset(run: Run, axes: np.ndarray, codes: Floats) -> None:
    for axis in axes.tolist():
        st.session_state[_key(run, axis)] = float(codes[:, axis].mean())


@panel("left")
def prior_samples(run: Run, part: SplitName) -> None:
    """New samples that were never there: codes from the standard normal distribution, decoded."""
    with charts.card("latent_prior"):
        charts.heading("New samples", "codes drawn from the prior, the standard normal distribution")
        if not has_decoder(run):
            return charts.nothing("The decoder cannot run by itself: something reaches the output past the code.", 120)
        seed_key = f"prior_seed_{run.id}"
        st.session_state.setdefault(seed_key, 0)

        def others() -> None:
            st.session_state[seed_key] = (st.session_state[seed_key] + 1) % 2**31

        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="prior_options"):
            seed = int(st.number_input("Seed", 0, 2**31 - 1, step=1, key=seed_key, width=130))
            spread = st.slider(
                "Spread", 0.0, 2.0, 1.0, 0.05, key=f"prior_spread_{run.id}", width=220,
                help="1 is the prior; below it samples are more alike and cleaner, above it they are stranger.",
            )  # fmt: skip
            st.button("Draw others", on_click=others, type="primary", key="prior_draw")
        pictured = len(run.job.dataset.input_shape) == 3 and run.job.dataset.input_shape[0] in (1, 3)
        samples = drawn(run, COUNT[pictured], seed, float(spread))
        if pictured:
            st.html(snapshots.grid(samples, COLUMNS, *snapshots.limits(reconstruct(run, part).originals)))
        else:
            st.html(live.drawn({"drawn": samples}))
        return None
