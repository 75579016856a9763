"""What a model without a network reaches on the same parts of the data, in a sentence."""

from __future__ import annotations

import streamlit as st

from pages.data_page import background
from pages.data_page.shown import Shown
from pages.parts.theme.escaping import escape
from trainers.data import DataError
from trainers.data.own.report import Baseline, baseline

FEW = 100  # samples of the test part, below which a score says little


def show(shown: Shown) -> None:
    """The baseline beside the split; nothing where the kind of data has none."""
    if shown.report.schema.ready:
        return
    key = shown.key("baseline")
    try:
        known = background.result(key, lambda: (baseline(shown.stored),))
    except (DataError, OSError):
        return  # the split says what is wrong
    if known is None:
        background.wait_for(key, "gradient boosting …")
    elif known[0] is not None:
        st.html(f'<div class="nl-split" title="{escape(_how(known[0]))}">{words(known[0])}</div>', width="content")


def words(found: Baseline) -> str:
    """The scores as HTML."""
    metric = "R²" if found.metric == "R2" else found.metric
    text = (
        f"Baseline ({metric} on the same {found.tested_on:,} test samples): {escape(found.model)} "
        f"<b>{found.score:.2f}</b>, {escape(found.simple)} {found.simple_score:.2f}"
    )
    text = text.replace(" -", " −")
    notes = [found.note] if found.note else []
    if found.tested_on < FEW:
        notes.append(f"On {found.tested_on} samples, a score moves by several hundredths by chance.")
    return f"{text}. {escape(' '.join(notes))}".rstrip()


def _how(found: Baseline) -> str:
    return (
        f"scikit-learn's gradient boosting with its defaults, trained on {found.trained_on:,} samples and scored on "
        "the test part that a network gets with the usual shares and seed 0."
    )
