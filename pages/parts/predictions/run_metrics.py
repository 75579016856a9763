"""The scores of a run in one line: of the part that is shown, and of the test part once the run is over."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.objectives.metrics import METRICS
from trainers.runs.predictions import Predictions, overlaps, predict
from trainers.runs.run import Run


@panel("top")
def metrics(run: Run, part: SplitName) -> None:
    """The line."""
    found = predict(run, part)
    labels = {name: metric.label for name, metric in METRICS[found.task].items()} | {"loss": "loss"}
    known = {labels[name]: run_summary.number(value) for name, value in run.scores().items() if name in labels}
    told = " · ".join(f"{label} <b>{value}</b>" for label, value in known.items())
    tested = f"Test: {told}" if told else "Test scores come when the run is over."
    st.html(f'<div class="nl-line"><span>{_here(found)}</span><span>{tested}</span></div>')


def _here(found: Predictions) -> str:
    """What is to be said of this part of the data."""
    count, part = len(found.targets), escape(found.split)
    if found.task in ("classification", "multilabel"):
        right = count - int(found.wrong.sum())
        how = "right" if found.task == "classification" else "right in every label"
        return f"<b>{right:,}</b> of {count:,} {part} samples are {how}: <b>{right / count:.1%}</b>"
    if found.task == "segmentation":
        return f"<b>{count:,}</b> {part} samples: mean IoU <b>{np.nanmean(overlaps(found)):.3f}</b>"
    return f"<b>{count:,}</b> {part} samples"
