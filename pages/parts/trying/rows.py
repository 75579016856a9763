"""A row, typed in a form with a field for each column; and a file of rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.forms.uploads import most_megabytes
from pages.parts.theme.escaping import file_name, markdown
from pages.parts.trying import answers
from pages.parts.trying.base import Trial
from trainers.data import DataSet
from trainers.data.base import DataError, RowField
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

IN_A_ROW = 4
MISSING = "(missing)"
MOST_FIELDS = 60
MOST_LOOKED_AT = 2000  # training rows
Limits = dict[str, tuple[float, float, float]]
Usual = dict[str, str | None]  # of each choice


class TypedRow(Trial):
    """A form with a field for each column."""

    title: ClassVar[str] = "Type a row"
    order: ClassVar[int] = 1

    def fits(self, dataset: DataSet) -> bool:
        return 0 < len(dataset.row_fields()) <= MOST_FIELDS

    def draw(self, run: Run) -> None:
        fields = run.job.dataset.row_fields()
        limits, usual = _training(run)
        key = f"tried_row_{run.id}"
        tried: pd.DataFrame | None = st.session_state.get(key)  # outlives a page that is drawn again, or left
        values: dict[str, Any] = {}
        with st.form("try_row", border=False):
            for start in range(0, len(fields), IN_A_ROW):
                for column, field in zip(st.columns(IN_A_ROW), fields[start : start + IN_A_ROW], strict=False):
                    with column:
                        values[field.name] = _field(run, field, limits, usual, tried)
            pressed = st.form_submit_button("Predict", type="primary", key="try_row_predict")
        row = pd.DataFrame({name: [value] for name, value in values.items()})
        if pressed:
            st.session_state[key] = row
        elif tried is None or not row.equals(tried):
            return
        found = run.predict(row)
        left, right = st.columns([2, 3])
        with left:
            answers.show(found.iloc[0], "try_row")
        with right:
            answers.show_nearest(run, run.job.dataset.encode_new(row), "try_row")


def _ending(name: str) -> str:
    return "." + (file_name(Path(name).suffix, "") or "csv")


def _field(run: Run, field: RowField, limits: Limits, usual: Usual, tried: pd.DataFrame | None) -> Any:
    """The field of a column. It begins with what was tried last, else with a usual value."""
    key, label = f"try_{run.id}_{field.name}", markdown(field.name)
    before = None if tried is None else tried[field.name].iloc[0]
    if field.type == "choice":
        choices = (*field.choices, *((None,) if field.may_be_missing else ()))
        first = usual.get(field.name, choices[0]) if tried is None else before
        return st.selectbox(
            label,
            choices,
            choices.index(first),
            key=key,
            format_func=lambda choice: MISSING if choice is None else choice,
        )
    if field.type == "date":
        chosen = st.date_input(label, value=None if pd.isna(before) else before, key=key)
        return pd.Timestamp(chosen) if chosen else pd.NaT
    if field.type == "text":
        return st.text_input(label, value=before or "", key=key)
    low, middle, high = limits.get(field.name, (np.nan, np.nan, np.nan))
    known = bool(np.isfinite(middle))
    hint = f"In training: {low:.6g} to {high:.6g}; empty: missing." if known else "Empty: missing."
    first = float(f"{middle:.6g}") if tried is None else before
    value = st.number_input(label, value=None if pd.isna(first) else first, key=key, help=hint, format="%g", step=None)
    return np.nan if value is None else float(value)


def _training(run: Run) -> tuple[Limits, Usual]:
    """What the training part has: smallest, middle and largest value of each column of numbers that is one input, and
    the most frequent choice of each other column."""
    dataset = run.job.dataset
    try:
        prepared = prepared_data(run)
    except DataError:  # its file is gone, or another one: rows are encoded all the same
        return {}, {}
    inputs = reverted(prepared, prepared.training)
    limits: Limits = {}
    usual: Usual = {}
    for field in dataset.row_fields():
        for place, numbers in dataset.input_columns()[field.name]:
            values = inputs[place][:, numbers]
            if field.type == "choice" and len(values):
                usual[field.name] = _most_frequent(dataset, field, place, numbers, values[:MOST_LOOKED_AT])
            elif field.type == "number" and field.name == dataset.feature_names[numbers[0]] and len(values):
                found = values[:, 0].astype(float)
                if field.log:
                    found = np.sign(found) * np.expm1(np.abs(found))
                limits[field.name] = (float(found.min()), float(np.median(found)), float(found.max()))
    return limits, usual


def _most_frequent(
    dataset: DataSet, field: RowField, place: int, numbers: list[int], values: NDArray[Any]
) -> str | None:
    """The choice that most of these inputs (rows, numbers of the column) come from; None: those without one."""
    choices = (*field.choices, *((None,) if field.may_be_missing else ()))
    rows = pd.DataFrame({each.name: [None] * len(choices) for each in dataset.row_fields()}, dtype=object)
    rows[field.name] = list(choices)
    encoded = np.nan_to_num(dataset.encode_new(rows)[place][:, numbers])
    counts = [int((np.abs(values - each) < 0.01).all(axis=1).sum()) for each in encoded]
    return choices[int(np.argmax(counts))]


class FileOfRows(Trial):
    """A file of rows, and its predictions as a file."""

    title: ClassVar[str] = "A file of rows"
    order: ClassVar[int] = 2

    def fits(self, dataset: DataSet) -> bool:
        return bool(dataset.row_fields())

    def draw(self, run: Run) -> None:
        given = st.file_uploader(
            f"A file of rows, at most {most_megabytes():,} MB",
            key=f"try_file_{run.id}",
            help="Columns as in training, in any order; the target may be missing.",
        )
        if given is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{file_name(Path(given.name).stem, 'rows')}{_ending(given.name)}"
            path.write_bytes(given.getbuffer())
            found = run.predict(path)
        table = found.rename_axis("row").reset_index()
        table["row"] = range(1, len(table) + 1)
        st.dataframe(table.iloc[:1000], hide_index=True, column_config=answers.formats(found), key="tried_rows")
        st.caption(f"{len(found):,} rows are predicted." + (" The first 1,000 are shown." if len(found) > 1000 else ""))
        st.download_button(
            "Download predictions",
            lambda: table.to_csv(index=False),
            "predictions.csv",
            "text/csv",
            key="try_download",
            on_click="ignore",
        )
