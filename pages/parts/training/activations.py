"""Activation charts: the distribution of each node's output, now and over the run, and inactive units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from pages.parts.theme import charts, theme
from pages.parts.theme.charts import Plain
from pages.parts.training import feed
from pages.parts.training.block_rows import every_node, nodes_of_interest
from pages.parts.training.gradients import WAITING, shown
from pages.parts.training.run_data import LiveRun, ProbeTable

LABELS = {
    "std": "standard deviation",
    "mean": "mean",
    "zero_share": "zeros",
    "saturated_share": "saturated",
    "dead_share": "dead",
}
NOTES = {
    "zero_share": "share of values that are zero",
    "saturated_share": "share of values at a bound of the activation",
    "dead_share": "share of units that are always zero",
}


def now(live: LiveRun) -> None:
    """The newest histogram of each node, as a violin."""
    charts.heading("Activations", "distribution of each node's output for one batch")
    if not has_histograms(live):
        return charts.empty(WAITING)
    return feed.chart("violins", _violins, live)


def has_histograms(live: LiveRun) -> bool:
    """Whether the distribution of a node's output was measured."""
    return any(node in live.histograms for node in nodes_of_interest(live))


def _violins(live: LiveRun) -> Plain:
    nodes = [node for node in nodes_of_interest(live) if node in live.histograms]
    nodes = list(shown(ProbeTable(tuple(nodes))).nodes)
    return violins({node: live.histograms[node] for node in nodes}, live.run.id)


def violins(histograms: dict[str, tuple[list[float], list[int]]], state: str) -> Plain:
    """One shape for each node; its width is the square root of the count, so that a peak does not hide the rest."""
    look = charts.look()
    traces = []
    for number, (node, (edges, counts)) in enumerate(histograms.items()):
        middles = (np.asarray(edges[:-1]) + np.asarray(edges[1:])) / 2
        width = np.sqrt(np.convolve(np.asarray(counts, dtype=float), (0.25, 0.5, 0.25), mode="same"))
        width = 0.42 * width / max(width.max(), 1e-12)
        y = np.concatenate([[edges[0]], middles, [edges[-1]]])
        half = np.concatenate([[0.0], width, [0.0]])
        traces.append(
            {
                "type": "scatter",
                "x": np.concatenate([number - half, (number + half)[::-1]]),
                "y": np.concatenate([y, y[::-1]]),
                "fill": "toself",
                "mode": "lines",
                "line": {"color": look.training, "width": 1.3},
                "fillcolor": _faded(look.training),
                "name": node,
                "hoveron": "fills",
                "hoverinfo": "name",
            }
        )
    names = list(histograms)
    return charts.plain(
        traces,
        state=state,
        key=False,
        xaxis={
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "range": [-0.6, len(names) - 0.4],
            "tickangle": charts.tilt(names),
        },
    )


def over_time(live: LiveRun) -> None:
    """The mean or standard deviation of each node's output over the run."""
    with st.container(horizontal=True, vertical_alignment="center", key="activation_head"):
        title = st.empty()
        statistic = statistic_choice("activation_view", ("std", "mean"), "std")
        with title:
            charts.heading("Activations over the run", "at each node")
    _chart(live, statistic, "activations_time")


def inactive(live: LiveRun) -> None:
    """The shares of zeros, saturated values and dead units over the run."""
    first = "saturated_share" if _has_bounds(live) else "zero_share"
    with st.container(horizontal=True, vertical_alignment="center", key="inactive_head"):
        title = st.empty()
        statistic = statistic_choice(f"inactive_view_{first}", ("zero_share", "saturated_share", "dead_share"), first)
        with title:
            charts.heading("Inactive units", NOTES[statistic])
    _chart(live, statistic, "inactive_time", share=True)


def statistic_choice(key: str, statistics: tuple[str, ...], first: str, labels: Mapping[str, str] = LABELS) -> str:
    """A choice of one of the statistics."""
    chosen = st.segmented_control(
        "statistic",
        statistics,
        format_func=labels.__getitem__,
        default=first,
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    return chosen or first


def _has_bounds(live: LiveRun) -> bool:
    """Whether the network has layers whose output is bounded on both sides."""
    return any(len(node.spec.bounds()) == 2 for node in every_node(live.run.document))


def _chart(live: LiveRun, statistic: str, key: str, share: bool = False) -> None:
    if not nodes_of_interest(live):
        return charts.empty(WAITING)
    return feed.chart(key, _lines, live, statistic, share)


def _lines(live: LiveRun, statistic: str, share: bool) -> Plain:
    table = shown(live.probes["activations"].only(nodes_of_interest(live)))
    axis = {"tickformat": ".0%", "range": [-0.02, 1.02]} if share else {}
    return charts.per_node(
        table.steps, table.values[statistic], table.nodes, state=f"{live.run.id}{statistic}", yaxis=axis
    )


def _faded(colour: str) -> str:
    red, green, blue = theme.rgb(colour)
    return f"rgba({red},{green},{blue},0.2)"
