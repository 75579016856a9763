"""What was found in a data set of one's own, in words and figures, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.table.cell_values import dates_of, known_of, labels_of, numbers_of, words_of
from trainers.data.own.kinds.table.changing import changed, changed_column, settings
from trainers.data.own.kinds.table.guessing import look, with_roles
from trainers.data.own.kinds.table.schema import Column, TableSchema
from trainers.data.own.kinds.table.warnings import Table, look_for_trouble
from trainers.data.own.library import Stored
from trainers.data.own.reading.table import RawTable
from trainers.data.own.report import Report, Section, encoding_setting

__all__ = ["changed", "changed_column", "look", "report", "with_roles"]  # for kind.py, which imports late

MOST_SHOWN = 12  # values of a category


@dataclass(frozen=True)
class ColumnReport:
    """What a column holds: how many cells are missing, how many are different, and how they are distributed.

    `distribution` has (what, how many) for the most frequent categories, or for ten intervals of numbers and dates.
    """

    name: str
    type: str
    role: str
    reason: str
    missing: int
    distinct: int
    examples: tuple[str, ...]
    distribution: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Columns(Section):
    """The columns of a table."""

    columns: tuple[ColumnReport, ...]

    def lines(self) -> list[str]:
        return [
            f"  {column.name}: {column.type}, {column.role}"
            + (f", {column.missing:,} missing" if column.missing else "")
            + (f" ({column.reason.rstrip('.')})" if column.reason else "")
            for column in self.columns
        ]


def report(raw: RawTable, schema: TableSchema, stored: Stored | None = None) -> Report:
    """What was found in a table with this schema."""
    columns = tuple(_column(column, raw) for column in schema.columns)
    warnings = tuple(look_for_trouble(Table(raw, schema, stored)))
    left_out = tuple(LeftOut(f"line {row.line}", row.reason) for row in raw.left_out)
    sections = (Columns("Columns", columns),)
    found, chosen = raw.found, settings(schema)
    if "encoding" in found:
        chosen = (*chosen, encoding_setting(schema.encoding, found["encoding"]))
    return Report(schema.kind, raw.rows, schema, warnings, found, sections, chosen, left_out, raw.left_out_count)


def _column(column: Column, raw: RawTable) -> ColumnReport:
    cells = raw.frame[column.name]
    known = known_of(cells)
    missing = len(cells) - len(known)
    if raw.sample is not None:
        missing = raw.sample.missing.get(column.name, round(missing * raw.rows / len(cells)))
    reason = column.role_reason or (column.type_reason if column.role == "input" else "")  # of what it is for
    distinct = known.unique()
    first = pd.Series(distinct[:5], dtype=known.dtype)
    if pd.api.types.is_numeric_dtype(first) and not pd.api.types.is_bool_dtype(first):
        examples = tuple(f"{value:.10g}" for value in first)
    else:
        examples = tuple(str(value)[:60] for value in words_of(first))
    return ColumnReport(
        column.name,
        column.type,
        column.role,
        reason,
        missing,
        len(distinct),
        examples,
        _distribution(column, known),
    )


def _distribution(column: Column, known: pd.Series) -> tuple[tuple[str, int], ...]:
    values: Any
    if column.type == "number":
        values = numbers_of(known, **column.notation.model_dump())
        values = values[np.isfinite(values)]
        if not len(values):
            return ()
        low, high = float(values.min()), float(values.max())
        if high - low <= 1e-9 * abs(high):  # too close together for ten intervals
            return ((f"about {low:,.4g}", len(values)),)
        counts, edges = np.histogram(values, bins=10)
        return tuple(
            (f"{low:,.4g} to {high:,.4g}", int(n)) for low, high, n in zip(edges, edges[1:], counts, strict=False)
        )
    if column.type == "date":
        dates = dates_of(known, column.date_format).dropna()
        if not len(dates):
            return ()
        counts, edges = np.histogram(dates.as_unit("s").asi8, bins=10)
        shown = pd.to_datetime(edges, unit="s").strftime("%Y-%m-%d")
        return tuple((f"{low} to {high}", int(n)) for low, high, n in zip(shown, shown[1:], counts, strict=False))
    if column.type == "text":
        return ()
    if column.type == "labels":
        held = np.nansum(labels_of(known, column.categories, column.delimiter), axis=0)
        most = np.argsort(-held, kind="stable")[:MOST_SHOWN]
        return tuple((column.categories[place][:60], int(held[place])) for place in most)
    frequent = words_of(known).value_counts().iloc[:MOST_SHOWN]
    return tuple((str(value)[:60], int(count)) for value, count in frequent.items())
