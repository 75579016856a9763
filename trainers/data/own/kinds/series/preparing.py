"""Makes the steps of a series, once, and keeps them in files that are mapped into memory. Windows are views of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.keeping import Named, kept
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.steps import encoded_series, moments_of, starts_of
from trainers.data.own.kinds.table.preparing import raw_rows
from trainers.data.own.library import Stored

if TYPE_CHECKING:
    import pandas as pd

MOST_STEPS = 20  # times as many steps as rows, at most: a wrong year would make millions of them


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
    time = schema.time
    if time is None or schema.step_unit == "rows":
        return
    moments = moments_of(frame[time.name], time.model_dump(), schema.step_unit)
    moments = moments[np.isfinite(moments)]
    steps: Any = np.ptp(moments) / schema.step if len(moments) else 0
    if steps > MOST_STEPS * len(frame) + 1000:
        raise DataError(
            f"From the first to the last {time.name} there are {steps:,.0f} steps, but {len(frame):,} rows. Look for a "
            "wrong date, or take the rows as steps in their order (step_unit: rows)."
        )
