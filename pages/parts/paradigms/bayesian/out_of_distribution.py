"""Samples of another data set, given to a network that has no class for them: are they flagged by their uncertainty?"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.paradigms.bayesian import uncertainty_charts
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian.predictions import OutOfDistribution, other_data_sets
from trainers.paradigms.bayesian.predictions import out_of_distribution as predict_other
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

SHOWN = 20
MEASURES = ("entropy", "mutual information")


@panel("whole")
def out_of_distribution(run: Run, split: SplitName) -> None:
    """A choice of a data set, the histograms of both, and the samples that are flagged or not."""
    choices = other_data_sets(run)
    if run.job.dataset.task == "regression" or not choices:
        return
    with charts.card("out_of_distribution"):
        with st.container(horizontal=True, vertical_alignment="center", key="out_of_distribution_head"):
            charts.heading(
                "Out-of-distribution samples",
                "of unknown classes: are the predictions uncertain?",
            )
            name = st.selectbox(
                "data set",
                list(choices),
                key=f"other_data_{run.id}",
                format_func=choices.__getitem__,
                label_visibility="collapsed",
                width=260,
            )
            by = st.segmented_control(
                "by",
                MEASURES,
                default=MEASURES[0],
                required=True,
                key="out_of_distribution_by",
                label_visibility="collapsed",
            )
        _show(run, predict_other(run, name), by or MEASURES[0])


def _show(run: Run, found: OutOfDistribution, by: str) -> None:
    both = (found.own, found.distribution)
    if by == "entropy":
        scores, (own, other) = found.by_entropy, (each.entropy for each in both)
    else:
        scores, (own, other) = found.by_mutual_information, (each.mutual_information for each in both)
    left, right = st.columns([9, 11], gap="small")
    with left:
        groups = {run.job.dataset.title: own, found.title: other}
        made = uncertainty_charts.histograms(groups, f"{by} in nats", f"other{by}", scores.threshold)
        charts.draw(made, "out_of_distribution")
        st.html(
            f'<div class="nl-note">AUROC <b>{scores.auroc:.3f}</b>: the probability that an out-of-distribution sample '
            f"has a higher {by} than one of the data set. <b>{scores.flagged.mean():.0%}</b> of them are above the "
            "line and flagged; so is one in twenty of the data set's own samples.</div>"
        )
    with right:
        if found.inputs.ndim == 2 and found.inputs.shape[1] == 2:
            charts.draw(_points(run, found, scores.flagged), "out_of_distribution_points")
        else:
            _images(found, scores.flagged, other)


def _points(run: Run, found: OutOfDistribution, flagged: NDArray[np.bool_]) -> go.Figure:
    """Points in the plane: those of the data set, and the out-of-distribution ones that are flagged or not."""
    look = charts.look()
    own = reverted(prepared_data(run), prepared_data(run).validation)[0]
    groups = {
        "data set": (own, look.soft),
        "not flagged": (found.inputs[~flagged], look.training),
        "flagged": (found.inputs[flagged], look.validation),
    }
    traces = [
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name=f"{name} ({len(points):,})",
            marker={"size": 5, "color": colour},
            hovertemplate="%{x:.3g}, %{y:.3g}<extra></extra>",
        )
        for name, (points, colour) in groups.items()
    ]
    square = {"scaleanchor": "x", "constrain": "domain"}
    return charts.figure(traces, height=320, state="other_points", yaxis=square, xaxis={"constrain": "domain"})


def _images(found: OutOfDistribution, flagged: NDArray[np.bool_], uncertainty: NDArray[np.float64]) -> None:
    """The most uncertain samples that are flagged, and the most certain ones that are not."""
    order = np.argsort(-uncertainty, kind="stable")
    groups = {"flagged": order[flagged[order]], "not flagged": order[~flagged[order]][::-1]}
    for word, every in groups.items():
        some = every[:SHOWN]
        st.html(f'<div class="nl-label">{len(every):,} {word}{_confidence(found, some, word)}</div>')
        if not len(some) or found.inputs.ndim != 4:
            continue
        low, high = snapshots.limits(found.inputs)
        st.html(snapshots.grid(found.inputs[some], SHOWN // 2, low, high))


def _confidence(found: OutOfDistribution, some: NDArray[np.int64], word: str) -> str:
    """Of samples that are not flagged: the mean confidence of their predictions."""
    if word == "flagged" or not len(some):
        return ""
    return escape(f", mean confidence of those shown {found.distribution.confidence[some].mean():.0%}")
