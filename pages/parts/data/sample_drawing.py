"""How samples of each kind are drawn on the Build page: pictures, points, tables, curves, sounds, texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.data import sample_images as pictures
from pages.parts.theme.escaping import escape
from trainers.data import DataSet
from trainers.data.preview import Excerpt

PICTURES, SERIES, SOUNDS, TEXTS = 12, 3, 3, 4
MOST_CURVES = 4  # on top of each other; more columns are drawn as rows of a strip, bright where they are large


def draw(data: DataSet, found: Excerpt) -> None:
    """Draw an excerpt in the way that suits its kind of data."""
    DRAWN[data.kind](data, found)


def _says(data: DataSet, found: Excerpt, at: int) -> str:
    """What a sample's target is, in words."""
    target = found.targets[at]
    if data.task == "classification":
        return data.classes[int(target)]
    if data.task == "multilabel":
        return ", ".join(name for name, there in zip(data.classes, target, strict=True) if there) or "none of them"
    if data.task == "regression":
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(data.target_names, target, strict=True))
    return ""


def _pictures(data: DataSet, found: Excerpt) -> None:
    several = len(found.inputs) > 1
    segmented = data.task == "segmentation"
    made = []
    for at in range(min(PICTURES // (2 if several or segmented else 1), len(found.indices))):
        sources = [
            pictures.png(given[at], low, high)
            for given, low, high in zip(found.inputs, found.low, found.high, strict=True)
        ]
        if segmented:
            sources.append(pictures.png(found.inputs[0][at], found.low[0], found.high[0], found.targets[at]))
        made.append(pictures.tile(sources, _says(data, found, at)))
    st.html(pictures.tiles(made, several or segmented))
    if segmented:
        st.html(pictures.legend(data.classes[1:], first=1))


def _points(data: DataSet, found: Excerpt) -> None:
    st.html(pictures.points(found.inputs[0], found.targets) + pictures.legend(data.classes))


def _table(data: DataSet, found: Excerpt) -> None:
    rows = np.concatenate(found.inputs, axis=1)
    names = data.feature_names or tuple(f"input {number}" for number in range(rows.shape[1]))
    told = [_says(data, found, at) for at in range(len(rows))]
    table = pd.DataFrame(rows, columns=list(names))
    if data.task == "regression":
        for place, name in reversed(list(enumerate(data.target_names))):
            table.insert(0, name, found.targets[:, place])
    else:
        table.insert(0, "class", told)
    st.dataframe(table, hide_index=True, height=246, key="preview_table")


def _series(data: DataSet, found: Excerpt) -> None:
    forecast = data.task == "forecasting"
    columns = [data.feature_names.index(name) for name in data.target_names if name in data.feature_names]
    curves = forecast or len(data.feature_names) <= MOST_CURVES
    for at in range(min(SERIES, len(found.indices))):
        sample = found.inputs[0][at]
        ahead = found.targets[at] if forecast else None
        words = "" if forecast else f'<div class="nl-label">{escape(_says(data, found, at))}</div>'
        st.html(words + (pictures.curves(sample, ahead, columns) if curves else pictures.strip(sample)))
    if curves:
        st.html(pictures.legend(data.feature_names))
    else:
        st.caption(f"Steps go to the right; a row for each of {', '.join(data.feature_names)}.")
    if forecast:
        horizon = data.target_shape[0]
        st.caption(f"Seen on the left, to forecast on the right: {horizon} step{'s' * (horizon > 1)} of {_list(data)}.")


def _list(data: DataSet) -> str:
    return ", ".join(data.target_names)


def _sounds(data: DataSet, found: Excerpt) -> None:
    for at in range(min(SOUNDS, len(found.indices))):
        sample = found.inputs[0][at]
        if sample.ndim == 3:
            source = pictures.spectrogram(sample[0], found.low[0], found.high[0])
            drawn = f'<img class="nl-spectrogram" src="{source}" alt="spectrogram">'
        else:
            drawn = pictures.curves(sample.T)
        with st.container(gap="xsmall", key=f"preview_sound_{at}"):
            st.html(f'<div class="nl-label">{escape(_says(data, found, at))}</div>{drawn}')
            if found.sounds:
                st.audio(found.sounds[at], sample_rate=data.sample_rate)
    if found.inputs[0].ndim == 4:
        st.caption("Time goes to the right, pitch goes up, loud is bright.")


def _texts(data: DataSet, found: Excerpt) -> None:
    words = getattr(data, "tokens", "words") != "characters"
    for at in range(min(TEXTS, len(found.indices))):
        numbers = found.inputs[0][at]
        names = [found.vocabulary[int(number)] for number in numbers if int(number) < len(found.vocabulary)]
        while names and names[-1] == "<pad>":
            names.pop()
        told = _says(data, found, at)
        label = f'<div class="nl-label">{escape(told)}</div>' if told else ""
        st.html(label + pictures.text(names, " " if words else ""))
    count = len(found.vocabulary)
    st.caption(f"{count:,} different tokens; the ground tells one from the next.")


DRAWN: dict[str, Callable[[DataSet, Excerpt], None]] = {
    "image": _pictures, "points": _points, "table": _table, "series": _series, "sound": _sounds, "text": _texts,
}  # fmt: skip
