"""Samples with their targets and predictions, the most informative first: as tiles, or as rows of a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.predictions import tiles
from pages.parts.theme import charts
from pages.parts.views import sample_view
from trainers.data import DataSet
from trainers.data.base import DataError
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run

MOST_ROWS = 1000
SampleOrder = NDArray[np.int64]


@sample_view
def caption(run: Run, found: Predictions, key: str) -> None:
    """Tiles with target and prediction in words below; a table for samples that are rows of one."""
    order = choose_order(found)
    if not len(order):
        charts.empty("No sample is wrong.", 120)
    elif found.kind in ("table", "points"):
        _table(run, found, order)
    else:
        _tiles(run, found, order, key)


@sample_view
def mask(run: Run, found: Predictions, key: str) -> None:
    """Tiles with the image, the target over it and the prediction over it."""
    _tiles(run, found, choose_order(found), key)
    st.html(sample_images.legend(found.classes[1:], first=1))


def _tiles(run: Run, found: Predictions, order: SampleOrder, key: str) -> None:
    """A page of tiles. `key` names run and split, so that another one starts at its first page."""
    shown = page_of(order, tiles.on_a_page(found), key)
    st.html(tiles.tiles(run.job.dataset, found, shown))


def choose_order(found: Predictions) -> SampleOrder:
    """The heading, with a choice of the wrong samples only; returns the samples to show, the most informative first."""
    wrong, count = int(found.wrong.sum()), len(found.targets)
    with st.container(horizontal=True, vertical_alignment="center", key="samples_head"):
        has_confidence = found.confidence is not None
        charts.heading("Samples", "wrong ones first, then low confidence" if has_confidence else "largest errors first")
        if not found.entry.has_wrong_samples:
            return found.order
        which = st.segmented_control(
            "which",
            ("all", "wrong"),
            default="all",
            required=True,
            key="samples_which",
            label_visibility="collapsed",
            format_func=lambda word: f"wrong ({wrong:,})" if word == "wrong" else f"all ({count:,})",
        )
    return found.order[found.wrong[found.order]] if which == "wrong" else found.order


def page_of(order: SampleOrder, size: int, key: str) -> SampleOrder:
    """The samples of the page that the reader chooses."""
    pages = math.ceil(len(order) / size)
    page = 1
    if pages > 1:
        widget_key = f"page_{key}_{len(order)}"
        with st.container(horizontal=True, vertical_alignment="center", key=f"paging_{widget_key}"):
            page = int(st.number_input("page", 1, pages, 1, key=widget_key, label_visibility="collapsed", width=130))
            st.html(f'<div class="nl-label">page {page:,} of {pages:,}</div>')
    return order[(page - 1) * size : page * size]


def _table(run: Run, found: Predictions, order: SampleOrder) -> None:
    """Rows with their columns as they stand in the file; where that is not kept, as the network gets them."""
    some = order[:MOST_ROWS]
    columns, settings = _answers(found, some)
    rows = raw_rows(run.job.dataset, found.indices[some])
    if rows is not None:
        cells = {str(name): column.to_numpy() for name, column in rows.items()}
        columns |= {"row": rows.index.to_numpy()}
        columns |= {name if name not in columns else f"{name} (in the file)": column for name, column in cells.items()}
    else:
        flat = np.concatenate([given[some].reshape(len(some), -1) for given in found.inputs], axis=1)
        features = found.features or tuple(f"input {number}" for number in range(flat.shape[1]))
        columns |= {name: flat[:, column] for column, name in enumerate(features) if column < flat.shape[1]}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=388, column_config=settings, key="samples_table")
    if len(order) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(order):,} samples.")


def raw_rows(dataset: DataSet, places: SampleOrder) -> pd.DataFrame | None:
    """Some samples as they stand in the file; None where that is not kept, or the file is gone or another one."""
    try:
        return dataset.raw_samples(places)
    except DataError:
        return None


def _answers(found: Predictions, some: SampleOrder) -> tuple[dict[str, object], dict[str, object]]:
    """The columns of targets and predictions, and how streamlit draws them."""
    columns: dict[str, object] = {}
    settings: dict[str, object] = {}
    if found.entry.has_wrong_samples:
        columns[""] = np.where(found.wrong[some], "✗", "")
    true, predicted = (found.entry.columns(values[some], found.names) for values in (found.targets, found.predicted))
    for name in true:
        columns |= {f"true {name}": true[name], f"predicted {name}": predicted[name]}
        if isinstance(true[name], np.ndarray):
            columns[f"error of {name}"] = predicted[name] - true[name]
    if found.confidence is not None:
        columns["confidence"] = found.confidence[some].astype(float)
        settings["confidence"] = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    return columns, settings
