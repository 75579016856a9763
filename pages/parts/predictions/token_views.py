"""Views of predicted tokens: texts with the probability of each token, and the loss at each position."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.predictions.samples import choose_order, page_of
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape, escape_lines
from pages.parts.views import prediction_view, sample_view
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run

TEXTS = 6  # on a page


@sample_view
def tokens(run: Run, found: Predictions, key: str) -> None:
    """Texts with their tokens: the redder, the lower the probability that the network gave to the token."""
    shown = page_of(choose_order(found), TEXTS, key)
    join = "" if getattr(run.job.dataset, "tokens", "words") == "characters" else " "
    texts = []
    for index in shown.tolist():
        summary, below = map(escape, found.entry.caption(found, index))
        texts.append(
            f'<div><small>{summary} · {below}</small><p class="nl-text">{join.join(_tokens(found, index))}</p></div>'
        )
    st.html(f'<div class="nl-texts nl-all">{"".join(texts)}</div>')


def _tokens(found: Predictions, index: int) -> list[str]:
    """The target tokens of a sample as HTML; positions without a target are left out."""
    names, probabilities = found.target_vocabulary, found.target_probabilities
    made = []
    for position, token in enumerate(found.targets[index].tolist()):
        if not 0 <= token < len(names):
            continue
        name = "↵\n" if names[token] == "\n" else escape_lines(names[token])
        if probabilities is None:
            made.append(name)
            continue
        probability = float(probabilities[index, position])
        share = round(100 * min(1.0, -np.log10(max(probability, 1e-3)) / 3))
        predicted = int(found.predicted[index, position])
        title = escape(f"{names[token]!r}: {probability:.1%}, predicted: {names[predicted]!r}")
        made.append(f'<span class="nl-token-loss" style="--share: {share}%" title="{title}">{name}</span>')
    return made


@prediction_view
def token_losses(run: Run, found: Predictions) -> None:
    """The mean loss at each position of the texts."""
    if found.target_probabilities is None:
        return
    with charts.card("token_losses"):
        charts.heading("Loss by position", "mean negative log-likelihood of the token at each position")
        charts.draw(position_figure(found.targets, found.target_probabilities), "token_losses")


def position_figure(targets: NDArray[np.int64], probabilities: NDArray[np.float32]) -> go.Figure:
    """One curve over the positions that have targets."""
    asked = targets >= 0
    losses = -np.log(np.where(asked, probabilities, 1.0).clip(min=1e-30))
    count = asked.sum(axis=0)
    positions = np.flatnonzero(count)
    mean = losses.sum(axis=0)[positions] / count[positions]
    line = charts.line(positions + 1, mean, "loss", charts.look().validation, 2.0)
    return charts.figure([line], x="position", key=False, state="positions", yaxis={"rangemode": "tozero"})
