"""Makes the steps of a series, once, and keeps them in files that are mapped into memory. Windows are views of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataError
from trainers.data.own.keeping import Named, kept
from trainers.data.own.kinds.series import steps
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.steps import encoded_series, starts_of
from trainers.data.own.kinds.table.preparing import raw_rows
from trainers.data.own.library import Stored

if TYPE_CHECKING:
    import pandas as pd

FURTHER = 20  # rows before a window that is written to a file


def prepared(data: Stored) -> Named:
    """`values` float32 (steps, columns), `starts` int64 of the samples, `moments` float64, `known` bool of targets."""
    return kept(data, lambda: steps_of(raw_rows(data), data.schema))


def steps_of(frame: pd.DataFrame, schema: SeriesSchema) -> Named:
    """The steps of a series as arrays. DataError: too many of them would be empty."""
    check_span(frame, schema)
    columns = [column.model_dump() for column in schema.columns]
    values, known, moments = encoded_series(frame, columns, schema.step_unit, schema.step, schema.cycles)
    starts = starts_of(known, schema.window, schema.horizon, schema.stride)
    return {"values": values, "starts": starts, "moments": moments, "known": known}


def check_span(frame: pd.DataFrame, schema: SeriesSchema) -> None:
    """DataError: from the first to the last row there are far more steps than rows."""
    columns = [column.model_dump() for column in schema.columns]
    try:
        steps.check_span(frame, columns, schema.step_unit, schema.step)
    except ValueError as error:
        raise DataError(str(error)) from None


def rows_of_windows(frame: pd.DataFrame, schema: SeriesSchema, starts: NDArray[np.int64]) -> list[pd.DataFrame]:
    """The raw rows of some samples, in the order of the file, with some before them: what fills a gap is there, too.

    They end with the window; where columns are known in advance, with the steps after it, whose targets are left out.
    """
    places = places_of(frame, schema)
    targets = [column.name for column in schema.of_role("target")]
    further = schema.horizon if schema.of_role("known") else 0
    found = []
    for start in starts.tolist():
        end = start + schema.window
        some = frame[(places >= start - schema.window - FURTHER) & (places < end + further)].copy()
        some.loc[places[some.index] >= end, targets] = None
        found.append(some.reset_index(drop=True))
    return found


def places_of(frame: pd.DataFrame, schema: SeriesSchema) -> NDArray[np.int64]:
    """The step of each row, -1 where its time is not known."""
    if schema.time is None:
        return np.arange(len(frame))
    moments = steps.moments_of_rows(frame, [column.model_dump() for column in schema.columns], schema.step_unit)
    known = np.isfinite(moments)
    places = np.full(len(frame), -1)
    if schema.step_unit == "rows":
        order = np.flatnonzero(known)[np.argsort(moments[known], kind="stable")]
        places[order] = np.arange(len(order))
    else:
        places[known] = np.rint((moments[known] - moments[known].min()) / schema.step).astype(np.int64)
    return places
