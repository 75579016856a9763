"""Which columns a network goes by: permutation importance."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd
import streamlit as st

from pages.parts.trying.base import Trial
from trainers.data import DataSet
from trainers.runs.run import Run
from trainers.trying.importance import REPEATS, importance


class ImportantColumns(Trial):
    """How much the loss grows where a column's values are exchanged among the samples."""

    title: ClassVar[str] = "Which columns matter"
    order: ClassVar[int] = 9

    def fits(self, dataset: DataSet) -> bool:
        return bool(dataset.input_columns())

    def draw(self, run: Run) -> None:
        key = f"importance_{run.id}"
        if st.button("Measure", key="measure_importance"):
            st.session_state[key] = True
        if not st.session_state.get(key):
            st.caption("Permutation importance: each column's values are exchanged among the samples, several times.")
            return
        bar = st.progress(0.0, "Measuring …")
        found = importance(run, bar.progress)
        bar.empty()
        table = pd.DataFrame({"column": found.columns, "loss grows by": found.mean, "spread": found.spread})
        st.dataframe(table, hide_index=True, key="importance")
        st.caption(
            f"{found.samples:,} {found.part} samples, whose mean loss is {found.loss:.4g}; mean and standard deviation "
            f"of {REPEATS} random orders."
        )
