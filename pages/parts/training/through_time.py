"""The gradient through time: how much of the error at the end of a sequence reaches the steps before."""

from __future__ import annotations

import numpy as np

from pages.parts.theme import charts
from pages.parts.training.run_data import Live, Moments

COUNT = 5  # moments whose middle is drawn: one odd batch does not show


def has_any(live: Live) -> bool:
    """Whether the run has layers that read step by step, and they have been looked at."""
    return bool(live.probes["through_time"].nodes)


def curves(live: Live) -> None:
    """For each recurrent layer, the size of its state's gradient against the steps back from the last one."""
    charts.heading("Gradient through time", "of the last step's error, by steps back · where it fades, it forgets")
    charts.draw(figure(live.probes["through_time"], live.run.id), "through_time")


def figure(moments: Moments, state: str) -> charts.go.Figure:
    """Curves on a log axis, the first probe's pale and the newest's bold, with a line at a hundred-thousandth."""
    look = charts.look()
    traces, low, high = [], np.inf, 0.0
    back = np.array(sorted(int(name) for name in moments.values))
    table = np.stack([moments.values[str(step)] for step in back])  # steps back × nodes × moments
    colours = charts.depth_colours(len(moments.nodes))
    for place, (node, colour) in enumerate(zip(moments.nodes, colours, strict=True)):
        rows = table[:, place]
        seen = rows[:, np.isfinite(rows).any(axis=0)]
        newest = np.nanmedian(seen[:, -COUNT:], axis=1)
        shown = np.isfinite(newest) & (newest > 0)
        if seen.shape[1] > COUNT:
            first = np.nanmedian(seen[:, :3], axis=1)
            early = np.isfinite(first) & (first > 0)
            traces.append(charts.line(back[early], first[early], f"{node}, at first", look.pale, 1.4))
            low = min(low, first[early].min(initial=np.inf))
        traces.append(charts.line(back[shown], newest[shown], node, colour))
        low, high = min(low, newest[shown].min(initial=np.inf)), max(high, newest[shown].max(initial=0.0))
    span = charts.decades(max(low, high * 1e-16), high) if high else [-6, 0]
    return charts.figure(
        traces, x="steps back from the last one", log=True, state=state,
        yaxis={"range": span, "dtick": max(1, round((span[1] - span[0]) / 5))}, xaxis={"rangemode": "tozero"},
    )  # fmt: skip
