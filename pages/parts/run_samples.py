"""Samples with what they are and what the network says: pictures as tiles, tables as tables, the wrong ones first."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.parts import charts
from pages.parts.words import escape
from trainers.predictions import Predictions

TILES = 24
ROWS = 1000


def show(found: Predictions, key: str) -> None:
    """The samples of one part of the data. `key` names the run, so that another run starts at its first page."""
    wrong = int(found.wrong.sum())
    with st.container(horizontal=True, vertical_alignment="center", key="samples_head"):
        charts.heading("Samples", "the most telling first")
        if found.task == "classification":
            which = st.segmented_control(
                "which", ("all", "wrong"), default="all", required=True, key="samples_which",
                label_visibility="collapsed",
                format_func=lambda word: f"wrong ({wrong:,})" if word == "wrong" else f"all ({len(found.targets):,})",
            )  # fmt: skip
            order = found.order[:wrong] if which == "wrong" else found.order
        else:
            order = found.order
    if not len(order):
        return charts.nothing("Not one is wrong.", 120)
    if found.kind == "image":
        return _tiles(found, order, key)
    return _table(found, order)


def _tiles(found: Predictions, order: NDArray[np.int64], key: str) -> None:
    pages = math.ceil(len(order) / TILES)
    page = 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", key="paging"):
            held = f"page_{key}_{len(order)}"
            page = int(st.number_input("page", 1, pages, 1, key=held, label_visibility="collapsed", width=130))
            st.html(f'<div class="nl-label">page {page:,} of {pages:,}</div>')
    low, high = float(found.inputs[0].min()), float(found.inputs[0].max())
    shown = order[(page - 1) * TILES : page * TILES]
    st.html(f'<div class="nl-tiles">{"".join(_tile(found, int(index), low, high) for index in shown)}</div>')


def _tile(found: Predictions, index: int, low: float, high: float) -> str:
    source = picture(found.inputs[0][index], low, high)
    number = f"sample {found.indices[index]:,} of the data set"
    if found.task != "classification":
        words = f"<b>{_numbers(found.predicted[index])}</b><small>true {_numbers(found.targets[index])}</small>"
        return f'<figure title="{number}"><img src="{source}" alt=""><figcaption>{words}</figcaption></figure>'
    said, true = (_label(found, int(values[index])) for values in (found.predicted, found.targets))
    confidence = found.confidence
    sure = f"{confidence[index]:.0%}" if confidence is not None else ""
    is_wrong = bool(found.wrong[index])
    words = f"<b>{said}</b><small>{f'is {true} · ' if is_wrong else ''}{sure}</small>"
    title = f"{number}: it is {true}, the network says {said}, {sure} sure"
    return (
        f'<figure class="{"nl-wrong" if is_wrong else ""}" title="{title}">'
        f'<img src="{source}" alt="{true}"><figcaption>{words}</figcaption></figure>'
    )


def picture(sample: NDArray[np.float32], low: float, high: float) -> str:
    """One sample of shape (channels, height, width) as a PNG in a data address; grey unless it has three channels."""
    scaled = np.clip((sample - low) / max(high - low, 1e-12) * 255, 0, 255).astype(np.uint8)
    image = Image.fromarray(scaled.transpose(1, 2, 0) if len(scaled) == 3 else scaled[0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _table(found: Predictions, order: NDArray[np.int64]) -> None:
    columns: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    some = order[:ROWS]
    if found.task == "classification":
        names = np.array(found.classes, dtype=object)
        columns = {"": np.where(found.wrong[some], "✗", ""), "true": names[found.targets[some]]}
        columns["predicted"] = names[found.predicted[some]]
        if found.confidence is not None:
            columns["confidence"] = found.confidence[some].astype(float)
            settings["confidence"] = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    else:
        for place, name in enumerate(found.targets_named or ("value",)):
            columns[f"{name}, true"] = found.targets[some, place]
            columns[f"{name}, predicted"] = found.predicted[some, place]
            columns[f"{name}, error"] = found.predicted[some, place] - found.targets[some, place]
    flat = found.inputs[0][some].reshape(len(some), -1)
    features = found.features or tuple(f"input {number}" for number in range(flat.shape[1]))
    columns |= {name: flat[:, place] for place, name in enumerate(features) if place < flat.shape[1]}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=388, column_config=settings, key="samples_table")
    if len(order) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(order):,} samples.")


def _label(found: Predictions, number: int) -> str:
    """The name of a class, which may be anybody's text."""
    name = found.classes[number] if number < len(found.classes) else str(number)
    return escape(name if len(name) <= 18 else f"{name[:17]}…")


def _numbers(values: NDArray[Any]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
