"""The newest values of a run as cards, its verdicts, and how it ended."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from pages.parts.theme.escaping import escape
from pages.parts.theme.numbers import readable
from pages.parts.training.run_data import LiveRun
from trainers.data.fingerprint import CHANGED
from trainers.events import DIVERGED, SplitName, Verdict
from trainers.paradigms.base import ReportedMetric
from trainers.verdicts.divergence import LearningRateTooHigh
from trainers.verdicts.outcomes import NoBetterThanGuessing

MOST_VERDICTS, MOST_CARDS = 4, 4
NO_PROBLEMS = "No problems found in gradients, activations and updates."
GUESSING = NoBetterThanGuessing.__name__
NEXT_PAGES = (("inspect", "Inspect", "troubleshoot"), ("export", "Export", "ios_share"))


def cards(live: LiveRun) -> str:
    """Training and validation loss, the main metric and the gradient norm, with the change since the last epoch."""
    job = live.run.job
    metrics = [metric for metric in job.paradigm.metrics(job.dataset) if not metric.costly]
    splits: tuple[SplitName, ...] = ("training", "validation")
    if not job.batching.validation and not any(split == "validation" for split, _ in live.curves):
        splits, metrics = ("training",), [metric._replace(split="training") for metric in metrics]
    losses = [ReportedMetric("loss", "loss", False, split=split) for split in splits]
    shown = [loss for loss in losses if (loss.split, "loss") in live.curves or not live.curves]
    shown += metrics[: MOST_CARDS - 1 - len(shown)]
    norm = ReportedMetric("gradient_norm", "gradient norm", None, split="training")
    labels = [f"{metric.split} {metric.label}" for metric in shown] + [norm.label]
    made = [
        _card(label, found, metric.higher_is_better)
        for label, metric in zip(labels, [*shown, norm], strict=True)
        if (found := live.last(metric.split, metric.name)) is not None or live.active  # else it never comes
    ]
    return f'<div class="nl-cards">{"".join(made)}</div>'


def _card(label: str, found: tuple[float, float] | None, higher_is_better: bool | None) -> str:
    value, change = found or (math.nan, math.nan)
    shown = "–" if math.isnan(value) else number(value)
    delta = f'<span class="nl-delta">{"after the first epoch" if found is None else "&nbsp;"}</span>'
    if not math.isnan(change):
        better = (change > 0) == higher_is_better
        kind = "even" if higher_is_better is None or change == 0 else "good" if better else "worse"
        arrow = "↑" if change > 0 else "↓" if change < 0 else "="
        sign = "+" if change > 0 else "−" if change < 0 else ""
        delta = f'<span class="nl-delta nl-{kind}">{arrow} {sign}{number(abs(change))}</span>'
    return f'<div class="nl-card-number"><span>{escape(label)}</span><b>{shown}</b>{delta}</div>'


def number(value: Any) -> str:
    """A number with three or four significant digits."""
    size = abs(float(value))
    if size == 0 or 0.001 <= size < 1:
        return f"{value:.3f}"
    if size < 0.001 or size >= 1e6:
        return readable(value)
    return f"{value:,.2f}" if size < 100 else f"{value:,.0f}"


def verdicts(live: LiveRun) -> str:
    """The verdicts, the most serious first. What the end of the run above them says already is not repeated."""
    tested = live.progress.state in ("finished", "stopped")
    known = [verdict for verdict in live.verdicts if not _is_in_failure(live, verdict)]
    known = [verdict for verdict in known if verdict.advice or not (tested and verdict.kind == GUESSING)]
    found = known[:MOST_VERDICTS]
    rest = len(known) - len(found)
    more = f'<div class="nl-verdict nl-verdict-info">and {rest} more</div>' if rest > 0 else ""
    text = "".join(_verdict(verdict) for verdict in found) + more
    if not found and live.active:
        text = f'<div class="nl-verdict nl-verdict-info">{NO_PROBLEMS}</div>'
    return f'<div class="nl-verdicts">{text}</div>'


def _is_in_failure(live: LiveRun, verdict: Verdict) -> bool:
    """Whether the message of a run that failed says it already."""
    if live.progress.state != "failed":
        return False
    diverged = live.progress.message.startswith(DIVERGED) and verdict.kind == LearningRateTooHigh.__name__
    return diverged or verdict.message in live.progress.message


def _verdict(verdict: Verdict) -> str:
    link = '<a href="#network" target="_self">Show on the graph</a>' if verdict.node else ""
    return (
        f'<div class="nl-verdict nl-verdict-{escape(verdict.severity)}"><b>{escape(verdict.message)}</b> '
        f"{escape(verdict.advice)} {link}</div>"
    )


def next_pages(live: LiveRun) -> None:
    """Buttons that lead to the pages that a trained network is for, once the run has ended with weights."""
    if live.progress.state not in ("finished", "stopped") or not live.run.scores():
        return
    for page, label, icon in NEXT_PAGES:
        if st.button(label, icon=f":material/{icon}:", key=f"next_{page}", type="tertiary", help=f"Go on to {label}"):
            st.switch_page(f"pages/{page}.py", query_params={"run": live.run.id})


def ending(live: LiveRun) -> None:
    """How the run ended: an error, an interruption or the test metric. Always one element."""
    progress = live.progress
    text = ""
    if progress.state == "failed":
        text = f'<div class="nl-verdict nl-verdict-error"><b>This run failed.</b> {escape(progress.message)}</div>'
    elif progress.state == "paused" and progress.message not in ("", "Paused."):
        more = "" if progress.message.startswith(CHANGED) else " Press Resume to continue."  # it says itself what to do
        text = f'<div class="nl-verdict nl-verdict-warning">{escape(progress.message)}{more}</div>'
    elif progress.state in ("finished", "stopped"):
        values, job = live.run.scores(), live.run.job
        metric = next(iter(job.paradigm.metrics(job.dataset)), None)
        if metric is not None and metric.name in values:
            value = number(values[metric.name])
            words = f"Test {escape(metric.label)} <b>{value}</b>, with the best weights of the run."
            guess = next((each for each in live.verdicts if each.kind == GUESSING), None)
            words += f" {escape(guess.message)}" if guess is not None else ""
            text = f'<div class="nl-verdict nl-verdict-{"info" if guess is None else "error"}">{words}</div>'
        elif progress.message not in ("", "Stopped.", "Finished."):
            text = f'<div class="nl-verdict nl-verdict-info">{escape(progress.message)}</div>'
    st.html(f'<div class="nl-verdicts">{text}</div>')
