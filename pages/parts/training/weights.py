"""The weights of each node over the run: their mean size, their spread, and how many are near zero."""

from __future__ import annotations

import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.charts import Plain
from pages.parts.training import feed
from pages.parts.training.activations import statistic_choice
from pages.parts.training.gradients import WAITING, shown
from pages.parts.training.run_data import LiveRun, ProbeTable

NOTES = {
    "mean_abs": "mean absolute value",
    "std": "standard deviation",
    "near_zero_share": "below 1 % of their root mean square",
}
LABELS = {"mean_abs": "size", "std": "spread", "near_zero_share": "near zero"}


def over_time(live: LiveRun) -> None:
    """One of the statistics of each node's weights over the run; the reader chooses which."""
    choices = known(live.probes["weights"])
    with st.container(horizontal=True, vertical_alignment="center", key="weights_head"):
        title = st.empty()
        chosen = statistic_choice(f"weights_view{len(choices)}", choices, choices[0], LABELS) if choices else ""
        with title:
            charts.heading("Weights", NOTES.get(chosen, ""))
    if not choices:
        return charts.empty(WAITING)
    return feed.chart("weights", _weights, live, chosen)


def known(table: ProbeTable) -> tuple[str, ...]:
    """The statistics that a run has; those of older versions have fewer."""
    return tuple(name for name in NOTES if name in table.values)


def _weights(live: LiveRun, statistic: str) -> Plain:
    table = shown(live.probes["weights"])
    share = {"tickformat": ".0%", "range": [-0.02, 1.02]} if statistic == "near_zero_share" else {"rangemode": "tozero"}
    state = f"{live.run.id}{statistic}"
    return charts.per_node(table.steps, table.values[statistic], table.nodes, state=state, yaxis=share)
