"""The latent space of a trained autoencoder as a map, and a walk from one sample to another through it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.paradigms.autoencoder import live
from pages.parts.theme import charts
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.projection import MOST, main_axes, neighbours
from trainers.paradigms.autoencoder.reconstructions import Reconstructions, has_decoder, reconstruct, walk
from trainers.runs.predictions import kept
from trainers.runs.run import Run

STEPS = 11
CLOUD = 300  # points of the plane behind a walk
OFFERED = 1000  # samples that a walk may begin and end at
TALL = 420
NO_CODE = "No node splits the network in two, so there is no code to look at."
MAPS = {"PCA": "the two directions in which codes differ most", "t-SNE": "alike codes lie side by side; distances lie"}


@panel("right")
def latent_space(run: Run, part: SplitName) -> None:
    """Every sample of this part by its code, in the colour of its class."""
    with charts.card("latent_space"):
        found = reconstruct(run, part)
        if found.codes is None:
            charts.heading("Latent space")
            return charts.nothing(NO_CODE)
        width = found.codes.shape[1]
        how = "PCA"
        with st.container(horizontal=True, vertical_alignment="center", key="latent_space_head"):
            charts.heading("Latent space", f"codes of {width} numbers" if width > 2 else "the codes as they are")
            if width > 2:
                how = st.segmented_control(
                    "map", list(MAPS), default="PCA", required=True, key="latent_map", label_visibility="collapsed",
                    help=" · ".join(f"{name}: {said}" for name, said in MAPS.items()),
                ) or "PCA"  # fmt: skip
        if how == "t-SNE":
            with st.spinner("t-SNE places the codes …"):
                places, titles = _map(run, part, how, found)
        else:
            places, titles = _map(run, part, how, found)
        names = [f"{found.name(index) or 'sample'} · no. {index + 1}" for index in range(len(places))]
        pair = [index for index in _pair(run, part) if index < len(places)]
        labels = found.labels[: len(places)] if found.labels is not None else None
        made = live.scatter(
            places, labels, found.classes, titles, f"{run.id}{part}{how}", names, pair if len(pair) == 2 else (), TALL
        )
        return charts.draw(made, "latent_space", lambda place: _picked(run, part, found, place))


def _map(run: Run, part: SplitName, how: str, found: Reconstructions) -> tuple[NDArray[np.float32], tuple[str, str]]:
    codes = found.codes
    assert codes is not None
    if codes.shape[1] == 2:
        return codes, ("z1", "z2")
    if codes.shape[1] < 2:
        return np.column_stack([codes[:, 0], found.off]), ("z1", "error")
    if how == "t-SNE":
        return kept(run, ("neighbours", part), lambda: neighbours(codes[:MOST])), ("", "")
    places, share = kept(run, ("main axes", part), lambda: main_axes(codes))
    return places, live.titles_of(codes.shape[1], share)


def _keys(run: Run, part: SplitName) -> tuple[str, str]:
    return f"walk_from_{run.id}{part}", f"walk_to_{run.id}{part}"


def _pair(run: Run, part: SplitName) -> list[int]:
    """The two samples of the walk, where there is one."""
    return [int(st.session_state[key]) for key in _keys(run, part) if key in st.session_state]


def _picked(run: Run, part: SplitName, found: Reconstructions, place: Any) -> None:
    """A click on a sample of the map: the walk goes from where it ended to there."""
    if type(place) is not int or not 0 <= place < min(OFFERED, len(found.originals)):
        return
    first, second = _keys(run, part)
    st.session_state[first] = st.session_state.get(second, 0)
    st.session_state[second] = place


@panel("left")
def latent_interpolation(run: Run, part: SplitName) -> None:
    """Samples along the line between the codes of two of them, above the mixture of the two samples themselves."""
    if not has_decoder(run):
        return
    with charts.card("latent_walk"):
        charts.heading(
            "A walk through the latent space",
            "along the straight line between two codes; a click on the map goes on to there",
        )
        found = reconstruct(run, part)
        assert found.codes is not None
        count = min(OFFERED, len(found.originals))
        names = [f"{found.name(index) or 'sample'} · no. {index + 1}" for index in range(count)]
        first, second = _keys(run, part)
        st.session_state.setdefault(first, 0)
        st.session_state.setdefault(second, _other(found, count))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="walk_options"):
            for key, label in ((first, "From"), (second, "To")):
                st.selectbox(label, range(count), key=key, format_func=names.__getitem__, width=170)
            st.button("Other samples", on_click=_draw_pair, args=(found, count, first, second), key="walk_other")
        one, other = int(st.session_state[first]), int(st.session_state[second])
        steps = walk(run, found.codes[one], found.codes[other], STEPS)
        share = np.linspace(0, 1, STEPS, dtype=np.float32).reshape(-1, *[1] * (found.originals.ndim - 1))
        mixed = (1 - share) * found.originals[one] + share * found.originals[other]
        rows = {"through the code": steps, "the two samples mixed, for comparison": mixed}
        if run.job.dataset.kind == "points":
            rows = {"samples": found.originals[:CLOUD], **rows}
        elif run.job.dataset.kind == "table":  # every column in spreads of its own, or the largest hides the others
            mean, spread = found.originals.mean(axis=0), np.maximum(found.originals.std(axis=0), 1e-12)
            rows = {name: (values - mean) / spread for name, values in rows.items()}
        st.html(live.drawn(rows))


def _other(found: Reconstructions, count: int) -> int:
    """A sample of another class than the first."""
    if found.labels is None or count < 2:
        return min(1, count - 1)
    others = np.flatnonzero(found.labels[:count] != found.labels[0])
    return int(others[0]) if len(others) else count - 1


def _draw_pair(found: Reconstructions, count: int, first: str, second: str) -> None:
    random = np.random.default_rng()
    one = int(random.integers(count))
    others = np.arange(count) if found.labels is None else np.flatnonzero(found.labels[:count] != found.labels[one])
    st.session_state[first] = one
    st.session_state[second] = int(random.choice(others)) if len(others) else one
