"""Autoencoders while they train: reconstructions beside the originals, the latent space, the KL divergence of each
latent dimension; and the drawings that the Inspect page shares with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.theme.theme import class_colour
from pages.parts.training import snapshots
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card
from trainers.paradigms.autoencoder.base import ReconstructionParadigm
from trainers.paradigms.autoencoder.reconstructions import code_shape
from trainers.paradigms.variational import INACTIVE

TALL = 300
NO_CODE = "No node splits the network into encoder and decoder, so there is no code to show."
ROWS = {"originals": "validation samples", "noisy": "with noise: the input", "reconstructions": "reconstructions"}


@card
def reconstructions(live: LiveRun) -> None:
    """Validation samples above their reconstructions."""
    noisy = getattr(live.run.job.paradigm, "noise", "none") != "none"
    below = "the noisy input and the reconstruction below" if noisy else "the reconstructions below"
    charts.heading("Reconstructions", f"validation samples, {below}")
    found = snapshots.choose_snapshot(live, "reconstructions")
    if found is not None:
        st.html(rows_of_samples({title: found.arrays[name] for name, title in ROWS.items() if name in found.arrays}))


@card
def latent_space(live: LiveRun) -> None:
    """The codes of some hundred validation samples as points, in the colours of their classes."""
    job = live.run.job
    code = cast(ReconstructionParadigm, job.paradigm).code(job.document)
    if code is None:
        charts.heading("Latent space")
        return charts.empty(NO_CODE)
    with st.container(key="latent_live"):
        charts.heading("Latent space", f"the code at {code} of validation samples")
        found = snapshots.choose_snapshot(live, "latent_space")
        if found is None:
            return None
        arrays, numbers = found.arrays, int(np.prod(code_shape(live.run)))
        labels = arrays["classes"] if job.dataset.task == "classification" else None
        titles = ("code", "error") if numbers == 1 else axis_titles(numbers, float(arrays["explained_variance"][0]))
        made = scatter(arrays["points"], labels, job.dataset.classes, titles, f"{live.run.id}latent")
        return charts.draw(made, "latent")


@card
def latent_units(live: LiveRun) -> None:
    """How much information each latent dimension holds about a sample."""
    charts.heading("KL per latent dimension", "nats; a dimension near 0 holds no information about a sample")
    found = snapshots.choose_snapshot(live, "latent_units")
    if found is not None:
        charts.draw(bars(found.arrays["kl"], f"{live.run.id}units"), "latent_units")


# -- drawings ---------------------------------------------------------------------------------------------------------


def rows_of_samples(parts: dict[str, NDArray[Any]]) -> str:
    """Samples in rows, each with its name: images; points of the plane as one cloud; others as small curves."""
    first = next(iter(parts.values()))
    if first.ndim == 4 and first.shape[1] in (1, 3):
        return snapshots.rows(parts, *snapshots.limits(first))
    if first.shape[1:] == (2,):
        points = np.concatenate(list(parts.values()))
        row = np.repeat(np.arange(len(parts)), [len(some) for some in parts.values()])
        cloud = sample_images.points(points, row)
        return f'{sample_images.legend(list(parts))}<div class="nl-cloud">{cloud}</div>'
    return snapshots.compared_curves(parts)


def scatter(
    points: NDArray[Any],
    labels: NDArray[Any] | None,
    classes: Sequence[str],
    titles: tuple[str, str],
    state: str,
    names: Sequence[str] = (),
    chosen: Sequence[int] = (),
    height: int = TALL,
) -> go.Figure:
    """Codes as points in the colours of their classes; the `chosen` ones have a ring."""
    look = charts.look()
    groups = [("samples", np.arange(len(points)))]
    if labels is not None and len(classes):
        groups = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(classes)]
    traces = []
    for number, (name, mine) in enumerate(groups):
        short = escape(name if len(name) <= 18 else f"{name[:17]}…")
        words = [escape(names[place]) for place in mine] if names else None
        colour = class_colour(number) if classes else look.training
        traces.append(
            go.Scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                mode="markers",
                name=short,
                text=words,
                customdata=mine,
                marker={"size": 5.5, "opacity": 0.85, "color": colour},
                hovertemplate=("%{text}" if words else short) + "<extra></extra>",
            )
        )
    if len(chosen):
        few = list(chosen)
        ring = {"size": 13, "symbol": "circle-open", "color": look.text, "line": {"width": 2}}
        dots = {"color": look.soft, "width": 1.2, "dash": "dot"}
        style = {"mode": "markers+lines", "marker": ring, "line": dots, "showlegend": False, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=points[few, 0], y=points[few, 1], **style))
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "paper"}
    return charts.figure(
        traces,
        x=titles[0],
        y=titles[1],
        height=height,
        state=state,
        key=len(groups) > 1,
        legend={**beside, "font": {"size": 10.5}, "itemsizing": "constant"},
        margin={"l": 44, "r": 10, "t": 8, "b": 34},
    )


def bars(values: NDArray[Any], state: str) -> go.Figure:
    """A bar for each latent dimension, grey for those that hold no information."""
    look = charts.look()
    trace = go.Bar(
        x=[f"z{number + 1}" for number in range(len(values))],
        y=values,
        marker_color=[look.training if value > INACTIVE else look.soft for value in values],
        hovertemplate="%{x}: %{y:.3f} nats<extra></extra>",
    )
    return charts.figure(
        [trace],
        y="nats",
        state=state,
        key=False,
        xaxis={"type": "category", "nticks": 24},
        yaxis={"rangemode": "tozero"},
        bargap=0.3,
    )


def axis_titles(numbers: int, explained: float) -> tuple[str, str]:
    """The titles of the axes of a projection of codes of so many numbers."""
    if numbers == 2:
        return "z1", "z2"
    return f"first principal component of {numbers} · both explain {explained:.0%} of the variance", "second component"
