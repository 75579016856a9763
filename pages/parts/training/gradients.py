"""Gradient charts: how large they are at each node, how that went over time, and how far steps move the weights."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pages.parts.theme import charts
from pages.parts.training.run_data import Live, Moments

GUIDE = 1e-3  # the usual size of an update beside the weights
MOST_NODES = 40
CELLS = 1000
WAITING = "The first probe comes within a second of training."


def shown(moments: Moments) -> Moments:
    """At most MOST_NODES nodes, spread evenly over the depth."""
    if len(moments.nodes) <= MOST_NODES:
        return moments
    picked = np.unique(np.linspace(0, len(moments.nodes) - 1, MOST_NODES).astype(int))
    return moments.only([moments.nodes[index] for index in picked])


def _note(live: Live, text: str) -> str:
    count = len(live.probes["gradients"].nodes)
    return text if count <= MOST_NODES else f"{text} · {MOST_NODES} of {count} nodes"


def troubled(live: Live) -> dict[str, str]:
    """Node → badge for every node in trouble: those of the verdicts, and those as small as the one that vanishes."""
    badges = {verdict.node: verdict.badge for verdict in live.verdicts if verdict.node and verdict.badge}
    gradients = live.probes["gradients"]
    if "vanishing" in badges.values() and "mean_abs" in gradients.values:
        sizes = dict(zip(gradients.nodes, gradients.latest("mean_abs"), strict=True))
        worst = max(sizes.get(node, 0.0) for node, badge in badges.items() if badge == "vanishing")
        limit = max(worst, list(sizes.values())[-1] / 300)
        badges |= {node: "vanishing" for node, size in sizes.items() if size <= limit and node not in badges}
    return badges


def flow(live: Live) -> None:
    """Mean and largest gradient of every node, as they are now."""
    charts.heading("Gradient flow", _note(live, "from the first node to the last"))
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.nothing(WAITING)
    return charts.draw(flow_figure(gradients, troubled(live), live.run.id), "flow")


def flow_figure(gradients: Moments, badges: dict[str, str], state: str) -> go.Figure:
    """Bars on a log axis; red only where gradients vanish or explode."""
    look = charts.look()
    nodes = list(gradients.nodes)
    bad = [badges.get(node) in ("vanishing", "exploding") for node in nodes]
    mean, largest = (np.nan_to_num(gradients.latest(name)) for name in ("mean_abs", "max_abs"))
    sizes = np.concatenate([mean[mean > 0], largest[largest > 0]])
    low, high = (sizes.min(), sizes.max()) if len(sizes) else (1e-6, 1.0)
    span = charts.decades(low, high)
    span[0] -= 0.5  # so that the smallest bar can be seen
    bars = [("largest", largest, look.pale), ("mean", np.where(bad, np.nan, mean), look.training)]
    if any(bad):
        bars.append(("mean, in trouble", np.where(bad, mean, np.nan), look.bad))
    traces = [
        go.Bar(
            x=nodes, y=values, name=name, marker_color=colour, hovertemplate=f"%{{x}}: {name} %{{y:.2e}}<extra></extra>"
        )
        for name, values, colour in bars
    ]
    return charts.figure(
        traces, log=True, state=state, barmode="overlay", bargap=0.25,
        yaxis={"range": span, "dtick": max(1, round((span[1] - span[0]) / 5))},
        xaxis={"type": "category", "tickangle": charts.tilt(nodes)},
    )  # fmt: skip


def over_time(live: Live) -> None:
    """A heat map: nodes against steps, coloured by the size of their gradients."""
    charts.heading("Gradient over time", _note(live, "mean size, log₁₀"))
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.nothing(WAITING)
    return charts.draw(map_figure(gradients, live.run.id), "gradient_map")


def map_figure(gradients: Moments, state: str) -> go.Figure:
    """Columns are thinned so that there are no more than CELLS cells, however long the run is."""
    columns = max(20, CELLS // max(1, len(gradients.nodes)))
    count = len(gradients.steps)
    picked = np.unique(np.linspace(0, count - 1, min(columns, count)).astype(int))
    sizes = gradients.values["mean_abs"][:, picked]
    with np.errstate(divide="ignore"):
        z = np.log10(np.where(sizes > 0, sizes, np.nan))
    low, high = charts.colour_range(z[np.isfinite(z)])
    colours = charts.look()
    bar = {"thickness": 10, "outlinewidth": 0, "tickfont": {"color": colours.soft, "size": 10.5}, "nticks": 6}
    trace = go.Heatmap(
        x=gradients.steps[picked], y=list(gradients.nodes), z=z, colorscale=charts.SCALE, zmin=low, zmax=high,
        colorbar=bar, hovertemplate="%{y} at step %{x:,}: 10^%{z:.1f}<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    return charts.figure([trace], x="step", state=state, key=False, yaxis={"type": "category", "showgrid": False})


def update_ratio(live: Live) -> None:
    """How far a step moves each node's weights beside their size, with the usual size as a line."""
    charts.heading("Update-to-weight ratio", "far below 10⁻³ it learns slowly")
    gradients = shown(live.probes["gradients"])
    if not gradients.nodes:
        return charts.nothing(WAITING)
    return charts.draw(ratio_figure(gradients, live.run.id), "update_ratio")


def ratio_figure(gradients: Moments, state: str) -> go.Figure:
    """Curves on a log axis that always holds the guide line."""
    ratios = gradients.values["update_ratio"]
    known = ratios[np.isfinite(ratios) & (ratios > 0)]
    low, high = (min(known.min(), GUIDE), max(known.max(), GUIDE)) if known.size else (1e-5, 1e-1)
    usual = {  # on a log axis an annotation's place is the logarithm
        "x": 0.99, "xref": "paper", "xanchor": "right", "y": np.log10(GUIDE), "yanchor": "bottom", "text": "usual",
        "showarrow": False, "font": {"color": charts.look().soft, "size": 11},
    }  # fmt: skip
    return charts.per_node(
        gradients.steps, ratios, gradients.nodes, state=state, log=True, shapes=[charts.level(GUIDE)],
        annotations=[usual], yaxis={"range": charts.decades(max(low, high * 1e-7), high), "dtick": 1},
    )  # fmt: skip
