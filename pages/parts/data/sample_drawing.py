"""Samples of a data set as the Build page shows them, by kind: images, points, tables, curves, sounds, texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from pages.parts import views
from pages.parts.data import sample_images
from pages.parts.theme.escaping import escape
from trainers.data import DataSet
from trainers.data.preview import Excerpt
from trainers.tasks import TASKS
from trainers.tasks.base import Names

IMAGES, SERIES, SOUNDS, TEXTS = 12, 3, 3, 4  # samples that are shown
MOST_CURVES = 4  # in one plot; more columns are drawn as rows of a strip, bright where they are large


def draw(data: DataSet, found: Excerpt) -> None:
    """Draw an excerpt in the way that suits its kind of data."""
    BY_KIND[data.kind](data, found)


def _names(data: DataSet) -> Names:
    return Names(data.classes, data.target_names, data.target_vocabulary)


def _words(data: DataSet, found: Excerpt, index: int) -> str:
    """A sample's target in words."""
    return TASKS[data.task].words(found.targets[index], _names(data))


def _images(data: DataSet, found: Excerpt) -> None:
    target = views.find("target", TASKS[data.task].sample_view)
    wide = len(found.inputs) > 1 or target is not None
    figures = []
    for index in range(min(IMAGES // (2 if wide else 1), len(found.indices))):
        images = [
            sample_images.image(sample_images.png(given[index], low, high))
            for given, low, high in zip(found.inputs, found.low, found.high, strict=True)
        ]
        if target is not None:
            sample = found.inputs[0][index], found.targets[index]
            images.append(target.draw(data, *sample, found.low[0], found.high[0]))
        figures.append(sample_images.figure(images, _words(data, found, index)))
    st.html(sample_images.figures(figures, wide))
    if target is not None and data.classes:
        st.html(sample_images.legend(data.classes[1:], first=1))


def _points(data: DataSet, found: Excerpt) -> None:
    st.html(sample_images.points(found.inputs[0], found.targets) + sample_images.legend(data.classes))


def _table(data: DataSet, found: Excerpt) -> None:
    import pandas as pd  # slow to import, and no other kind of data needs it

    rows = np.concatenate(found.inputs, axis=1)
    names = data.feature_names or tuple(f"input {number}" for number in range(rows.shape[1]))
    targets = TASKS[data.task].columns(found.targets, _names(data))
    if data.class_title and len(targets) == 1:
        targets = {data.class_title: next(iter(targets.values()))}
    table = pd.DataFrame({**targets, **{name: rows[:, column] for column, name in enumerate(names)}})
    st.dataframe(table, hide_index=True, height=246, key="preview_table")


def _series(data: DataSet, found: Excerpt) -> None:
    target = views.find("target", TASKS[data.task].sample_view)
    curves = target is not None or len(data.feature_names) <= MOST_CURVES
    for index in range(min(SERIES, len(found.indices))):
        sample, words = found.inputs[0][index], _words(data, found, index)
        if target is not None:
            drawing = target.draw(data, sample, found.targets[index], found.low[0], found.high[0])
        else:
            drawing = sample_images.curves(sample) if curves else sample_images.strip(sample)
        st.html((f'<div class="nl-label">{escape(words)}</div>' if words else "") + drawing)
    if curves:
        st.html(sample_images.legend(data.feature_names))
    else:
        st.caption(f"Time from left to right; one row for each of {', '.join(data.feature_names)}.")
    if target is not None:
        names = ", ".join(data.target_names)
        st.caption(f"Left of the dashed line: the input. Right of it, in bold: the target, {names}.")


def _sounds(data: DataSet, found: Excerpt) -> None:
    for index in range(min(SOUNDS, len(found.indices))):
        sample = found.inputs[0][index]
        if sample.ndim == 3:
            source = sample_images.spectrogram(sample[0], found.low[0], found.high[0])
            drawing = f'<img class="nl-spectrogram" src="{source}" alt="spectrogram">'
        else:
            drawing = sample_images.curves(sample.T)
        with st.container(gap="xsmall", key=f"preview_sound_{index}"):
            st.html(f'<div class="nl-label">{escape(_words(data, found, index))}</div>{drawing}')
            if found.sounds:
                st.audio(found.sounds[index], sample_rate=data.sample_rate)
    if found.inputs[0].ndim == 4:
        st.caption("Spectrograms: time from left to right, frequency from bottom to top, loud is bright.")


def _texts(data: DataSet, found: Excerpt) -> None:
    join = "" if getattr(data, "tokens", "words") == "characters" else " "
    inputs = [(given, names) for given, names in zip(found.inputs, found.vocabularies, strict=True) if names]
    for index in range(min(TEXTS, len(found.indices))):
        words = _words(data, found, index)
        html = f'<div class="nl-label">{escape(words)}</div>' if words else ""
        for given, vocabulary in inputs:
            html += sample_images.text(tokens(given[index].tolist(), vocabulary), join)
        st.html(html)
    count = max(len(vocabulary) for _, vocabulary in inputs)
    st.caption(f"Vocabulary: {count:,} tokens. Backgrounds alternate from token to token.")


def tokens(numbers: list[int], vocabulary: tuple[str, ...]) -> list[str]:
    """The tokens of a text, without the padding at its end."""
    names = [vocabulary[number] for number in numbers if number < len(vocabulary)]
    while names and names[-1] == "<pad>":
        names.pop()
    return names


BY_KIND: dict[str, Callable[[DataSet, Excerpt], None]] = {
    "image": _images,
    "points": _points,
    "table": _table,
    "series": _series,
    "sound": _sounds,
    "text": _texts,
}
