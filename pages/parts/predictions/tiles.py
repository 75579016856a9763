"""Tiles of samples: the image, mask, sound, curve or text, and below it the prediction and the target."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.parts import views
from pages.parts.data import sample_images
from pages.parts.data.sample_drawing import tokens
from pages.parts.theme.escaping import escape
from trainers.data import DataSet
from trainers.runs.predictions import Predictions

SIZES = {"small": 24, "medium": 16, "large": 8}  # tiles on a page
ValueRange = tuple[float, float]


def size(found: Predictions) -> str:
    """The size of a tile: small for a single image."""
    if found.kind != "image" or views.find("target", found.entry.sample_view):
        return "large"
    return "medium" if len(found.inputs) > 1 else "small"


def on_a_page(found: Predictions) -> int:
    """How many tiles are on a page."""
    return SIZES[size(found)]


def tiles(
    dataset: DataSet, found: Predictions, shown: NDArray[np.int64], words: Callable[[int], str] | None = None
) -> str:
    """These samples, as HTML. `words` gives the HTML below a sample, for which tiles are larger; else the task does."""
    ranges = ranges_of(found.inputs)
    sounds = dataset.sounds(found.indices[shown]) if found.kind == "sound" else []
    names = dataset.sample_names(found.indices[shown]) or [""] * len(shown)
    made = []
    for number, index in enumerate(shown.tolist()):
        drawn = _drawing(dataset, found, index, ranges)
        if sounds:
            drawn += player(sounds[number], dataset.sample_rate)
        made.append(_tile(found, index, drawn, words, names[number]))
    room = "medium" if words is not None and size(found) == "small" else size(found)
    return f'<div class="nl-tiles nl-{room}">{"".join(made)}</div>'


def ranges_of(inputs: Sequence[NDArray[Any]]) -> list[ValueRange]:
    """The smallest and the largest value of each input."""
    return [(float(given.min()), float(given.max())) for given in inputs]


def _tile(found: Predictions, index: int, drawing: str, words: Callable[[int], str] | None, name: str) -> str:
    """One sample: its drawing and the words below it. Names of classes and files are users' text: all is escaped."""
    number = escape(name) or f"sample {found.indices[index]:,} of the data set"
    file = f"<small>{escape(name)}</small>" if name else ""
    kind = "nl-wrong" if found.wrong[index] else ""
    if words is not None:
        return (
            f'<figure class="{kind}" title="{number}">{drawing}<figcaption>{words(index)}{file}</figcaption></figure>'
        )
    predicted, below = map(escape, found.entry.caption(found, index))
    return (
        f'<figure class="{kind}" title="{number}: {predicted}, {below}">{drawing}'
        f"<figcaption><b>{predicted}</b><small>{below}</small>{file}</figcaption></figure>"
    )


def _drawing(dataset: DataSet, found: Predictions, index: int, ranges: list[ValueRange]) -> str:
    """The sample, and its target and prediction if the task draws them over the sample."""
    inputs = [given[index] for given in found.inputs]
    target = views.find("target", found.entry.sample_view)
    more = []
    if target is not None and found.kind != "text":
        more = [
            target.draw(dataset, inputs[0], values[index], *ranges[0]) for values in (found.targets, found.predicted)
        ]
    return drawing(dataset, inputs, ranges, found.vocabularies, more)


def drawing(
    dataset: DataSet,
    inputs: Sequence[NDArray[Any]],
    ranges: list[ValueRange],
    vocabularies: Sequence[tuple[str, ...]],
    more: Sequence[str] = (),
) -> str:
    """One sample as HTML, from its inputs in the data set's own units; `more` images stand beside it."""
    if dataset.kind == "text":
        return _text(dataset, inputs, vocabularies)
    return side_by_side([*sample_html(dataset.kind, inputs, ranges), *more])


def sample_html(kind: str, inputs: Sequence[NDArray[Any]], ranges: list[ValueRange]) -> list[str]:
    """Each input of one sample as an <img>: an image, a spectrogram, or a small plot of curves."""
    return [_input(kind, given, *limits) for given, limits in zip(inputs, ranges, strict=True)]


def _input(kind: str, given: NDArray[Any], low: float, high: float) -> str:
    if kind == "sound" and given.ndim == 3:
        source = sample_images.spectrogram(given[0], low, high)
        return f'<img class="nl-spectrogram" src="{source}" alt="spectrogram">'
    if given.ndim == 3:
        return sample_images.image(sample_images.png(given, low, high))
    if given.ndim == 1:
        return sample_images.curves(given[:, None])
    return sample_images.curves(given.T if kind == "sound" else given)


def side_by_side(images: Sequence[str]) -> str:
    return f'<div class="nl-drawing nl-of-{len(images)}">{"".join(images)}</div>'


def _text(dataset: DataSet, inputs: Sequence[NDArray[Any]], vocabularies: Sequence[tuple[str, ...]]) -> str:
    """The texts of a sample, without the padding at their ends."""
    join = "" if getattr(dataset, "tokens", "words") == "characters" else " "
    texts = [
        join.join(tokens(given.tolist(), vocabulary))
        for given, vocabulary in zip(inputs, vocabularies, strict=True)
        if vocabulary
    ]
    return "".join(f'<p class="nl-read">{escape(text)}</p>' for text in texts)


def player(sound: NDArray[np.float32], rate: int) -> str:
    """A player for the sound of a sample."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<audio controls preload="metadata" src="data:audio/wav;base64,{data}"></audio>'
