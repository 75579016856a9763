"""What was found in a series: its curves, its columns, what can be changed, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.series.guessing import look, possible_cycles, says_series
from trainers.data.own.kinds.series.moments import moment_words
from trainers.data.own.kinds.series.preparing import steps_of
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.steps import at_equal_steps
from trainers.data.own.kinds.series.warnings import Series, look_for_trouble
from trainers.data.own.kinds.table.looking.types import guess_column
from trainers.data.own.reading.table import RawTable
from trainers.data.own.report import Report, Section, Setting, encoding_setting

__all__ = ["guess_column", "look", "possible_cycles", "report", "says_series"]  # for kind.py, which imports late

MOST_POINTS = 2000  # of a curve that is shown
MOST_CURVES = 12


@dataclass(frozen=True)
class Curve:
    """One column over time. `values`: float64, NaN where the file has none, each the mean of the steps that a point
    stands for; `low` and `high`: the extremes of these steps."""

    name: str
    role: str
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Curves(Section):
    """Columns over time. `moments`: of each point, in words."""

    moments: tuple[str, ...]
    curves: tuple[Curve, ...]

    def lines(self) -> list[str]:
        return [
            f"  {curve.name}: {curve.role}, {np.nanmin(curve.low):.4g} to {np.nanmax(curve.high):.4g}"
            if np.isfinite(curve.values).any()
            else f"  {curve.name}: {curve.role}, empty"
            for curve in self.curves
        ]


@dataclass(frozen=True)
class SeriesColumnReport:
    """What a column of a series is for, and why."""

    name: str
    type: str
    role: str
    reason: str


@dataclass(frozen=True)
class SeriesColumns(Section):
    """The columns of a series."""

    columns: tuple[SeriesColumnReport, ...]

    def lines(self) -> list[str]:
        return [
            f"  {column.name}: {column.type}, {column.role}"
            + (f" ({column.reason.rstrip('.')})" if column.reason else "")
            for column in self.columns
        ]


def report(raw: RawTable, schema: SeriesSchema) -> Report:
    """What was found in a series with this schema."""
    columns = tuple(SeriesColumnReport(c.name, c.type, c.role, c.role_reason or c.type_reason) for c in schema.columns)
    sections: list[Section] = [SeriesColumns("Columns", columns)]
    if schema.of_role("target"):
        sections.insert(0, curves(raw.frame, schema))
    left_out = tuple(LeftOut(f"line {row.line}", row.reason) for row in raw.left_out)
    warnings = tuple(look_for_trouble(Series(raw, schema, steps_of(raw.frame, schema))))
    settings, found = tuple(_settings(schema, len(raw.frame))), raw.found
    if "encoding" in found:
        settings = (*settings, encoding_setting(schema.encoding, found["encoding"]))
    return Report(
        schema.kind, len(raw.frame), schema, warnings, found, tuple(sections), settings, left_out, raw.left_out_count
    )


def curves(frame: pd.DataFrame, schema: SeriesSchema) -> Curves:
    """The columns of numbers over time, joined to so few points that they can be drawn."""
    used = [c for c in schema.of_role("target", "input", "known") if c.type in ("number", "yes_no")][:MOST_CURVES]
    columns = [c.model_dump() for c in (*used, *schema.of_role("time"))]
    values, moments = at_equal_steps(frame, columns, schema.step_unit, schema.step)
    width = max(1, -(-len(values) // MOST_POINTS))
    ordered = [c for role in ("target", "input", "known") for c in used if c.role == role]
    found = []
    for place, column in enumerate(ordered):
        points = np.full(-(-len(values) // width) * width, np.nan)
        points[: len(values)] = values[:, place]
        boxes = points.reshape(-1, width)
        known = np.isfinite(boxes).any(axis=1)
        low, middle, high = (np.full(len(boxes), np.nan) for _ in range(3))
        if known.any():
            some = boxes[known]
            low[known], high[known] = np.nanmin(some, axis=1), np.nanmax(some, axis=1)
            middle[known] = np.nanmean(some, axis=1)
        found.append(Curve(column.name, column.role, middle, low, high))
    return Curves("Over time", tuple(moment_words(moments[::width], schema)), tuple(found))


def _settings(schema: SeriesSchema, rows: int) -> list[Setting]:
    most = max(1, rows - 1)
    numbers: Any = [(c.name, c.name) for c in schema.columns if c.type in ("number", "yes_no") and c.role != "time"]
    targets = schema.of_role("target")
    found = []
    if len(targets) == 1:
        found.append(Setting("target", "What is forecast", targets[0].name, targets[0].role_reason, tuple(numbers)))
    found += [
        Setting("window", "Steps that the network sees", schema.window, schema.window_reason, low=1, high=most),
        Setting("horizon", "Steps that it forecasts", schema.horizon, schema.horizon_reason, low=1, high=most),
        Setting("stride", "Steps between samples", schema.stride, "", low=1, high=most),
        Setting("season", "Season, in steps", schema.season, schema.season_reason, low=1, high=most),
    ]
    if possible_cycles(schema.step_unit, schema.step):
        choices = ((True, "yes"), (False, "no"))
        found.append(Setting("calendar", "Use the calendar", bool(schema.cycles), schema.cycles_reason, choices))
    return found
