"""Snapshots of what networks produced while they trained: a slider to choose one, and grids of images or curves."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training.run_data import LiveRun
from trainers.events import Snapshot
from trainers.runs.run import Run

WAITING = "The first snapshot arrives with the first steps."
NEWEST = "newest"
SMALLEST, GAP = 28, 3  # pixels: the size of a sample in a grid, and between two of them


def choose_snapshot(live: LiveRun, view: str) -> Snapshot | None:
    """The snapshot of a view that the reader chooses with a slider, at first the newest. None, with a message in the
    card: there is none yet."""
    steps = live.run.snapshot_steps(view)
    if not steps:
        charts.empty(WAITING)
        return None
    chosen: int | str | None = NEWEST
    if len(steps) > 1:
        options: list[int | str] = [*steps[:-1], NEWEST]
        chosen = st.select_slider(
            "step",
            options,
            NEWEST,
            key=f"snapshot_{view}_{live.run.id}",
            label_visibility="collapsed",
            format_func=lambda step: f"step {step:,}" if isinstance(step, int) else NEWEST,
            help="An earlier step of the training",
        )
    return _snapshot(live.run, view, chosen if isinstance(chosen, int) else steps[-1])


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Run: lambda run: f"{run.store.folder}/{run.id}"})
def _snapshot(run: Run, view: str, step: int) -> Snapshot | None:
    return run.snapshot(view, step)


def limits(array: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest and the highest value without the outermost thousandth: one extreme pixel does not grey the others."""
    finite = array[np.isfinite(array)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.quantile(finite, (0.001, 0.999))
    return float(low), float(max(high, low + 1e-9))


def grid(samples: NDArray[np.float32], columns: int, low: float, high: float) -> str:
    """Samples (N, C, H, W) as one image, row by row: the HTML of an <img> that fills its card.

    The gaps between samples are transparent; small samples are enlarged first, so that the gaps stay narrow.
    """
    larger = -(-SMALLEST // max(samples.shape[2:]))
    samples = np.nan_to_num(samples, nan=low).repeat(larger, axis=2).repeat(larger, axis=3)
    count, channels, height, width = samples.shape
    rows = -(-count // columns)
    sheet = np.full((channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), low, np.float32)
    clear = np.ones(sheet.shape[1:], bool)
    for number, sample in enumerate(samples):
        top, left = (number // columns) * (height + GAP), (number % columns) * (width + GAP)
        sheet[:, top : top + height, left : left + width] = sample
        clear[top : top + height, left : left + width] = False
    source = sample_images.png(sheet, low, high, clear=clear)
    return f'<img class="nl-sheet" src="{source}" alt="{count} samples">'


def rows(parts: dict[str, NDArray[np.float32]], low: float, high: float) -> str:
    """Images in rows, each under its name, such as the originals above their reconstructions."""
    made = [
        f'<div class="nl-row"><small>{escape(name)}</small>{grid(samples, len(samples), low, high)}</div>'
        for name, samples in parts.items()
    ]
    return f'<div class="nl-rows">{"".join(made)}</div>'


def compared_curves(parts: dict[str, NDArray[np.float32]]) -> str:
    """Samples that are not images, (N, values): for each a small plot with one colour for each part."""
    shapes = [np.asarray(samples).reshape(len(samples), -1) for samples in parts.values()]
    plots = "".join(sample_images.curves(np.stack(group, axis=1)) for group in zip(*shapes, strict=True))
    return f'{sample_images.legend(list(parts))}<div class="nl-tiles nl-medium">{plots}</div>'
