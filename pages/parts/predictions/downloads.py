"""The predictions of a whole part of the data as a file."""

from __future__ import annotations

import streamlit as st

from trainers.events import SplitName
from trainers.runs.predictions import Predictions
from trainers.runs.run import Run
from trainers.trying.part_predictions import as_csv, has_table

MOST = 500_000  # rows that a page gives; the command line gives all


def show(run: Run, found: Predictions) -> None:
    """A button for the predictions of this part as CSV; nothing where a sample has no prediction as a whole."""
    if not has_table(run):
        return
    split: SplitName = found.split
    count, help_text = len(found.targets), "CSV: a row for each sample, with what is true and what is predicted."
    if count > MOST:
        more = f"`netloom predict {run.id} --part {split} --out predictions.csv`"
        help_text += f" The first {MOST:,} of {count:,} samples; all of them: {more}"
    st.download_button(
        f"Download the {split} predictions",
        lambda: as_csv(run, split, MOST),
        f"{split}_predictions.csv",
        "text/csv",
        key=f"download_{run.id}_{split}",
        help=help_text,
        on_click="ignore",
    )
