"""Views of a GAN: generated samples, losses and discriminator accuracy while it trains; samples, an interpolation and
the discriminator's scores of the trained networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.canvas import network_frames
from pages.parts.theme import charts, theme
from pages.parts.theme.charts import Plain
from pages.parts.training import feed, snapshots
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card, panel
from trainers.events import Snapshot, SplitName
from trainers.paradigms.gan import samples
from trainers.paradigms.gan.networks import DISCRIMINATOR, GENERATOR, generator_inputs
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

Floats = NDArray[np.float32]
SMOOTHING = 0.9
BINS = 40
CURVES = 24  # samples in a grid, where samples are not images
TALL = 400

SAMPLES, COLUMNS = 60, 10  # on the Inspect page
POINTS = 400
PATHS, PATH_STEPS = 6, 10  # interpolations of images
POINT_PATHS, POINT_STEPS = 5, 40


# -- while it trains --------------------------------------------------------------------------------------------------


@card
def generated_samples(live: LiveRun) -> None:
    """Samples from the same noise at any step of the training."""
    classes = live.run.job.dataset.classes
    charts.heading("Generated samples", "always from the same noise · the slider shows earlier steps")
    snapshot = snapshots.choose_snapshot(live, "generated_samples")
    if snapshot is None:
        return None
    if "field" in snapshot.arrays:
        return charts.draw(points_figure(snapshot, live.run.id), "generated_samples")
    generated = snapshot.arrays["samples"]
    if generated.ndim != 4:
        return st.html(snapshots.compared_curves({"generated": generated[:CURVES]}))
    columns = (len(classes) if "classes" in snapshot.arrays else 0) or 8
    low, high = snapshots.limits(generated)
    if low > -0.25 * high:  # values of the data set from zero up: black is zero
        low, high = 0.0, max(high, 1e-6)
    return st.html(snapshots.grid(generated, columns, low, high))


def points_figure(snapshot: Snapshot, state: str) -> go.Figure:
    """Real and generated points of the plane; in the background where the discriminator gives high scores."""
    look, arrays = charts.look(), snapshot.arrays
    (left, bottom), (right, top) = arrays["corners"].tolist()
    field = arrays["field"]
    background = go.Heatmap(
        z=_ranks(field),
        x=np.linspace(left, right, field.shape[1]),
        y=np.linspace(bottom, top, field.shape[0]),
        colorscale=[[0, "rgba(0,0,0,0)"], [1, theme.network_colour(1)]],
        zmin=0,
        zmax=1,
        opacity=0.3,
        zsmooth="best",
        showscale=False,
        hoverinfo="skip",
    )
    real = _scatter(arrays["real"], "real", look.soft, 5.0, 0.75)
    generated = _scatter(arrays["fake"], "generated", look.validation, 4.5, 0.75)
    x = {"range": [left, right], "showgrid": False}
    y = {"range": [bottom, top], "scaleanchor": "x", "showgrid": False}
    return charts.figure([background, real, generated], state=state, height=TALL, xaxis=x, yaxis=y)


def _ranks(field: Floats) -> NDArray[np.float64]:
    """Scores by their rank, from 0 to 1, because their size differs between losses."""
    order = field.ravel().argsort().argsort()
    return (order / max(len(order) - 1, 1)).reshape(field.shape)


def _scatter(points: Floats, name: str, colour: str, size: float, opacity: float) -> go.Scattergl:
    marker = {"color": colour, "size": size, "opacity": opacity}
    return go.Scattergl(x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, hoverinfo="skip")


@card
def adversarial_losses(live: LiveRun) -> None:
    """Both losses and, below them, the discriminator's accuracy on real and on fake samples."""
    charts.heading("Two losses", "they need not fall: each network makes the other's task harder")
    numbers = network_frames.network_colours(live.run.document)
    colours = [theme.network_colour(numbers.get(name, i)) for i, name in enumerate((GENERATOR, DISCRIMINATOR))]
    _pair(live, ("generator_loss", "discriminator_loss"), (GENERATOR, DISCRIMINATOR), colours, "adversarial_losses")
    charts.heading("Discriminator accuracy", "share classified correctly · 50% is guessing")
    colours = [charts.look().soft, charts.look().validation]
    accuracies = ("step_accuracy_real", "step_accuracy_fake")
    _pair(live, accuracies, ("real", "fake"), colours, "discriminator_accuracy", share=True)


def _pair(
    live: LiveRun, metrics: tuple[str, str], names: tuple[str, str], colours: list[str], key: str, share: bool = False
) -> None:
    """Two curves of the training split, and a smoothed curve over each."""
    if not any(live.curves.get(("training", metric)) for metric in metrics):
        return charts.empty(snapshots.WAITING)
    return feed.chart(key, _pair_figure, live, metrics, names, tuple(colours), share)


def _pair_figure(
    live: LiveRun, metrics: tuple[str, str], names: tuple[str, str], colours: tuple[str, ...], share: bool
) -> Plain:
    curves = [live.curves.get(("training", metric)) for metric in metrics]
    traces = []
    for curve, name, colour in zip(curves, names, colours, strict=True):
        if curve is not None:
            faint = {"opacity": 0.28, "showlegend": False, "hoverinfo": "skip", "hovertemplate": None}
            traces.append(charts.line(curve.step, curve.value, name, colour, 1.0, **faint))
            traces.append(charts.line(curve.step, charts.smooth(curve.value, SMOOTHING), name, colour, 2.2))
    layout = {"yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%"}, "shapes": [charts.level(0.5)]} if share else {}
    return charts.plain(traces, x="step", state=live.run.id, **layout)


# -- the trained networks ---------------------------------------------------------------------------------------------


@panel("left")
def random_samples(run: Run, split: SplitName) -> None:
    """A grid of samples, or generated points among real ones."""
    planar = run.job.dataset.input_shape == (2,)
    with charts.card("generated_samples"):
        charts.heading("Generated samples", "from random noise")
        with _options("generated_options"):
            seed = _seed(run, "Seed", "generated_seed", 0)
            temperature = st.slider(
                "Temperature",
                0.0,
                2.0,
                1.0,
                0.05,
                key=f"generated_temperature_{run.id}",
                width=200,
                help="Standard deviation of the noise. Below 1 samples are more typical and less diverse.",
            )
            label = _label(run, "generated_class", every=True)
        found = samples.samples(run, POINTS if planar else SAMPLES, seed, float(temperature), label)
        if planar:
            charts.draw(cloud(found, _real(run, split), run.id), "generated_points")
        else:
            st.html(grid(found, COLUMNS))


@panel("right")
def noise_interpolation(run: Run, split: SplitName) -> None:
    """Samples between those of two seeds. Good generators change one gradually into the other."""
    with charts.card("noise_interpolation"):
        charts.heading("Interpolation", "from the noise of one seed to the noise of another")
        with _options("interpolation_options"):
            first = _seed(run, "From seed", "interpolation_from", 1)
            last = _seed(run, "To seed", "interpolation_to", 2)
            label = _label(run, "interpolation_class", every=False)
        if run.job.dataset.input_shape == (2,):
            paths = [samples.interpolate(run, first + i, last + i, POINT_STEPS, label) for i in range(POINT_PATHS)]
            charts.draw(cloud(np.concatenate(paths), _real(run, split), run.id), "interpolated_points")
            return
        paths = [samples.interpolate(run, first + 10 * i, last + 10 * i, PATH_STEPS, label) for i in range(PATHS)]
        st.html(grid(np.concatenate(paths), PATH_STEPS))


@panel("right")
def discriminator_scores(run: Run, split: SplitName) -> None:
    """The distribution of the discriminator's scores of real and generated samples."""
    with charts.card("discriminator_scores"):
        charts.heading("Discriminator scores", "equal curves: it cannot distinguish the samples")
        charts.draw(scores_figure(samples.scores(run), run.id), "discriminator_scores")


def grid(generated: Floats, columns: int) -> str:
    """Generated samples as HTML: images in one grid, others as small plots."""
    if generated.ndim != 4:
        return snapshots.compared_curves({"generated": generated[:CURVES]})
    low, high = snapshots.limits(generated)
    return snapshots.grid(generated, columns, min(low, 0.0), high)


def cloud(generated: Floats, real: Floats, state: str) -> go.Figure:
    """Generated points of the plane among real ones."""
    look = charts.look()
    traces = [
        _scatter(real, "real", look.soft, 4.5, 0.7),
        _scatter(generated, "generated", look.validation, 4.5, 0.7),
    ]
    return charts.figure(traces, state=state, height=TALL, yaxis={"scaleanchor": "x", "showgrid": False})


def scores_figure(found: Mapping[str, Floats], state: str) -> go.Figure:
    """A histogram of the scores of each kind of samples, drawn as curves."""
    look = charts.look()
    colours = {"training": look.training, "validation": look.soft, "generated": look.validation}
    edges = np.histogram_bin_edges(np.concatenate(list(found.values())), BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    traces = []
    for name, scores in found.items():
        shares = np.histogram(scores, edges)[0] / max(len(scores), 1)
        traces.append(charts.line(middles, shares, name, colours[name], 2.0, hovertemplate=f"{name} %{{y:.1%}}"))
    layout = {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}, "height": 300}
    return charts.figure(traces, x="score: high for real samples", state=state, **layout)


def _options(key: str) -> st.delta_generator.DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=key)


def _seed(run: Run, label: str, key: str, first: int) -> int:
    return int(st.number_input(label, 0, 10**6, first, 1, key=f"{key}_{run.id}", width=120) or 0)


def _label(run: Run, key: str, every: bool) -> int | None:
    """The class to generate, if the generator receives one. None: all classes in turn."""
    classes = run.job.dataset.classes
    if not generator_inputs(run.document).conditional or not classes:
        return None
    chosen: int | None = st.selectbox(
        "Class",
        [None, *range(len(classes))] if every else list(range(len(classes))),
        key=f"{key}_{run.id}",
        width=130,
        format_func=lambda number: "all in turn" if number is None else classes[number],
    )
    return chosen


def _real(run: Run, split: SplitName) -> Floats:
    """Real points of the split, or of the training split if it is empty."""
    prepared = prepared_data(run)
    chosen = getattr(prepared, split)
    found: Floats = reverted(prepared, chosen if len(chosen) else prepared.training)[0][:POINTS]
    return found
