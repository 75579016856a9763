"""Where a network looks: attention of each head of each layer, for one sample, as a map with its tokens on the axes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import panel
from trainers.data.tokens import TokenError
from trainers.events import SplitName
from trainers.runs.run import Run

MOST_TICKS = 48  # names on an axis; of longer sequences every so many
MEAN = "mean of all"


@panel("right")
def attention(run: Run, part: SplitName) -> None:
    """The choice of sample, layer and head, and the map."""
    from trainers.paradigms.language.analysis import can_look, looks, sample_of, tokens_of

    if not can_look(run):
        return
    with charts.card("attention"):
        charts.heading("Attention", "each row looks at the columns; a row adds up to 1")
        is_text = run.job.dataset.kind == "text"
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_options"):
            number = int(st.number_input("Sample", 0, 1_000_000, 0, 1, key=f"attention_{run.id}", width=120))
            own = st.text_input("or a text of yours", key=f"attention_text_{run.id}", max_chars=2000) if is_text else ""
        choice = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_choice")
        inputs = sample_of(run, part, number)
        try:
            if own:
                tokens = tokens_of(run, own)
                inputs[0].zero_()[0, : len(tokens)] = inputs[0].new_tensor(tokens)
        except TokenError as error:
            st.html(f'<div class="nl-note">{escape(str(error))}</div>')
        found = looks(run, inputs)
        with choice:
            layer = st.selectbox("Layer", list(found.maps), key=f"attention_layer_{run.id}", width=170)
            heads = [MEAN, *range(1, len(found.maps[layer]) + 1)]
            head = st.selectbox("Head", heads, key=f"attention_looks_{run.id}", width=140)
        maps = found.maps[layer]
        shown = maps.mean(axis=0) if head == MEAN else maps[int(head) - 1]
        charts.draw(map_figure(shown, *found.names[layer], f"{run.id}{layer}"), "attention")


def map_figure(values: charts.Numbers, rows: tuple[str, ...], columns: tuple[str, ...], state: str) -> go.Figure:
    """Steps that look against steps that are looked at; what is behind a text's end is left out."""
    height, width = _used(rows), _used(columns)
    values, rows, columns = values[:height, :width], rows[:height], columns[:width]
    hover = [
        [f"{_name(one)} looks at {_name(other)}: {value:.1%}" for other, value in zip(columns, row, strict=True)]
        for one, row in zip(rows, values, strict=True)
    ]
    trace = go.Heatmap(
        z=np.sqrt(values), colorscale=charts.SCALE, zmin=0, zmax=float(np.sqrt(max(values.max(), 1e-9))),
        showscale=False, hovertext=hover, hoverinfo="text",
    )  # fmt: skip
    return charts.figure(
        [trace], x="is looked at", y="looks", key=False, height=min(620, max(260, 120 + 13 * len(rows))), state=state,
        xaxis={**_ticks(columns), "tickangle": -60 if max(map(len, columns)) > 1 else 0},
        yaxis={**_ticks(rows), "autorange": "reversed"},
    )  # fmt: skip


def _used(names: tuple[str, ...]) -> int:
    """How many of the steps are not filling behind a short text."""
    filled = [place for place, name in enumerate(names) if name != "<pad>"]
    return filled[-1] + 1 if filled else len(names)


def _ticks(names: tuple[str, ...]) -> dict[str, object]:
    stride = -(-len(names) // MOST_TICKS)
    places = list(range(0, len(names), stride))
    return {"tickvals": places, "ticktext": [_name(names[place]) for place in places], "showgrid": False}


def _name(name: str) -> str:
    """A token for an axis: line ends and spaces can be seen, and plotly's tags are text."""
    return escape({"\n": "↵", " ": "␣"}.get(name, name[:16]))
