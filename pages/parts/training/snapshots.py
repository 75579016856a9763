"""What networks made while they trained: one moment of it, chosen by a slider back through training, and grids of
pictures, curves or points to draw it as."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images as pictures
from pages.parts.theme import charts
from pages.parts.training.run_data import Live
from trainers.events import Snapshot
from trainers.runs.run import Run

WAITING = "The first look comes with the first steps."
NEWEST = "newest"
SMALLEST, GAP = 28, 3  # pixels: of a sample in a grid, and between two of them


def moment(live: Live, view: str) -> Snapshot | None:
    """The scene of a view to show: the newest, or the one that the reader has gone back to. None: there is none yet,
    and the card says so."""
    steps = live.run.snapshot_steps(view)
    if not steps:
        charts.nothing(WAITING)
        return None
    chosen: int | str | None = NEWEST
    if len(steps) > 1:
        options: list[int | str] = [*steps[:-1], NEWEST]
        chosen = st.select_slider(
            "step", options, NEWEST, key=f"scene_{view}_{live.run.id}", label_visibility="collapsed",
            format_func=lambda step: f"step {step:,}" if isinstance(step, int) else NEWEST,
            help="Back through training",
        )  # fmt: skip
    return _scene(live.run, view, chosen if isinstance(chosen, int) else steps[-1])


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Run: lambda run: f"{run.store.folder}/{run.id}"})
def _scene(run: Run, view: str, step: int) -> Snapshot | None:
    return run.snapshot(view, step)


def limits(array: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest and the highest value, without the outermost thousandth: one odd pixel must not grey the others."""
    finite = array[np.isfinite(array)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.quantile(finite, (0.001, 0.999))
    return float(low), float(max(high, low + 1e-9))


def grid(samples: NDArray[np.float32], columns: int, low: float, high: float) -> str:
    """Samples (N, C, H, W) as one picture, row by row: the HTML of an <img> that fills its card. Between them one sees
    the page; small ones are enlarged first, so that the gaps stay narrow."""
    larger = -(-SMALLEST // max(samples.shape[2:]))
    samples = np.nan_to_num(samples, nan=low).repeat(larger, axis=2).repeat(larger, axis=3)
    count, channels, height, width = samples.shape
    rows = -(-count // columns)
    sheet = np.full((channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), low, np.float32)
    clear = np.ones(sheet.shape[1:], bool)
    for place, sample in enumerate(samples):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        sheet[:, top : top + height, left : left + width] = sample
        clear[top : top + height, left : left + width] = False
    source = pictures.png(sheet, low, high, clear=clear)
    return f'<img class="nl-sheet" src="{source}" alt="{count} samples">'


def rows(parts: dict[str, NDArray[np.float32]], low: float, high: float) -> str:
    """Pictures in rows, each under its name: originals above, what the network made of them below."""
    drawn = [
        f'<div class="nl-row"><small>{html.escape(name)}</small>{grid(samples, len(samples), low, high)}</div>'
        for name, samples in parts.items()
    ]
    return f'<div class="nl-rows">{"".join(drawn)}</div>'


def compared_curves(parts: dict[str, NDArray[np.float32]]) -> str:
    """Samples that are no pictures, (N, values): for each a small plot of the parts, one colour each."""
    shapes = [np.asarray(samples).reshape(len(samples), -1) for samples in parts.values()]
    drawn = "".join(pictures.curves(np.stack(group, axis=1)) for group in zip(*shapes, strict=True))
    return f'{pictures.legend(list(parts))}<div class="nl-tiles nl-medium">{drawn}</div>'
