"""Samples with what they are and what the network says, the wrong ones first: as tiles, or as rows of a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.predictions import forecasts, tiles
from pages.parts.theme import charts
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.runs.predictions import Predictions, predict
from trainers.runs.run import Run

ROWS = 1000
Order = NDArray[np.int64]


@panel("left")
def samples(run: Run, part: SplitName) -> None:
    """The samples of one part of the run's data."""
    with charts.card("samples"):
        found = predict(run, part)
        if found.task == "forecasting":
            forecasts.show(found, f"{run.id}{part}")
        else:
            show(run, found, f"{run.id}{part}")


def show(run: Run, found: Predictions, key: str) -> None:
    """A page of tiles, or a table. `key` names run and part, so that another one starts at its first page."""
    order = _order(found)
    if not len(order):
        return charts.nothing("Not one is wrong.", 120)
    if found.kind in ("table", "points"):
        return _table(found, order)
    shown = page_of(order, tiles.on_a_page(found), key)
    st.html(tiles.tiles(run.job.dataset, found, shown))
    return None


def _order(found: Predictions) -> Order:
    """The heading, with a choice of the wrong ones alone; returns the samples to show, the most telling first."""
    wrong, count = int(found.wrong.sum()), len(found.targets)
    with st.container(horizontal=True, vertical_alignment="center", key="samples_head"):
        charts.heading("Samples", "the most telling first")
        if found.task not in ("classification", "multilabel"):
            return found.order
        which = st.segmented_control(
            "which", ("all", "wrong"), default="all", required=True, key="samples_which", label_visibility="collapsed",
            format_func=lambda word: f"wrong ({wrong:,})" if word == "wrong" else f"all ({count:,})",
        )  # fmt: skip
    return found.order[found.wrong[found.order]] if which == "wrong" else found.order


def page_of(order: Order, size: int, key: str) -> Order:
    """The samples of the page that the reader has chosen."""
    pages = math.ceil(len(order) / size)
    page = 1
    if pages > 1:
        held = f"page_{key}_{len(order)}"
        with st.container(horizontal=True, vertical_alignment="center", key=f"paging_{held}"):
            page = int(st.number_input("page", 1, pages, 1, key=held, label_visibility="collapsed", width=130))
            st.html(f'<div class="nl-label">page {page:,} of {pages:,}</div>')
    return order[(page - 1) * size : page * size]


def _table(found: Predictions, order: Order) -> None:
    some = order[:ROWS]
    columns, settings = _told(found, some)
    flat = np.concatenate([given[some].reshape(len(some), -1) for given in found.inputs], axis=1)
    features = found.features or tuple(f"input {number}" for number in range(flat.shape[1]))
    columns |= {name: flat[:, place] for place, name in enumerate(features) if place < flat.shape[1]}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=388, column_config=settings, key="samples_table")
    if len(order) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(order):,} samples.")


def _told(found: Predictions, some: Order) -> tuple[dict[str, object], dict[str, object]]:
    """The columns that say what samples are and what the network says, and how streamlit is to draw them."""
    columns: dict[str, object] = {}
    settings: dict[str, object] = {}
    if found.task == "classification":
        names = np.array(found.classes, dtype=object)
        columns = {"": np.where(found.wrong[some], "✗", ""), "true": names[found.targets[some]]}
        columns["predicted"] = names[found.predicted[some]]
        if found.confidence is not None:
            columns["confidence"] = found.confidence[some].astype(float)
            settings["confidence"] = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    elif found.task == "multilabel":
        columns = {"": np.where(found.wrong[some], "✗", "")}
        for word, values in (("true", found.targets), ("predicted", found.predicted)):
            columns[word] = [", ".join(tiles.labels(found, values[index])) for index in some]
    else:
        for place, name in enumerate(found.targets_named or ("value",)):
            columns[f"{name}, true"] = found.targets[some, place]
            columns[f"{name}, predicted"] = found.predicted[some, place]
            columns[f"{name}, error"] = found.predicted[some, place] - found.targets[some, place]
    return columns, settings
