"""Samples drawn as HTML of our own: tiles of pictures, masks over them, curves and points as small SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages.parts.theme.escaping import escape

# for classes: told apart on light and on dark ground, and by readers who see red and green alike (Okabe and Ito)
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#8C564B", "#8C6BB1", "#7F7F7F", "#41AB5D")
WIDTH, HEIGHT = 260, 70


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def png(
    sample: NDArray[Any], low: float, high: float, mask: NDArray[Any] | None = None, clear: NDArray[Any] | None = None
) -> str:
    """A picture (channels, height, width) as a data address: grey or colour; what `mask` names shines through it, and
    where `clear` is true the page does."""
    grey = np.clip((sample - low) / max(high - low, 1e-12), 0, 1)
    pixels = (grey if len(grey) == 3 else grey[:1].repeat(3, axis=0)).transpose(1, 2, 0) * 255
    if mask is not None:
        palette = np.array([[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in COLOURS])
        pixels = np.where(mask[:, :, None] > 0, 0.45 * pixels + 0.55 * palette[mask % len(COLOURS)], pixels)
    if clear is not None:
        pixels = np.concatenate([pixels, np.where(clear, 0, 255)[:, :, None]], axis=2)
    return _address(pixels.astype(np.uint8))


def spectrogram(sample: NDArray[Any], low: float, high: float) -> str:
    """A spectrogram (mels, frames) as a data address: low pitches at the bottom, loud is bright."""
    from plotly.colors import get_colorscale

    scale = np.clip((sample[::-1] - low) / max(high - low, 1e-12), 0, 1)
    stops = np.array([[int(code[at : at + 2], 16) for at in (1, 3, 5)] for _, code in get_colorscale("Viridis")])
    places = np.linspace(0, 1, len(stops))
    return _address(np.stack([np.interp(scale, places, stops[:, c]) for c in range(3)], axis=-1).astype(np.uint8))


def strip(sample: NDArray[Any]) -> str:
    """A series (time, columns) as rows of colour, the first column on top."""
    source = spectrogram(sample.T[::-1], float(sample.min()), float(sample.max()))
    return f'<img class="nl-spectrogram" src="{source}" alt="series">'


def _address(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def tile(sources: Sequence[str], caption: str) -> str:
    """One sample: its picture, or its pictures side by side, and what it is."""
    images = "".join(f'<img src="{source}" alt="">' for source in sources)
    words = escape(caption)
    return f'<figure title="{words}"><div>{images}</div><figcaption>{words}</figcaption></figure>'


def tiles(figures: Sequence[str], wide: bool = False) -> str:
    return f'<div class="nl-samples{" nl-wide" if wide else ""}">{"".join(figures)}</div>'


def legend(names: Sequence[str], first: int = 0) -> str:
    """Which colour is which class or column; `first` is the number of the first of them."""
    dots = "".join(
        f'<span><i style="background:{colour(number)}"></i>{escape(name)}</span>'
        for number, name in enumerate(names[: len(COLOURS)], first)
    )
    return f'<div class="nl-legend">{dots}</div>'


def points(places: NDArray[Any], labels: NDArray[Any]) -> str:
    """Points (N, 2) of the plane, each in the colour of its class."""
    size, edge = 260, 6
    low, span = places.min(axis=0), max(float(np.ptp(places, axis=0).max()), 1e-9)
    middle = (span - np.ptp(places, axis=0)) / 2
    at = edge + (places - low + middle) / span * (size - 2 * edge)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{size - y:.1f}" r="2.2" fill="{colour(int(label))}"/>'
        for (x, y), label in zip(at, labels, strict=True)
    )
    return _svg(dots, size, size, "points")


def curves(seen: NDArray[Any], ahead: NDArray[Any] | None = None, columns: Sequence[int] = ()) -> str:
    """A series (time, columns), each column in a colour of its own; what is to be forecast goes on, drawn stronger.

    `columns`: which column of the series each column of `ahead` goes on.
    """
    whole = [seen[:, place] for place in range(min(seen.shape[1], len(COLOURS)))]
    later = [] if ahead is None else [ahead[:, place] for place in range(ahead.shape[1])]
    steps = len(seen) + (0 if ahead is None else len(ahead))
    everything = np.concatenate([*whole, *later])
    low, high = float(everything.min()), float(everything.max())

    def path(values: NDArray[Any], start: int) -> str:
        places = np.arange(len(values))[:: max(1, len(values) // 400)]
        right = (start + places) / max(steps - 1, 1) * WIDTH
        down = HEIGHT - 3 - (values[places] - low) / max(high - low, 1e-9) * (HEIGHT - 6)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(right, down, strict=True))

    def line(values: NDArray[Any], start: int, number: int, width: float) -> str:
        shape = f'points="{path(values, start)}" fill="none" stroke="{colour(number)}" stroke-width="{width}"'
        return f"<polyline {shape}/>"

    drawn = [line(values, 0, place, 0.8) for place, values in enumerate(whole)]
    for place, values in enumerate(later):
        drawn.append(line(values, len(seen), columns[place] if place < len(columns) else place, 2))
    if ahead is not None:
        x = (len(seen) - 0.5) / max(steps - 1, 1) * WIDTH
        drawn.append(f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="#8A8FA6" stroke-dasharray="2 2"/>')
    return _svg("".join(drawn), WIDTH, HEIGHT, "series")


def _svg(inside: str, width: int, height: int, what: str) -> str:
    """A drawing as a picture: streamlit takes <svg> out of the HTML that it is given."""
    whole = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{inside}</svg>'
    address = f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"
    return f'<img class="nl-plot" src="{address}" alt="{what}">'


def text(tokens: Sequence[str], join: str) -> str:
    """A text with its tokens told apart by their ground."""
    marked = join.join(f"<span>{_visible(token)}</span>" for token in tokens)
    return f'<div class="nl-tokens">{marked}</div>'


def _visible(token: str) -> str:
    """A token as it is read: a new line has a sign of its own, and a space stays."""
    return escape(token.replace("\n", "↵")).replace(" ", "&nbsp;") if token.strip(" ") else "&nbsp;"
