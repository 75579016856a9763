"""Samples of another data set, shown to a network that has no class for them: are they flagged by its doubt?"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.paradigms.bayesian import uncertainty_charts
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import snapshots
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian.predictions import Strangers, others, strangers
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

SHOWN = 20


@panel("whole")
def out_of_distribution(run: Run, part: SplitName) -> None:
    """A choice of a data set, both histograms, and what is flagged and what passes."""
    choices = others(run)
    if run.job.dataset.task == "regression" or not choices:
        return
    with charts.card("strangers"):
        with st.container(horizontal=True, vertical_alignment="center", key="strangers_head"):
            charts.heading("Strangers", "samples of no class that it knows: a network that knows its limits is unsure")
            name = st.selectbox(
                "strangers", list(choices), key=f"strangers_{run.id}", format_func=choices.__getitem__,
                label_visibility="collapsed", width=260,
            )  # fmt: skip
            by = st.segmented_control(
                "by", ("entropy", "mutual information"), default="entropy", required=True, key="strangers_by",
                label_visibility="collapsed",
            )  # fmt: skip
        _show(run, strangers(run, name), by or "entropy")


def _show(run: Run, found: Strangers, by: str) -> None:
    entropy = by == "entropy"
    told = found.by_entropy if entropy else found.by_information
    own, other = (each.entropy if entropy else each.information for each in (found.own, found.beliefs))
    left, right = st.columns([9, 11], gap="small")
    with left:
        groups = {run.job.dataset.title: own, found.title: other}
        charts.draw(uncertainty_charts.histograms(groups, f"{by} in nats", f"strangers{by}", told.border), "strange")
        st.html(
            f'<div class="nl-note">AUROC <b>{told.auroc:.3f}</b>: how often a stranger has the higher {by} than an '
            f"own sample. Behind the line, where one in twenty of its own lies, are <b>{told.flagged.mean():.0%}</b> "
            "of the strangers.</div>"
        )
    with right:
        if found.inputs.ndim == 2 and found.inputs.shape[1] == 2:
            charts.draw(_points(run, found, told.flagged), "strange_points")
        else:
            _pictures(found, told.flagged, other)


def _points(run: Run, found: Strangers, flagged: np.ndarray) -> go.Figure:  # type: ignore[type-arg]
    """Points in the plane: the own ones, and the strangers that are flagged or pass."""
    look = charts.look()
    own = reverted(prepared_data(run), prepared_data(run).validation)[0]
    groups = {
        "own": (own, look.soft), "strangers that pass": (found.inputs[~flagged], look.training),
        "strangers that are flagged": (found.inputs[flagged], look.validation),
    }  # fmt: skip
    traces = [
        go.Scatter(
            x=points[:, 0], y=points[:, 1], mode="markers", name=f"{name} ({len(points):,})",
            marker={"size": 5, "color": colour}, hovertemplate="%{x:.3g}, %{y:.3g}<extra></extra>",
        )
        for name, (points, colour) in groups.items()
    ]  # fmt: skip
    square = {"scaleanchor": "x", "constrain": "domain"}
    return charts.figure(traces, height=320, state="strange_points", yaxis=square, xaxis={"constrain": "domain"})


def _pictures(found: Strangers, flagged: np.ndarray, doubt: np.ndarray) -> None:  # type: ignore[type-arg]
    """Those it is least sure of, and those that pass for a class that it knows."""
    order = np.argsort(-doubt, kind="stable")
    groups = {"flagged": order[flagged[order]][:SHOWN], "pass unnoticed": order[~flagged[order]][::-1][:SHOWN]}
    for word, some in groups.items():
        count = int(flagged.sum() if word == "flagged" else (~flagged).sum())
        st.html(f'<div class="nl-label">{count:,} {word}{_names(found, some, word)}</div>')
        if not len(some) or found.inputs.ndim != 4:
            continue
        low, high = snapshots.limits(found.inputs)
        st.html(snapshots.grid(found.inputs[some], SHOWN // 2, low, high))


def _names(found: Strangers, some: np.ndarray, word: str) -> str:  # type: ignore[type-arg]
    """Of those that pass: how sure it is, on average, of what they are not."""
    if word == "flagged" or not len(some):
        return ""
    return escape(f", {found.beliefs.confidence[some].mean():.0%} sure of those shown")
