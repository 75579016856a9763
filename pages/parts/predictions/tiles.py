"""Tiles of samples: the picture, mask, sound, curve or text, and under it what it is and what the network says."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.parts.data import sample_images as pictures
from pages.parts.theme.escaping import escape
from trainers.data import DataSet
from trainers.runs.predictions import Predictions

SIZES = {"small": 24, "medium": 16, "large": 8}  # tiles on a page
LENGTH = 18  # letters of a name


def size(found: Predictions) -> str:
    """How much room a tile needs: a single picture the least."""
    if found.kind != "image" or found.task == "segmentation":
        return "large"
    return "medium" if len(found.inputs) > 1 else "small"


def on_a_page(found: Predictions) -> int:
    """How many tiles make a page."""
    return SIZES[size(found)]


def tiles(
    dataset: DataSet, found: Predictions, shown: NDArray[np.int64], words: Callable[[int], str] | None = None
) -> str:
    """These samples, as HTML. `words`: what stands under one, as HTML; then tiles have room for it."""
    ranges = [(float(given.min()), float(given.max())) for given in found.inputs]
    sounds = dataset.sounds(found.indices[shown]) if found.kind == "sound" else []
    made = []
    for place, index in enumerate(shown.tolist()):
        drawn = _drawing(dataset, found, index, ranges)
        if sounds:
            drawn += _player(sounds[place], dataset.sample_rate)
        made.append(_tile(found, index, drawn, words))
    legend = pictures.legend(found.classes[1:], first=1) if found.task == "segmentation" else ""
    room = "medium" if words is not None and size(found) == "small" else size(found)
    return f'<div class="nl-tiles nl-{room}">{"".join(made)}</div>{legend}'


def _tile(found: Predictions, index: int, drawn: str, words: Callable[[int], str] | None) -> str:
    """One sample: its drawing and the words under it."""
    number = f"sample {found.indices[index]:,} of the data set"
    if words is not None:
        kind = "nl-wrong" if found.wrong[index] else ""
        return f'<figure class="{kind}" title="{number}">{drawn}<figcaption>{words(index)}</figcaption></figure>'
    said, under = _words(found, index)
    wrong = bool(found.wrong[index])
    return (
        f'<figure class="{"nl-wrong" if wrong else ""}" title="{number}: {said}, {under}">{drawn}'
        f"<figcaption><b>{said}</b><small>{under}</small></figcaption></figure>"
    )


def _words(found: Predictions, index: int) -> tuple[str, str]:
    """What the network says, and what is true or how sure it is; names are anybody's text, so they are escaped."""
    if found.task == "classification":
        said, true = (_name(found, int(values[index])) for values in (found.predicted, found.targets))
        sure = f"{found.confidence[index]:.0%}" if found.confidence is not None else ""
        return said, f"is {true} · {sure}" if found.wrong[index] else sure
    if found.task == "multilabel":
        said, true = (_listed(labels(found, values[index])) for values in (found.predicted, found.targets))
        return said, f"is {true}" if found.wrong[index] else "right"
    if found.task == "segmentation":
        return f"{1 - found.error[index]:.1%} of the pixels are right", "picture · truth · network"
    said, true = (", ".join(f"{value:.4g}" for value in values[index]) for values in (found.predicted, found.targets))
    return said, f"true {true}"


def labels(found: Predictions, values: NDArray[Any]) -> list[str]:
    """The names of the labels that hold."""
    return [name for name, holds in zip(found.classes, values, strict=True) if holds]


def _listed(names: list[str]) -> str:
    return ", ".join(escape(_short(name)) for name in names) or "none"


def _name(found: Predictions, number: int) -> str:
    return escape(_short(found.classes[number])) if number < len(found.classes) else str(number)


def _short(name: str) -> str:
    return name if len(name) <= LENGTH else f"{name[: LENGTH - 1]}…"


def _drawing(dataset: DataSet, found: Predictions, index: int, ranges: list[tuple[float, float]]) -> str:
    """The sample itself, as HTML."""
    if found.kind == "text":
        return _text(dataset, found, index)
    if found.task == "segmentation":
        picture, (low, high) = found.inputs[0][index], ranges[0]
        masks = (None, found.targets[index], found.predicted[index])
        return _images([pictures.png(picture, low, high, mask) for mask in masks])
    return _images(
        [_picture(found.kind, given[index], low, high) for given, (low, high) in zip(found.inputs, ranges, strict=True)]
    )


def _picture(kind: str, sample: NDArray[Any], low: float, high: float) -> str:
    """One input as an <img> or, for a curve, as our own small plot."""
    if kind == "sound" and sample.ndim == 3:
        return f'<img class="nl-spectrogram" src="{pictures.spectrogram(sample[0], low, high)}" alt="spectrogram">'
    if sample.ndim == 3:
        return pictures.png(sample, low, high)
    if sample.ndim == 1:
        return pictures.curves(sample[:, None])
    return pictures.curves(sample.T if kind == "sound" else sample)


def _images(sources: list[str]) -> str:
    inside = "".join(source if source.startswith("<img") else f'<img src="{source}" alt="">' for source in sources)
    return f'<div class="nl-drawn nl-of-{len(sources)}">{inside}</div>'


def _text(dataset: DataSet, found: Predictions, index: int) -> str:
    """The tokens of a text, without what fills it up at its end."""
    names = [found.vocabulary[number] for number in found.inputs[0][index].tolist() if number < len(found.vocabulary)]
    while names and names[-1] == "<pad>":
        names.pop()
    apart = "" if getattr(dataset, "tokens", "words") == "characters" else " "
    return f'<p class="nl-read">{escape(apart.join(names))}</p>'


def _player(sound: NDArray[np.float32], rate: int) -> str:
    """A player for what the sample sounds like."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<audio controls preload="metadata" src="data:audio/wav;base64,{data}"></audio>'
