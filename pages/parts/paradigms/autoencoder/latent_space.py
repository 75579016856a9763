"""The latent space of a trained autoencoder: as a map, interpolated between two samples, and decoded at any code."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.paradigms.autoencoder import live
from pages.parts.theme import charts
from pages.parts.training import snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.projection import MOST, principal_components, tsne
from trainers.paradigms.autoencoder.reconstructions import (
    Floats,
    Reconstructions,
    decode,
    has_decoder,
    interpolate,
    reconstruct,
    samples_from_prior,
    widest_dimensions,
)
from trainers.runs.predictions import kept
from trainers.runs.run import Run

STEPS = 11  # of an interpolation
CLOUD = 300  # points of the plane behind an interpolation
CHOICES = 1000  # samples that an interpolation may begin and end at
SLIDERS = 8
COUNT = {True: 50, False: 12}  # new samples, of images and of others
COLUMNS = 10
ACROSS = 14  # images in a row of the decoded plane
TALL = 420
NO_DECODER = "The decoder cannot run on its own: a connection reaches the output around the code."
MAPS = {
    "PCA": "the two principal components of the codes",
    "t-SNE": "similar codes are neighbours; large distances mean nothing",
}


# -- the map ----------------------------------------------------------------------------------------------------------


@panel("right")
def latent_space(run: Run, split: SplitName) -> None:
    """Every sample of this split by its code, in the colour of its class."""
    with charts.card("latent_space"):
        found = reconstruct(run, split)
        if found.codes is None:
            charts.heading("Latent space")
            return charts.empty(live.NO_CODE)
        width = found.codes.shape[1]
        how = "PCA"
        with st.container(horizontal=True, vertical_alignment="center", key="latent_space_head"):
            charts.heading("Latent space", f"codes of {width} numbers" if width > 2 else "the codes as they are")
            if width > 2:
                how = _map_choice()
        if how == "t-SNE":
            with st.spinner("Computing t-SNE …"):
                points, titles = _map(run, split, how, found)
        else:
            points, titles = _map(run, split, how, found)
        names = _names(found, len(points))
        pair = [index for index in _pair(run, split) if index < len(points)]
        labels = found.labels[: len(points)] if found.labels is not None else None
        chosen = pair if len(pair) == 2 else ()
        made = live.scatter(points, labels, found.classes, titles, f"{run.id}{split}{how}", names, chosen, TALL)
        return charts.draw(made, "latent_space", lambda place: _picked(run, split, found, place))


def _map_choice() -> str:
    chosen = st.segmented_control(
        "map",
        list(MAPS),
        default="PCA",
        required=True,
        key="latent_map",
        label_visibility="collapsed",
        help=" · ".join(f"{name}: {meaning}" for name, meaning in MAPS.items()),
    )
    return chosen or "PCA"


def _map(run: Run, split: SplitName, how: str, found: Reconstructions) -> tuple[NDArray[np.float32], tuple[str, str]]:
    """The points of the map and the titles of its axes."""
    codes = found.codes
    assert codes is not None
    if codes.shape[1] == 2:
        return codes, ("z1", "z2")
    if codes.shape[1] < 2:
        return np.column_stack([codes[:, 0], found.errors]), ("z1", "error")
    if how == "t-SNE":
        return kept(run, ("t-SNE", split), lambda: tsne(codes[:MOST])), ("", "")
    points, explained = kept(run, ("PCA", split), lambda: principal_components(codes))
    return points, live.axis_titles(codes.shape[1], explained)


def _names(found: Reconstructions, count: int) -> list[str]:
    return [f"{found.class_name(index) or 'sample'} · no. {index + 1}" for index in range(count)]


# -- interpolation ----------------------------------------------------------------------------------------------------


def _keys(run: Run, split: SplitName) -> tuple[str, str]:
    return f"interpolate_from_{run.id}{split}", f"interpolate_to_{run.id}{split}"


def _pair(run: Run, split: SplitName) -> list[int]:
    """The two samples of the interpolation, where there is one."""
    return [int(st.session_state[key]) for key in _keys(run, split) if key in st.session_state]


def _picked(run: Run, split: SplitName, found: Reconstructions, place: Any) -> None:
    """A click on a sample of the map: the interpolation goes from its last end to this sample."""
    if type(place) is not int or not 0 <= place < min(CHOICES, len(found.originals)):
        return
    first, second = _keys(run, split)
    st.session_state[first] = st.session_state.get(second, 0)
    st.session_state[second] = place


@panel("left")
def latent_interpolation(run: Run, split: SplitName) -> None:
    """Samples decoded along the line between two codes, above the mean of the two samples themselves."""
    if not has_decoder(run):
        return
    with charts.card("latent_interpolation"):
        charts.heading(
            "Interpolation in the latent space", "along the straight line between two codes; click on the map to go on"
        )
        found = reconstruct(run, split)
        assert found.codes is not None
        count = min(CHOICES, len(found.originals))
        names = _names(found, count)
        first, second = _keys(run, split)
        st.session_state.setdefault(first, 0)
        st.session_state.setdefault(second, _of_another_class(found, count))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="interpolation_options"):
            for key, label in ((first, "From"), (second, "To")):
                st.selectbox(label, range(count), key=key, format_func=names.__getitem__, width=170)
            pair = (found, count, first, second)
            st.button("Other samples", on_click=_choose_pair, args=pair, key="interpolate_others")
        one, other = int(st.session_state[first]), int(st.session_state[second])
        decoded = interpolate(run, found.codes[one], found.codes[other], STEPS)
        share = np.linspace(0, 1, STEPS, dtype=np.float32).reshape(-1, *[1] * (found.originals.ndim - 1))
        mixed = (1 - share) * found.originals[one] + share * found.originals[other]
        rows = {"decoded codes": decoded, "weighted mean of the two samples, for comparison": mixed}
        if run.job.dataset.kind == "points":
            rows = {"samples": found.originals[:CLOUD], **rows}
        elif run.job.dataset.kind == "table":  # standardised, or the largest column hides the others
            mean, std = found.originals.mean(axis=0), np.maximum(found.originals.std(axis=0), 1e-12)
            rows = {name: (values - mean) / std for name, values in rows.items()}
        st.html(live.rows_of_samples(rows))


def _of_another_class(found: Reconstructions, count: int) -> int:
    """A sample of another class than the first."""
    if found.labels is None or count < 2:
        return min(1, count - 1)
    others = np.flatnonzero(found.labels[:count] != found.labels[0])
    return int(others[0]) if len(others) else count - 1


def _choose_pair(found: Reconstructions, count: int, first: str, second: str) -> None:
    """Two random samples of different classes."""
    random = np.random.default_rng()
    one = int(random.integers(count))
    others = np.arange(count) if found.labels is None else np.flatnonzero(found.labels[:count] != found.labels[one])
    st.session_state[first] = one
    st.session_state[second] = int(random.choice(others)) if len(others) else one


# -- decoded codes ----------------------------------------------------------------------------------------------------


@panel("right")
def decode_code(run: Run, split: SplitName) -> None:
    """A slider for each latent dimension, or for those with the largest variance, and the decoded sample."""
    if not has_decoder(run):
        return
    with charts.card("decode_code"):
        found = reconstruct(run, split)
        assert found.codes is not None
        width = found.codes.shape[1]
        every = width <= SLIDERS
        dimensions = np.arange(width) if every else widest_dimensions(found.codes, SLIDERS)
        note = "all latent dimensions" if every else f"the {SLIDERS} of {width} dimensions with the most variance"
        with st.container(horizontal=True, vertical_alignment="center", key="decode_code_head"):
            charts.heading("Decode a code", note)
            reset = (run, dimensions, found.codes)
            st.button("Mean code", on_click=_reset, args=reset, key="decode_reset", type="tertiary")
        left, right = st.columns([5, 3], gap="medium", vertical_alignment="center")
        code = found.codes.mean(axis=0)
        with left:
            for dimension, column in zip(dimensions.tolist(), _two_in_a_row(len(dimensions)), strict=True):
                with column:
                    code[dimension] = _slider(run, dimension, found.codes)
        with right:
            _decoded(run, decode(run, code[None]), found)


def _decoded(run: Run, sample: Floats, found: Reconstructions) -> None:
    low, high = snapshots.limits(found.originals)
    if sample.ndim == 4 and sample.shape[1] in (1, 3):
        st.html(f'<div class="nl-decoded">{snapshots.grid(sample, 1, low, high)}</div>')
    elif run.job.dataset.kind in ("table", "points"):
        names = run.job.dataset.feature_names or tuple(f"input {n + 1}" for n in range(sample.shape[1]))
        st.dataframe({"": names, "value": sample[0].astype(float)}, hide_index=True, key="decoded_table")
    else:
        st.html(snapshots.compared_curves({"decoded": sample}))


def _two_in_a_row(count: int) -> list[Any]:
    places: list[Any] = []
    while len(places) < count:
        places += st.columns(2, gap="small")
    return places[:count]


def _key(run: Run, dimension: int) -> str:
    return f"latent_{run.id}_{dimension}"


def _slider(run: Run, dimension: int, codes: Floats) -> float:
    """A slider over the range of nearly all codes."""
    low, high = (float(value) for value in np.quantile(codes[:, dimension], (0.005, 0.995)))
    if not high - low > 1e-6:
        low, high = low - 1, high + 1
    key = _key(run, dimension)
    st.session_state.setdefault(key, float(np.clip(codes[:, dimension].mean(), low, high)))
    st.session_state[key] = float(np.clip(st.session_state[key], low, high))
    step = (high - low) / 100
    return float(st.slider(f"z{dimension + 1}", low, high, key=key, step=step, format="%.2f"))


def _reset(run: Run, dimensions: NDArray[np.int64], codes: Floats) -> None:
    for dimension in dimensions.tolist():
        st.session_state[_key(run, dimension)] = float(codes[:, dimension].mean())


@panel("right")
def latent_grid(run: Run, split: SplitName) -> None:
    """For codes of two numbers: the decoded samples all over the plane."""
    found = reconstruct(run, split)
    if not has_decoder(run) or found.codes is None or found.codes.shape[1] != 2 or found.originals.ndim != 4:
        return
    with charts.card("latent_grid"):
        charts.heading("Decoded plane", "a code at each place of the map, decoded: z1 to the right, z2 upwards")
        st.html(snapshots.grid(_plane(run, found.codes), ACROSS, *snapshots.limits(found.originals)))


def _plane(run: Run, codes: Floats) -> Floats:
    """Samples for codes at the quantiles of the two dimensions, so that the dense centre is not a single image."""
    share = np.linspace(0.02, 0.98, ACROSS)
    right, up = (np.quantile(codes[:, dimension], share) for dimension in (0, 1))
    places = np.stack([values.ravel() for values in np.meshgrid(right, up[::-1])], axis=1)
    return kept(run, ("plane",), lambda: decode(run, places))


@panel("left")
def prior_samples(run: Run, split: SplitName) -> None:
    """New samples: codes from the standard normal distribution, decoded."""
    with charts.card("prior_samples"):
        charts.heading("New samples", "codes sampled from the prior, the standard normal distribution")
        if not has_decoder(run):
            return charts.empty(NO_DECODER, 120)
        seed_key = f"prior_seed_{run.id}"
        st.session_state.setdefault(seed_key, 0)

        def next_seed() -> None:
            st.session_state[seed_key] = (st.session_state[seed_key] + 1) % 2**31

        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="prior_options"):
            seed = int(st.number_input("Seed", 0, 2**31 - 1, step=1, key=seed_key, width=130))
            std = st.slider(
                "Standard deviation",
                0.0,
                2.0,
                1.0,
                0.05,
                key=f"prior_std_{run.id}",
                width=220,
                help="1 is the prior; below it samples are more alike, above it they are more unusual.",
            )
            st.button("Sample again", on_click=next_seed, type="primary", key="sample_prior")
        are_images = len(run.job.dataset.input_shape) == 3 and run.job.dataset.input_shape[0] in (1, 3)
        samples = samples_from_prior(run, COUNT[are_images], seed, float(std))
        if are_images:
            st.html(snapshots.grid(samples, COLUMNS, *snapshots.limits(reconstruct(run, split).originals)))
        else:
            st.html(live.rows_of_samples({"samples": samples}))
        return None
