"""Activation charts: how the values that leave each node are spread, how that went over time, and which are stuck."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.theme import charts
from pages.parts.training.block_rows import every_node, nodes_of_interest
from pages.parts.training.gradients import WAITING, shown
from pages.parts.training.run_data import Live, Moments

VIEWS = {"std": "spread", "mean": "mean", "zero_share": "zeros", "saturated_share": "saturated", "dead_share": "dead"}
NOTES = {
    "std": "standard deviation at each node",
    "mean": "mean at each node",
    "zero_share": "share of exact zeros",
    "saturated_share": "share at a bound",
    "dead_share": "share of units that are always zero",
}


def now(live: Live) -> None:
    """The newest histogram of each node, as a violin."""
    nodes = [node for node in nodes_of_interest(live) if node in live.histograms]
    nodes = list(shown(Moments(tuple(nodes))).nodes)
    charts.heading("Activations now", "how the values of one batch are spread at each node")
    if not nodes:
        return charts.nothing(WAITING)
    return charts.draw(violins({node: live.histograms[node] for node in nodes}, live.run.id), "violins")


def violins(histograms: dict[str, tuple[list[float], list[int]]], state: str) -> go.Figure:
    """One shape for each node; its width is the root of the count, so that a spike does not hide the rest."""
    look = charts.look()
    traces = []
    for place, (node, (edges, counts)) in enumerate(histograms.items()):
        middles = (np.asarray(edges[:-1]) + np.asarray(edges[1:])) / 2
        width = np.sqrt(np.convolve(np.asarray(counts, dtype=float), (0.25, 0.5, 0.25), mode="same"))
        width = 0.42 * width / max(width.max(), 1e-12)
        y = np.concatenate([[edges[0]], middles, [edges[-1]]])
        half = np.concatenate([[0.0], width, [0.0]])
        traces.append(
            go.Scatter(
                x=np.concatenate([place - half, (place + half)[::-1]]), y=np.concatenate([y, y[::-1]]), fill="toself",
                mode="lines", line={"color": look.training, "width": 1.3}, fillcolor=_faded(look.training), name=node,
                hoveron="fills", hoverinfo="name",
            )
        )  # fmt: skip
    names = list(histograms)
    return charts.figure(
        traces, state=state, key=False,
        xaxis={
            "tickvals": list(range(len(names))), "ticktext": names, "range": [-0.6, len(names) - 0.4],
            "tickangle": charts.tilt(names),
        },
    )  # fmt: skip


def over_time(live: Live) -> None:
    """Mean or spread of each node's values over the run."""
    with st.container(horizontal=True, vertical_alignment="center", key="activation_head"):
        title = st.empty()
        view = _view("activation_view", ("std", "mean"), "std")
        with title:
            charts.heading("Activations over time", NOTES[view])
    _statistic(live, view, "activations_time")


def stuck(live: Live) -> None:
    """Shares of zeros, saturated values and dead units over the run."""
    first = "saturated_share" if _squashes(live) else "zero_share"
    with st.container(horizontal=True, vertical_alignment="center", key="stuck_head"):
        title = st.empty()
        view = _view(f"stuck_view_{first}", ("zero_share", "saturated_share", "dead_share"), first)
        with title:
            charts.heading("Stuck values", NOTES[view])
    _statistic(live, view, "stuck_time", share=True)


def _view(key: str, views: tuple[str, ...], first: str) -> str:
    chosen = st.segmented_control(
        "view", views, format_func=VIEWS.__getitem__, default=first, key=key, required=True,
        label_visibility="collapsed",
    )  # fmt: skip  # fmt: skip
    return chosen or first


def _squashes(live: Live) -> bool:
    """Whether the network has layers whose values have a bound on both sides."""
    return any(len(node.spec.bounds()) == 2 for node in every_node(live.run.document))


def _statistic(live: Live, statistic: str, key: str, share: bool = False) -> None:
    moments = shown(live.probes["activations"].only(nodes_of_interest(live)))
    if not moments.nodes:
        return charts.nothing(WAITING)
    axis = {"tickformat": ".0%", "range": [-0.02, 1.02]} if share else {}
    made = charts.per_node(
        moments.steps, moments.values[statistic], moments.nodes, state=f"{live.run.id}{statistic}", yaxis=axis
    )
    return charts.draw(made, key)


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
