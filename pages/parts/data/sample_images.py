"""Samples as our own HTML: figures with images, masks over them, curves and points as small SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages.parts.theme.escaping import escape
from pages.parts.theme.theme import CLASS_COLOURS, class_colour, rgb

WIDTH, HEIGHT = 260, 70


def png(
    sample: NDArray[Any], low: float, high: float, mask: NDArray[Any] | None = None, clear: NDArray[Any] | None = None
) -> str:
    """An image (channels, height, width) as a data address, grey or in colour. `mask`: the class of each pixel, drawn
    over the image in the colour of the class; 0 is not drawn. `clear`: the pixels that are transparent."""
    grey = np.clip((sample - low) / max(high - low, 1e-12), 0, 1)
    pixels = (grey if len(grey) == 3 else grey[:1].repeat(3, axis=0)).transpose(1, 2, 0) * 255
    if mask is not None:
        palette = np.array([rgb(colour) for colour in CLASS_COLOURS])
        pixels = np.where(mask[:, :, None] > 0, 0.45 * pixels + 0.55 * palette[mask % len(palette)], pixels)
    if clear is not None:
        pixels = np.concatenate([pixels, np.where(clear, 0, 255)[:, :, None]], axis=2)
    return _address(pixels.astype(np.uint8))


def spectrogram(sample: NDArray[Any], low: float, high: float) -> str:
    """A spectrogram (mels, frames) as a data address: low frequencies at the bottom, large values are bright."""
    from plotly.colors import get_colorscale

    scale = np.clip((sample[::-1] - low) / max(high - low, 1e-12), 0, 1)
    stops = np.array([rgb(colour) for _, colour in get_colorscale("Viridis")])
    ends = np.linspace(0, 1, len(stops))
    return _address(np.stack([np.interp(scale, ends, stops[:, c]) for c in range(3)], axis=-1).astype(np.uint8))


def strip(sample: NDArray[Any]) -> str:
    """A series (time, columns) as rows of colour, the first column on top."""
    source = spectrogram(sample.T[::-1], float(sample.min()), float(sample.max()))
    return f'<img class="nl-spectrogram" src="{source}" alt="series">'


def _address(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def image(source: str) -> str:
    """An <img> of a data address."""
    return f'<img src="{source}" alt="">'


def figure(images: Sequence[str], caption: str) -> str:
    """One sample: its image, or several side by side, and a caption."""
    words = escape(caption)
    return f'<figure title="{words}"><div>{"".join(images)}</div><figcaption>{words}</figcaption></figure>'


def figures(made: Sequence[str], wide: bool = False) -> str:
    return f'<div class="nl-samples{" nl-wide" if wide else ""}">{"".join(made)}</div>'


def legend(names: Sequence[str], first: int = 0) -> str:
    """The colour of each class or column; `first` is the number of the first of them."""
    dots = "".join(
        f'<span><i style="background:{class_colour(number)}"></i>{escape(name)}</span>'
        for number, name in enumerate(names[: len(CLASS_COLOURS)], first)
    )
    return f'<div class="nl-legend">{dots}</div>'


def points(samples: NDArray[Any], labels: NDArray[Any]) -> str:
    """Points (N, 2) of the plane, each in the colour of its class."""
    size, edge = 260, 6
    low, span = samples.min(axis=0), max(float(np.ptp(samples, axis=0).max()), 1e-9)
    middle = (span - np.ptp(samples, axis=0)) / 2
    at = edge + (samples - low + middle) / span * (size - 2 * edge)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{size - y:.1f}" r="2.2" fill="{class_colour(int(label))}"/>'
        for (x, y), label in zip(at, labels, strict=True)
    )
    return _svg(dots, size, size, "points")


def curves(seen: NDArray[Any], ahead: NDArray[Any] | None = None, columns: Sequence[int] = ()) -> str:
    """A series (time, columns), each column in its own colour; `ahead`, the steps to forecast, is drawn bolder.

    `columns`: the column of the series that each column of `ahead` continues.
    """
    past = [seen[:, column] for column in range(min(seen.shape[1], len(CLASS_COLOURS)))]
    future = [] if ahead is None else [ahead[:, column] for column in range(ahead.shape[1])]
    steps = len(seen) + (0 if ahead is None else len(ahead))
    everything = np.concatenate([*past, *future])
    low, high = float(everything.min()), float(everything.max())

    def line(values: NDArray[Any], start: int, number: int, width: float) -> str:
        shown = np.arange(len(values))[:: max(1, len(values) // 400)]
        right = (start + shown) / max(steps - 1, 1) * WIDTH
        down = HEIGHT - 3 - (values[shown] - low) / max(high - low, 1e-9) * (HEIGHT - 6)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(right, down, strict=True))
        return f'<polyline points="{path}" fill="none" stroke="{class_colour(number)}" stroke-width="{width}"/>'

    lines = [line(values, 0, number, 0.8) for number, values in enumerate(past)]
    for number, values in enumerate(future):
        lines.append(line(values, len(seen), columns[number] if number < len(columns) else number, 2))
    if ahead is not None:
        x = (len(seen) - 0.5) / max(steps - 1, 1) * WIDTH
        lines.append(f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="#8A8FA6" stroke-dasharray="2 2"/>')
    return _svg("".join(lines), WIDTH, HEIGHT, "series")


def _svg(inside: str, width: int, height: int, what: str) -> str:
    """An SVG as an image: streamlit removes <svg> from the HTML that it is given."""
    whole = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{inside}</svg>'
    address = f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"
    return f'<img class="nl-plot" src="{address}" alt="{what}">'


def text(tokens: Sequence[str], join: str) -> str:
    """A text whose tokens have alternating backgrounds."""
    marked = join.join(f"<span>{_visible(token)}</span>" for token in tokens)
    return f'<div class="nl-tokens">{marked}</div>'


def _visible(token: str) -> str:
    """A token for reading: a line end is shown as ↵, and a space is kept."""
    return escape(token.replace("\n", "↵")).replace(" ", "&nbsp;") if token.strip(" ") else "&nbsp;"
