"""Autoencoders while they train: likenesses beside the originals, where samples lie in the latent space, and what each
axis of a drawn code says; and the line above the Inspect page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.data import sample_images as pictures
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary, snapshots
from pages.parts.training.run_data import Live
from pages.parts.views import card, panel
from trainers.events import SplitName
from trainers.paradigms.autoencoder.reconstructions import reconstruct
from trainers.runs.run import Run

TALL = 300
IDLE = 0.01  # nats: what says less is drawn as idle
ROWS = {"originals": "held out", "noisy": "with noise on it: what the network sees", "reconstructions": "given back"}


@card
def reconstructions(live: Live) -> None:
    """Held-out samples above what the network gives back of them."""
    noisy = getattr(live.run.job.paradigm, "noise", "none") != "none"
    charts.heading("Reconstructions", "held-out samples, noise on them, cleaned" if noisy else "held-out samples above")
    scene = snapshots.moment(live, "reconstructions")
    if scene is not None:
        st.html(drawn({title: scene.arrays[name] for name, title in ROWS.items() if name in scene.arrays}))


@card
def latent_space(live: Live) -> None:
    """Where some hundred held-out samples lie in the latent space, in the colours of their classes."""
    job = live.run.job
    code = job.paradigm.code(job.document)  # type: ignore[attr-defined]
    if code is None:
        charts.heading("Latent space")
        return charts.nothing("No node splits the network in two, so there is no code to look at.")
    with st.container(key="latent_live"):
        charts.heading("Latent space", f"the code at {code} of held-out samples")
        scene = snapshots.moment(live, "latent_space")
        if scene is None:
            return None
        arrays = scene.arrays
        labels = arrays["classes"] if job.dataset.task == "classification" else None
        titles = (
            ("code", "error") if _numbers(live.run) == 1 else titles_of(_numbers(live.run), float(arrays["kept"][0]))
        )
        made = scatter(arrays["places"], labels, job.dataset.classes, titles, f"{live.run.id}latent")
        return charts.draw(made, "latent")


@card
def latent_units(live: Live) -> None:
    """How much each axis of the code says of a sample."""
    charts.heading("KL of each axis", "nats: what an axis tells of a sample; near 0 it is idle")
    scene = snapshots.moment(live, "latent_units")
    if scene is not None:
        charts.draw(bars(scene.arrays["kl"], f"{live.run.id}axes"), "latent_axes")


@panel("top")
def autoencoder_metrics(run: Run, part: SplitName) -> None:
    """The scores of the shown part and of the test part in one line."""
    found = reconstruct(run, part)
    share = f"<b>{max(0.0, found.share):.1%}</b> of their spread is given back"
    labels = {score.name: score.label for score in run.job.paradigm.metrics(run.job.dataset)}
    known = {labels[name]: run_summary.number(value) for name, value in run.scores().items() if name in labels}
    told = " · ".join(f"{escape(label)} <b>{value}</b>" for label, value in known.items())
    tested = f"Test: {told}" if told else "Test scores come when the run is over."
    count = len(found.originals)
    st.html(
        f'<div class="nl-line"><span><b>{count:,}</b> {escape(part)} samples: {share}</span><span>{tested}</span></div>'
    )


@panel("right")
def kl_per_unit(run: Run, part: SplitName) -> None:
    """What each axis of the trained code says."""
    found = reconstruct(run, part)
    if found.axes is None:
        return
    with charts.card("latent_kl"):
        idle = int((found.axes <= IDLE).sum())
        note = f"{idle} of {len(found.axes)} say nothing" if idle else "every axis says something of a sample"
        charts.heading("KL of each axis", f"in nats, {found.axes.sum():.1f} in all · {note}")
        charts.draw(bars(found.axes, f"{run.id}kl"), "latent_kl")


# -- drawings ---------------------------------------------------------------------------------------------------------


def drawn(parts: dict[str, NDArray[Any]]) -> str:
    """Samples in rows, each under its name: pictures; points of the plane as clouds; others as small curves."""
    first = next(iter(parts.values()))
    if first.ndim == 4 and first.shape[1] in (1, 3):
        return snapshots.rows(parts, *snapshots.limits(first))
    if first.shape[1:] == (2,):
        sides = np.concatenate(list(parts.values()))
        owner = np.repeat(np.arange(len(parts)), [len(points) for points in parts.values()])
        return pictures.legend(list(parts)) + f'<div class="nl-cloud">{pictures.points(sides, owner)}</div>'
    return snapshots.compared_curves(parts)


def scatter(
    places: NDArray[Any], labels: NDArray[Any] | None, classes: Sequence[str], titles: tuple[str, str], state: str,
    names: Sequence[str] = (), chosen: Sequence[int] = (), height: int = TALL,
) -> go.Figure:  # fmt: skip
    """Codes as points in the colours of their classes; `chosen` ones have a ring."""
    look = charts.look()
    groups = (
        [(name, np.flatnonzero(labels == number)) for number, name in enumerate(classes)] if labels is not None else []
    )
    groups = groups or [("samples", np.arange(len(places)))]
    traces = []
    for number, (name, mine) in enumerate(groups):
        short = escape(name if len(name) <= 18 else f"{name[:17]}…")
        words = [escape(names[place]) for place in mine] if names else None
        traces.append(
            go.Scatter(
                x=places[mine, 0], y=places[mine, 1], mode="markers", name=short, text=words, customdata=mine,
                marker={"size": 5.5, "opacity": 0.85, "color": pictures.colour(number) if classes else look.training},
                hovertemplate=("%{text}" if words else short) + "<extra></extra>",
            )
        )  # fmt: skip
    if len(chosen):
        ring = {"size": 13, "symbol": "circle-open", "color": look.text, "line": {"width": 2}}
        few = list(chosen)
        traces.append(
            go.Scatter(
                x=places[few, 0], y=places[few, 1], mode="markers+lines", marker=ring, showlegend=False,
                hoverinfo="skip", line={"color": look.soft, "width": 1.2, "dash": "dot"},
            )
        )  # fmt: skip
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "paper"}
    return charts.figure(
        traces, x=titles[0], y=titles[1], height=height, state=state, key=len(groups) > 1,
        legend={**beside, "font": {"size": 10.5}, "itemsizing": "constant"}, margin={"l": 44, "r": 10, "t": 8, "b": 34},
    )  # fmt: skip


def bars(values: NDArray[Any], state: str) -> go.Figure:
    """A bar for each axis of the code, those that say nothing in grey."""
    look = charts.look()
    colours = [look.training if value > IDLE else look.soft for value in values]
    trace = go.Bar(
        x=[f"z{number + 1}" for number in range(len(values))], y=values, marker_color=colours,
        hovertemplate="%{x}: %{y:.3f} nats<extra></extra>",
    )  # fmt: skip
    return charts.figure(
        [trace], y="nats", state=state, key=False, xaxis={"type": "category", "nticks": 24},
        yaxis={"rangemode": "tozero"}, bargap=0.3,
    )  # fmt: skip


def _numbers(run: Run) -> int:
    from trainers.paradigms.autoencoder.reconstructions import code_shape

    return int(np.prod(code_shape(run)))


def titles_of(numbers: int, kept: float) -> tuple[str, str]:
    """What the axes of the map are."""
    if numbers == 2:
        return "z1", "z2"
    return f"first main axis of {numbers} · the plane shows {kept:.0%} of the spread", "second main axis"
