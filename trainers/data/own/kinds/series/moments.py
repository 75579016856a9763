"""Moments of a series in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.kinds.series.schema import SeriesSchema


def moment_words(moments: NDArray[np.float64], schema: SeriesSchema) -> list[str]:
    """Moments in words, as people write them."""
    if schema.step_unit == "months":
        numbered = schema.time is not None and schema.time.date_format == "month of a numbered year"
        form = "year {}, month {}" if numbered else "{:04d}-{:02d}"
        return [form.format(int(moment) // 12, int(moment) % 12 + 1) for moment in moments]
    if schema.time is not None and schema.time.type == "date":
        import pandas as pd

        dates = pd.to_datetime(moments, unit="s")
        short = bool((dates == dates.normalize()).all())
        return [str(word) for word in dates.strftime("%Y-%m-%d" if short else "%Y-%m-%d %H:%M")]
    return [f"{moment:g}" for moment in moments]
