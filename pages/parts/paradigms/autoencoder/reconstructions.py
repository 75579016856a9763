"""The samples of a part of the data beside what a trained autoencoder gives back of them, the worst first."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.data import sample_images as pictures
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary, snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.reconstructions import Floats, Reconstructions, reconstruct
from trainers.runs.run import Run

TILES = {True: 16, False: 8}  # on a page, of pictures and of others
ROWS = 500


@panel("left")
def reconstructions(run: Run, part: SplitName) -> None:
    """A page of samples, from the worst to the best or the other way about."""
    with charts.card("latent_errors"):
        found = reconstruct(run, part)
        with st.container(horizontal=True, vertical_alignment="center", key="latent_errors_head"):
            noise = "original, with noise, given back" if found.given is not None else "original and what is given back"
            charts.heading("Reconstructions", f"{noise} · error: mean square")
            which = st.segmented_control(
                "which", ("worst", "best"), default="worst", required=True, key="latent_which",
                label_visibility="collapsed", format_func=lambda word: f"{word} first",
            )  # fmt: skip
        order = found.order if which == "worst" else found.order[::-1]
        if run.job.dataset.kind in ("table", "points"):
            _table(run, found, order)
            return
        shown = _page(order, TILES[_are_pictures(found)], f"{run.id}{part}{which}")
        st.html(tiles(found, shown))


def _are_pictures(found: Reconstructions) -> bool:
    return found.originals.ndim == 4 and found.originals.shape[1] in (1, 3)


def _page(order: np.ndarray, size: int, key: str) -> np.ndarray:
    pages = math.ceil(len(order) / size)
    page = 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", key="paging"):
            page = int(st.number_input("page", 1, pages, 1, key=f"page_{key}", label_visibility="collapsed", width=130))
            st.html(f'<div class="nl-label">page {page:,} of {pages:,}</div>')
    return order[(page - 1) * size : page * size]


def tiles(found: Reconstructions, shown: np.ndarray) -> str:
    """A tile for each sample: the original, the noisy one where there is one, and the likeness."""
    low, high = snapshots.limits(found.originals)
    drawn = []
    for index in shown.tolist():
        given = [] if found.given is None else [found.given[index]]
        parts = [found.originals[index], *given, found.likenesses[index]]
        inside = _drawing(parts, low, high)
        name = found.name(index)
        words = f"<b>{escape(name)}</b>" if name else ""
        error = f"error {run_summary.number(found.off[index])}"
        drawn.append(f"<figure>{inside}<figcaption>{words}<small>{error}</small></figcaption></figure>")
    size = "medium" if _are_pictures(found) else "large"
    legend = "" if _are_pictures(found) else pictures.legend(_names(found))
    return f'{legend}<div class="nl-tiles nl-{size}">{"".join(drawn)}</div>'


def _names(found: Reconstructions) -> list[str]:
    return ["original", *([] if found.given is None else ["with noise"]), "given back"]


def _drawing(parts: list[Floats], low: float, high: float) -> str:
    if parts[0].ndim == 3 and parts[0].shape[0] in (1, 3):
        images = "".join(f'<img src="{pictures.png(part, low, high)}" alt="">' for part in parts)
        return f'<div class="nl-drawn nl-of-{len(parts)}">{images}</div>'
    return pictures.curves(np.stack([part.ravel() for part in parts], axis=1))


def _table(run: Run, found: Reconstructions, order: np.ndarray) -> None:
    """Of tables: a row for each sample, every feature beside what is given back of it."""
    some = order[:ROWS]
    columns: dict[str, object] = {"error": found.off[some].astype(float)}
    if found.labels is not None:
        columns["class"] = [found.name(int(index)) for index in some]
    features = run.job.dataset.feature_names or tuple(f"input {n + 1}" for n in range(found.originals.shape[1]))
    for place, name in enumerate(features):
        columns[name] = found.originals[some, place].astype(float)
        columns[f"{name}, given back"] = found.likenesses[some, place].astype(float)
    numbers = {name: st.column_config.NumberColumn(format="%.3g") for name in columns if name != "class"}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=388, column_config=numbers, key="latent_table")
    if len(order) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(order):,} samples.")
