"""A run as one watches it: cards, verdicts and charts. While it trains they follow it, through feed.py."""

from __future__ import annotations

import streamlit as st

import trainers
from pages.parts.inspector.problem_list import to_fix
from pages.parts.theme import charts
from pages.parts.theme.run_page import shows_errors
from pages.parts.training import (
    activations,
    block_rows,
    controls,
    curves,
    feed,
    forking,
    gradients,
    panels,
    run_data,
    run_graph,
    run_summary,
    weights,
)
from pages.parts.training.run_data import LiveRun
from trainers.events import State
from trainers.runs.run import Run

WAITING = "The charts appear with its first values."
SHOWN_LATER = (
    ("Loss and metrics", "on the training split and on the validation split"),
    ("Gradient flow", "the size of the gradients at each layer: they should neither vanish nor explode"),
    ("Activations", "the distribution of each layer's output, and units that are dead or saturated"),
    ("The network", "coloured by the size of the gradients, with a badge at each layer with a problem"),
    ("Verdicts", "what the measurements mean, and what to try"),
)


def show(run: Run, state: State) -> None:
    """Everything about the run, as a fragment of the page. `state` is what the header says of the run."""
    st.fragment(_live)(run.id, state)


@shows_errors
def _live(run_id: str, state: State) -> None:
    live = run_data.read(trainers.open_run(run_id))
    if live.progress.state != state:
        st.rerun()  # the header has other buttons now
    with feed.collecting() as parts:
        forking.show_source(live.run)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ending"):
            run_summary.ending(live)
            run_summary.next_pages(live)
        waiting = live.active and not _has_steps(live)
        if not waiting:
            feed.html("numbers", run_summary.cards, live)
            feed.html("verdicts", run_summary.verdicts, live)
        if live.run.job.paradigm.cards and (live.curves if waiting else live.active or live.progress.step):
            st.fragment(_cards)(run_id)  # before a step of its own: the curves of a first training
        if waiting:
            st.html(f'<div class="nl-empty"><h3>Waiting for the first step</h3><p>{WAITING}</p></div>')
        else:
            live = block_rows.choose_group(live)
            _charts(live)
    if live.active:
        feed.follow(live, [controls.PROGRESS, *parts], {"page": feed.signs_of(live)["page"]})


@shows_errors
def _cards(run_id: str) -> None:
    """The cards of the run's paradigm: drawn again when there are new pictures."""
    live = run_data.read(trainers.open_run(run_id))
    with feed.collecting() as parts:
        panels.cards(live)
    if live.active:
        feed.follow(live, parts, {"cards": feed.signs_of(live)["cards"]})


def _has_steps(live: LiveRun) -> bool:
    """Whether a step of the run itself has been measured."""
    return bool(live.probes["gradients"].nodes) or any(metric == "loss" for _, metric in live.curves)


def _charts(live: LiveRun) -> None:
    through_time = ((("through_time", gradients.through_time),),) if gradients.has_through_time(live) else ()
    rows = (
        *through_time,
        (("loss", curves.loss), ("flow", gradients.flow)),
        (("network", run_graph.show),),
        (("metric", curves.metric), ("gradient_map", gradients.over_time)),
        (("now", activations.now), ("over_time", activations.over_time)),
        (("ratio", gradients.update_ratio), ("weights", weights.over_time)),
        (("inactive", activations.inactive),),
    )
    never = set() if live.active else _without_values(live)
    for row in rows:
        row = tuple(entry for entry in row if entry[0] not in never)
        if not row:
            continue
        for column, (key, chart) in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, charts.card(key):
                chart(live)


def _without_values(live: LiveRun) -> set[str]:
    """The charts that have nothing to show: of a run that is not active, for they will not get it."""
    has_values = {
        ("loss",): any(metric == "loss" for _, metric in live.curves),
        ("metric",): curves.has_metrics(live),
        ("network", "flow", "gradient_map", "ratio"): bool(live.probes["gradients"].nodes),
        ("now",): activations.has_histograms(live),
        ("over_time", "inactive"): bool(block_rows.nodes_of_interest(live)),
        ("weights",): bool(weights.known(live.probes["weights"])),
    }
    return {key for keys, has in has_values.items() if not has for key in keys}


def empty(errors: int) -> None:
    """What is shown before the first run of a document with this many errors, which are listed above."""
    rows = "".join(f"<li><b>{title}</b><span>{text}</span></li>" for title, text in SHOWN_LATER)
    first = f"First fix {to_fix(errors)} above, then press" if errors else "Press"
    st.html(
        f'<div class="nl-empty"><h3>Not trained yet</h3><p>{first} <b>Start</b>. The network is trained in the '
        f"background, and this page shows its progress about once a second:</p><ul>{rows}</ul></div>"
    )
