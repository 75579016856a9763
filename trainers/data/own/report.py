"""What was found in a data set of one's own, in words and figures, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trainers.data.own.cell_values import dates_of, numbers_of, words_of
from trainers.data.own.library import stored
from trainers.data.own.preparing import check_file
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.table import RawTable
from trainers.data.own.schema import Column, Schema
from trainers.data.own.warnings import DataWarning, Table, look_for_trouble

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
class Report:
    """What was found. `found` says how the file was read; `warnings` what looks wrong, some with a fix."""

    kind: str
    rows: int
    columns: tuple[ColumnReport, ...]
    warnings: tuple[DataWarning, ...]
    schema: Schema
    found: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{self.rows:,} rows, {len(self.columns)} columns"]
        for column in self.columns:
            gap = f", {column.missing:,} missing" if column.missing else ""
            reason = f" ({column.reason.rstrip('.')})" if column.reason else ""
            lines.append(f"  {column.name}: {column.type}, {column.role}{gap}{reason}")
        return "\n".join([*lines, *(f"  {warning.code}  {warning}" for warning in self.warnings)])


def data_report(name: str) -> Report:
    """What was found in a data set of one's own. DataError: there is none of that name, or its file is gone."""
    found = stored(name)
    check_file(found)
    return report(reader_named(found.source.reader).read(found.data_file), found.schema)


def report(raw: RawTable, schema: Schema) -> Report:
    """What was found in a table with this schema."""
    columns = tuple(_column(column, raw.frame[column.name]) for column in schema.columns)
    warnings = tuple(look_for_trouble(Table(raw, schema)))
    return Report(schema.kind, len(raw.frame), columns, warnings, schema, raw.found)


def _column(column: Column, cells: pd.Series) -> ColumnReport:
    known = cells.dropna()
    reason = column.role_reason or column.type_reason
    examples = tuple(str(value)[:60] for value in words_of(known.drop_duplicates().iloc[:5]))
    return ColumnReport(
        column.name,
        column.type,
        column.role,
        reason,
        int(cells.isna().sum()),
        int(known.nunique()),
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
    frequent = words_of(known).value_counts().iloc[:MOST_SHOWN]
    return tuple((str(value)[:60], int(count)) for value, count in frequent.items())
