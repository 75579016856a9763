"""Attention maps of one sample: a map for each layer and head, with the tokens or patches on the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.views import panel
from trainers.data.tokens import TokenError
from trainers.events import SplitName
from trainers.runs.attention import attention_of, has_attention
from trainers.runs.predictions import encode_text, sample_inputs
from trainers.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

MOST_TICKS = 48  # names on an axis; of longer sequences every second, third, …
MEAN = "mean of all"


@panel("right")
def attention(run: Run, split: SplitName) -> None:
    """A choice of sample, layer and head, and the map; nothing for a network without attention."""
    if not has_attention(run):
        return
    with charts.card("attention"):
        charts.heading("Attention", "row: query position · column: key position · each row adds up to 1")
        is_text = run.job.dataset.kind == "text"
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_options"):
            number = int(st.number_input("Sample", 0, 1_000_000, 0, 1, key=f"attention_{run.id}", width=120))
            own = st.text_input("or your own text", key=f"attention_text_{run.id}", max_chars=2000) if is_text else ""
        choice = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_choice")
        inputs = sample_inputs(run, split, number)
        try:
            inputs = _with_text(run, inputs, own) if own else inputs
        except TokenError as error:
            st.html(f'<div class="nl-note">{escape(str(error))}</div>')
        found = attention_of(run, inputs)
        with choice:
            layer = st.selectbox("Layer", list(found.maps), key=f"attention_layer_{run.id}", width=170)
            heads = [MEAN, *range(1, len(found.maps[layer]) + 1)]
            head = st.selectbox("Head", heads, key=f"attention_map_{run.id}", width=140)
        maps = found.maps[layer]
        shown = maps.mean(axis=0) if head == MEAN else maps[int(head) - 1]
        charts.draw(map_figure(shown, *found.names[layer], f"{run.id}{layer}"), "attention")


def _with_text(run: Run, inputs: tuple[Tensor, ...], text: str) -> tuple[Tensor, ...]:
    """The sample with another text in it. TokenError: the text has unknown characters."""
    dataset = run.job.dataset
    changed = inputs[dataset.text_input].new_zeros(inputs[dataset.text_input].shape)
    tokens = encode_text(run, text)
    changed[0, : len(tokens)] = changed.new_tensor(tokens)
    return tuple(changed if place == dataset.text_input else given for place, given in enumerate(inputs))


def map_figure(values: charts.Numbers, rows: tuple[str, ...], columns: tuple[str, ...], state: str) -> go.Figure:
    """Query positions against key positions, without the padding at the end of a text."""
    height, width = _length(rows), _length(columns)
    values, rows, columns = values[:height, :width], rows[:height], columns[:width]
    hover = [
        [f"{_name(query)} attends to {_name(key)}: {value:.1%}" for key, value in zip(columns, row, strict=True)]
        for query, row in zip(rows, values, strict=True)
    ]
    trace = go.Heatmap(
        z=np.sqrt(values),
        colorscale=charts.SCALE,
        zmin=0,
        zmax=float(np.sqrt(max(values.max(), 1e-9))),
        showscale=False,
        hovertext=hover,
        hoverinfo="text",
    )
    return charts.figure(
        [trace],
        x="key position",
        y="query position",
        key=False,
        height=min(620, max(260, 120 + 13 * len(rows))),
        state=state,
        xaxis={**_ticks(columns), "tickangle": -60 if max(map(len, columns)) > 1 else 0},
        yaxis={**_ticks(rows), "autorange": "reversed"},
    )


def _length(names: tuple[str, ...]) -> int:
    """The number of positions without the padding at the end."""
    filled = [position for position, name in enumerate(names) if name != "<pad>"]
    return filled[-1] + 1 if filled else len(names)


def _ticks(names: tuple[str, ...]) -> dict[str, object]:
    stride = -(-len(names) // MOST_TICKS)
    positions = list(range(0, len(names), stride))
    return {"tickvals": positions, "ticktext": [_name(names[at]) for at in positions], "showgrid": False}


def _name(name: str) -> str:
    """A token for an axis: line ends and spaces are visible, and tags, which plotly interprets, are escaped."""
    return escape({"\n": "↵", " ": "␣"}.get(name, name[:16]))
