"""A run as one watches it: cards, verdicts and charts, looked at again every second while it trains."""

from __future__ import annotations

import streamlit as st

import trainers
from pages.parts.runs import run_choice  # fmt: skip
from pages.parts.theme import charts
from pages.parts.training import activations, block_rows, curves, gradients, panels, run_data, run_graph, run_summary
from pages.parts.training import through_time as run_through_time
from pages.parts.training.run_data import ACTIVE
from trainers.runs.run import Run

COMING = (
    ("Loss and scores", "how wrong the network is, on what it learns from and on what was held out"),
    ("Gradient flow", "how much of the error reaches each layer: it should not fade away or blow up"),
    ("Activations", "how the values inside are spread, and which units are stuck"),
    ("Your network", "coloured by the size of its gradients, with a word at each layer in trouble"),
    ("Verdicts", "what all this means, in words, and what to try"),
)


def show(run: Run) -> None:
    """Everything about the run, as a fragment of the page."""
    st.fragment(_live, run_every=1.0 if run.state in ACTIVE else None)(run.id)


@run_choice.said
def _live(run_id: str) -> None:
    live = run_data.read(trainers.open_run(run_id))
    run_summary.ending(live)
    run_summary.cards(live)
    run_summary.verdicts(live)
    panels.cards(live)
    live = block_rows.chosen(live)
    through_time = ((("through_time", run_through_time.curves),),) if run_through_time.has_any(live) else ()
    rows = (
        *through_time,
        (("loss", curves.loss), ("flow", gradients.flow)),
        (("network", None),),
        (("metric", curves.metric), ("gradient_map", gradients.over_time)),
        (("now", activations.now), ("over_time", activations.over_time)),
        (("ratio", gradients.update_ratio), ("stuck", activations.stuck)),
    )
    for row in rows:
        for column, (key, chart) in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, charts.card(key):
                if chart is None:
                    charts.heading("The network", "coloured by the mean size of its gradients")
                    st.html(run_graph.show(live))
                else:
                    chart(live)


def empty() -> None:
    """Before the first run: what will be here."""
    rows = "".join(f"<li><b>{title}</b><span>{text}</span></li>" for title, text in COMING)
    st.html(
        '<div class="nl-empty"><h3>Nothing has been trained yet</h3><p>Press <b>Start</b>: it trains in the '
        f"background, and here you watch it learn, about once a second.</p><ul>{rows}</ul></div>"
    )
