"""Gradient charts: gradients at each node, over the run and through time, and the ratio of updates to weights."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pages.parts.theme import charts
from pages.parts.theme.charts import Plain
from pages.parts.training import feed
from pages.parts.training.run_data import LiveRun, ProbeTable
from trainers.sampling import evenly_spaced

USUAL_RATIO = 1e-3  # of an update to the weights
BAD = ("vanishing", "exploding")  # badges that are about gradients
MOST_NODES = 40
MOST_CELLS = 1000
LAST = 5  # probes whose median is drawn: one unusual batch has no effect
WAITING = "The first measurements arrive within a second of training."


def shown(table: ProbeTable) -> ProbeTable:
    """At most MOST_NODES nodes, evenly spaced over the depth."""
    if len(table.nodes) <= MOST_NODES:
        return table
    picked = evenly_spaced(len(table.nodes), MOST_NODES)
    return table.only([table.nodes[index] for index in picked])


def _note(live: LiveRun, text: str) -> str:
    count = len(live.probes["gradients"].nodes)
    return text if count <= MOST_NODES else f"{text} · {MOST_NODES} of {count} nodes"


def node_badges(live: LiveRun) -> dict[str, str]:
    """Node → badge: those of the verdicts, and "vanishing" for nodes whose gradients are as small as theirs."""
    badges: dict[str, str] = {}
    for verdict in live.verdicts:  # the most serious first
        if verdict.node and verdict.badge:
            badges.setdefault(verdict.path or verdict.node, verdict.badge)
    gradients = live.probes["gradients"]
    if "vanishing" in badges.values() and "mean_abs" in gradients.values:
        sizes = dict(zip(gradients.nodes, gradients.latest("mean_abs"), strict=True))
        worst = max(sizes.get(node, 0.0) for node, badge in badges.items() if badge == "vanishing")
        limit = max(worst, list(sizes.values())[-1] / 300)
        badges |= {node: "vanishing" for node, size in sizes.items() if size <= limit and node not in badges}
    return badges


def node_severities(live: LiveRun, badges: Mapping[str, str]) -> dict[str, str]:
    """Node → how serious the verdict behind its badge is: the graph has the colours of the messages."""
    own: dict[str, str] = {}
    of_badge: dict[str, str] = {}
    for verdict in live.verdicts:  # the most serious first
        if verdict.node and verdict.badge:
            own.setdefault(verdict.path or verdict.node, verdict.severity)
            of_badge.setdefault(verdict.badge, verdict.severity)
    return {node: own.get(node) or of_badge.get(badge, "warning") for node, badge in badges.items()}


def flow(live: LiveRun) -> None:
    """The mean and the largest gradient of every node now."""
    charts.heading("Gradient flow", _note(live, "mean and largest absolute gradient of each node, from first to last"))
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.empty(WAITING)
    return feed.chart("flow", _flow, live)


def _flow(live: LiveRun) -> Plain:
    badges = node_badges(live)
    return flow_figure(shown(live.probes["gradients"]), badges, live.run.id, node_severities(live, badges))


def flow_figure(
    gradients: ProbeTable, badges: Mapping[str, str], state: str, severities: Mapping[str, str] = MappingProxyType({})
) -> Plain:
    """Bars on a log axis. Where gradients vanish or explode they have the colour of the verdict: red for an error."""
    look = charts.look()
    nodes = list(gradients.nodes)
    marked = [badges.get(node, "") if badges.get(node) in BAD else "" for node in nodes]
    bad = [bool(badge) for badge in marked]
    mean, largest = (np.nan_to_num(gradients.latest(name)) for name in ("mean_abs", "max_abs"))
    sizes = np.concatenate([mean[mean > 0], largest[largest > 0]])
    low, high = (sizes.min(), sizes.max()) if len(sizes) else (1e-6, 1.0)
    span = charts.decades(low, high)
    span[0] -= 0.5  # so that the smallest bar can be seen
    bars = [("largest", largest, look.pale), ("mean", np.where(bad, np.nan, mean), look.training)]
    for badge in BAD:
        own = [each == badge for each in marked]
        if any(own):
            serious = "error" in {severities.get(node, "error") for node, its in zip(nodes, own, strict=True) if its}
            bars.append((f"mean, {badge}", np.where(own, mean, np.nan), look.bad if serious else look.warning))
    traces = [
        {
            "type": "bar",
            "x": nodes,
            "y": values,
            "name": name,
            "marker": {"color": colour},
            "hovertemplate": f"%{{x}}: {name} %{{y:.2e}}<extra></extra>",
        }
        for name, values, colour in bars
    ]
    return charts.plain(
        traces,
        log=True,
        state=state,
        barmode="overlay",
        bargap=0.25,
        yaxis={"range": span, **charts.log_axis(10 ** span[0], 10 ** span[1])},
        xaxis={"type": "category", "tickangle": charts.tilt(nodes)},
    )


def over_time(live: LiveRun) -> None:
    """A heat map of nodes against steps, coloured by the size of the gradients."""
    charts.heading("Gradients over the run", _note(live, "mean absolute gradient, log₁₀"))
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.empty(WAITING)
    return feed.chart("gradient_map", _map, live)


def _map(live: LiveRun) -> Plain:
    return map_figure(shown(live.probes["gradients"]), live.run.id)


def map_figure(gradients: ProbeTable, state: str) -> Plain:
    """Columns are thinned so that there are no more than MOST_CELLS cells."""
    columns = max(20, MOST_CELLS // max(1, len(gradients.nodes)))
    count = len(gradients.steps)
    picked = evenly_spaced(count, columns)
    sizes = gradients.values["mean_abs"][:, picked]
    with np.errstate(divide="ignore"):
        z = np.log10(np.where(sizes > 0, sizes, np.nan))
    low, high = charts.colour_range(z[np.isfinite(z)])
    colours = charts.look()
    bar = {"thickness": 10, "outlinewidth": 0, "tickfont": {"color": colours.soft, "size": 10.5}, "nticks": 6}
    trace = {
        "type": "heatmap",
        "x": gradients.steps[picked],
        "y": list(gradients.nodes),
        "z": z,
        "colorscale": charts.SCALE,
        "zmin": low,
        "zmax": high,
        "colorbar": bar,
        "hovertemplate": "%{y} at step %{x:,}: 10^%{z:.1f}<extra></extra>",
        "hoverongaps": False,
    }
    return charts.plain([trace], x="step", state=state, key=False, yaxis={"type": "category", "showgrid": False})


def update_ratio(live: LiveRun) -> None:
    """The size of each node's updates relative to its weights, with the usual ratio as a line."""
    charts.heading("Update-to-weight ratio", "far below 10⁻³ a node learns slowly")
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.empty(WAITING)
    return feed.chart("update_ratio", _ratio, live)


def _ratio(live: LiveRun) -> Plain:
    return ratio_figure(shown(live.probes["gradients"]), live.run.id)


def ratio_figure(gradients: ProbeTable, state: str) -> Plain:
    """Curves on a log axis that always includes the usual ratio."""
    ratios = gradients.values["update_ratio"]
    known = ratios[np.isfinite(ratios) & (ratios > 0)]
    low, high = (min(known.min(), USUAL_RATIO), max(known.max(), USUAL_RATIO)) if known.size else (1e-5, 1e-1)
    low = max(low, high * 1e-7)
    usual = {  # on a log axis the position of an annotation is the logarithm
        "x": 0.99,
        "xref": "paper",
        "xanchor": "right",
        "y": np.log10(USUAL_RATIO),
        "yanchor": "bottom",
        "text": "usual",
        "showarrow": False,
        "font": {"color": charts.look().soft, "size": 11},
    }
    return charts.per_node(
        gradients.steps,
        ratios,
        gradients.nodes,
        state=state,
        log=True,
        shapes=[charts.level(USUAL_RATIO)],
        annotations=[usual],
        yaxis={"range": charts.decades(low, high), **charts.log_axis(low, high)},
    )


# ---- through time ------------------------------------------------------------------------------------------------


def has_through_time(live: LiveRun) -> bool:
    """Whether the run has recurrent layers that were measured."""
    return bool(live.probes["through_time"].nodes)


def through_time(live: LiveRun) -> None:
    """For each recurrent layer, the gradient of its state against the number of steps back from the last one."""
    charts.heading("Gradient through time", "of the loss at the last step · where it vanishes, nothing is learned")
    feed.chart("through_time", _through_time, live)


def _through_time(live: LiveRun) -> Plain:
    return through_time_figure(live.probes["through_time"], live.run.id)


def through_time_figure(table: ProbeTable, state: str) -> Plain:
    """Curves on a log axis: the newest probes, and the first ones in a pale colour."""
    look = charts.look()
    traces, low, high = [], np.inf, 0.0
    back = np.array(sorted(int(name) for name in table.values))
    values = np.stack([table.values[str(step)] for step in back])  # steps back × nodes × steps of training
    for number, (node, colour) in enumerate(zip(table.nodes, charts.depth_colours(len(table.nodes)), strict=True)):
        rows = values[:, number]
        measured = rows[:, np.isfinite(rows).any(axis=0)]
        newest = np.nanmedian(measured[:, -LAST:], axis=1)
        positive = np.isfinite(newest) & (newest > 0)
        if measured.shape[1] > LAST:
            first = np.nanmedian(measured[:, :3], axis=1)
            early = np.isfinite(first) & (first > 0)
            traces.append(charts.line(back[early], first[early], f"{node}, first", look.pale, 1.4))
            low = min(low, first[early].min(initial=np.inf))
        traces.append(charts.line(back[positive], newest[positive], node, colour))
        low, high = min(low, newest[positive].min(initial=np.inf)), max(high, newest[positive].max(initial=0.0))
    span = charts.decades(max(low, high * 1e-16), high) if high else [-6, 0]
    return charts.plain(
        traces,
        x="steps back from the last one",
        log=True,
        state=state,
        yaxis={"range": span, **charts.log_axis(10 ** span[0], 10 ** span[1])},
        xaxis={"rangemode": "tozero"},
    )
