"""The choice of the split of the data that the Inspect page shows: only splits that have samples are offered."""

from __future__ import annotations

import streamlit as st

from pages.parts.predictions.overview import SPLIT
from trainers.events import SplitName
from trainers.runs.predictions import splits_with_samples
from trainers.runs.run import Run

EMPTY = "The run has no {} samples: its data has no {} split."


def show(run: Run) -> SplitName:
    """The chosen split; at first the validation split or, without one, the test split. DataError: no data any more."""
    splits = splits_with_samples(run)
    if st.session_state.get(SPLIT) not in splits:
        st.session_state.pop(SPLIT, None)
    missing = [split for split in ("validation", "test") if split not in splits]
    chosen = st.segmented_control(
        "split",
        splits,
        default=splits[0],
        required=True,
        key=SPLIT,
        label_visibility="collapsed",
        help=" ".join(["The split of the data that is shown.", *(EMPTY.format(name, name) for name in missing)]),
    )
    return chosen or splits[0]
