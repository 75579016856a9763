"""Moments of a series in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.data.own.kinds.series.schema import SeriesSchema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def moment_words(moments: NDArray[np.float64], schema: SeriesSchema) -> list[str]:
    """Moments in words, as people write them."""
    return words_of_moments(moments, *written(schema))


def written(schema: SeriesSchema) -> tuple[str, bool, bool]:
    """How moments are written: the unit of steps; whether they are dates, and months of numbered years."""
    time = schema.time
    numbered = time is not None and time.date_format == "month of a numbered year"
    return schema.step_unit, schema.dated, numbered


def words_of_moments(moments: NDArray[Any], unit: str, dates: bool, numbered: bool) -> list[str]:
    """Moments in words: months, dates, or numbers. It stands on its own: predict.py has it, too."""
    if unit == "months":
        form = "year {}, month {}" if numbered else "{:04d}-{:02d}"
        return [form.format(int(moment) // 12, int(moment) % 12 + 1) for moment in moments]
    if dates:
        import pandas as pd

        found = pd.to_datetime(moments, unit="s")
        short = bool((found == found.normalize()).all())
        return [str(word) for word in found.strftime("%Y-%m-%d" if short else "%Y-%m-%d %H:%M")]
    return [f"{moment:g}" for moment in moments]


def words_ahead(last: float, horizon: int, step: float, unit: str, dates: bool, numbered: bool) -> list[str]:
    """The steps after the last one in words: their moments; of rows with dates, whose steps are unequal, their number.

    It stands on its own: predict.py has it, too.
    """
    import numpy as np

    if unit == "rows" and dates:
        word = words_of_moments(np.array([last]), unit, dates, numbered)[0]
        return [f"{number} after {word}" for number in range(1, horizon + 1)]
    return words_of_moments(last + step * np.arange(1.0, horizon + 1), unit, dates, numbered)
