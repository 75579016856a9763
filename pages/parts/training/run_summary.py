"""The newest numbers of a run as cards, and what they mean in words."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from pages.parts.theme.escaping import escape
from pages.parts.training.run_data import Live
from trainers.events import Verdict
from trainers.paradigms.base import ReportedMetric

SHOWN = 4


def cards(live: Live) -> None:
    """Loss, validation loss, the main score and the gradient norm, each with its change since the epoch before."""
    job = live.run.job
    told = [score for score in job.paradigm.metrics(job.dataset) if not score.costly]
    losses = [ReportedMetric("loss", "loss", False, split=split) for split in ("training", "validation")]
    shown = [score for score in losses if (score.split, "loss") in live.curves or not live.curves]
    shown += told[: 1 + len(losses) - len(shown)]
    norm = ReportedMetric("gradient_norm", "gradient norm", None, split="training")
    labels = [f"{score.split} {score.label}" for score in shown] + [norm.label]
    drawn = [
        _card(label, live.last(score.split, score.name), score.higher_is_better)
        for label, score in zip(labels, [*shown, norm], strict=True)
    ]
    st.html(f'<div class="nl-cards">{"".join(drawn)}</div>')


def _card(label: str, found: tuple[float, float] | None, more_is_better: bool | None) -> str:
    value, change = found or (math.nan, math.nan)
    shown = "–" if math.isnan(value) else number(value)
    delta = f'<span class="nl-delta">{"after the first epoch" if found is None else "&nbsp;"}</span>'
    if not math.isnan(change):
        better = (change > 0) == more_is_better
        kind = "even" if more_is_better is None or change == 0 else "good" if better else "worse"
        arrow = "↑" if change > 0 else "↓" if change < 0 else "="
        sign = "+" if change > 0 else "−" if change < 0 else ""
        delta = f'<span class="nl-delta nl-{kind}">{arrow} {sign}{number(abs(change))}</span>'
    return f'<div class="nl-card-number"><span>{escape(label)}</span><b>{shown}</b>{delta}</div>'


def number(value: Any) -> str:
    """A number with three or four digits that say something."""
    size = abs(float(value))
    if size == 0 or 0.001 <= size < 1:
        return f"{value:.3f}"
    if size < 0.001 or size >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.2f}" if size < 100 else f"{value:,.0f}"


def verdicts(live: Live) -> None:
    """What the probes mean, the most serious first. Always one element, so that nothing below it moves about."""
    found = live.verdicts[:SHOWN]
    rest = len(live.verdicts) - len(found)
    more = f'<div class="nl-verdict nl-said-info">and {rest} more of the kind</div>' if rest > 0 else ""
    text = "".join(_verdict(verdict) for verdict in found) + more
    if not found and live.active and live.progress.step:
        healthy = "No trouble seen: gradients, activations and steps look healthy."
        text = f'<div class="nl-verdict nl-said-info">{healthy}</div>'
    st.html(f'<div class="nl-verdicts">{text}</div>')


def _verdict(verdict: Verdict) -> str:
    link = '<a href="#network" target="_self">Show on the graph</a>' if verdict.node else ""
    return (
        f'<div class="nl-verdict nl-said-{escape(verdict.severity)}"><b>{escape(verdict.message)}</b> '
        f"{escape(verdict.advice)} {link}</div>"
    )


def ending(live: Live) -> None:
    """How the run ended, when there is something to say about it; always one element."""
    progress = live.progress
    text = ""
    if progress.state == "failed":
        text = f'<div class="nl-verdict nl-said-error"><b>This run failed.</b> {escape(progress.message)}</div>'
    elif progress.state == "paused" and progress.message not in ("", "Paused."):
        text = f'<div class="nl-verdict nl-said-warning">{escape(progress.message)} Resume goes on from there.</div>'
    elif progress.state in ("finished", "stopped"):
        scores, job = live.run.scores(), live.run.job
        score = next(iter(job.paradigm.metrics(job.dataset)), None)
        if score is not None and score.name in scores:
            told = f"Test {score.label} <b>{number(scores[score.name])}</b>: the best weights, on samples never seen."
            text = f'<div class="nl-verdict nl-said-good">{told}</div>'
    st.html(f'<div class="nl-verdicts">{text}</div>')
