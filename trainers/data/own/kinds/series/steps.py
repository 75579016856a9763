"""What a schema does to the rows of a series: values at equal steps in time, and windows of them.

The functions stand on their own, with those of a table's cells: training, new rows and the exported train.py use the
same ones. They take columns as dictionaries, as they are in schema.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.data.own.kinds.table.cell_values import dates_of, numbers_of, words_of
from trainers.data.own.kinds.table.encoding import dates_per_second, encode_column

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def moments_of(cells: pd.Series, column: dict[str, Any], unit: str) -> NDArray[np.float64]:
    """When each row was: in seconds since 1970, in months since the year 0, or as it is counted; NaN: unknown.

    A month of a numbered year is written "1-01", a quarter "2020Q1" or "2020-Q1", a year with its fraction 1949.083.
    """
    import numpy as np
    import pandas as pd

    if column["date_format"] in ("month of a numbered year", "quarter"):
        quarters = column["date_format"] == "quarter"
        pattern = r"^(\d{4})[- ]?[Qq]([1-4])$" if quarters else r"^(\d{1,4})-(\d{1,2})$"
        found = words_of(cells).str.extract(pattern).apply(pd.to_numeric).to_numpy("float64")
        months = found[:, 0] * 12 + (found[:, 1] - 1) * (3 if quarters else 1)
        return np.where(found[:, 1] <= 12, months, np.nan)
    if column["date_format"] == "year and fraction":
        return np.rint(12 * numbers_of(cells, **column["notation"]))
    if column["type"] != "date":
        return numbers_of(cells, **column["notation"])
    dates = dates_of(cells, column["date_format"])
    if unit == "months":
        return np.asarray(dates.year * 12 + dates.month - 1, "float64")
    return np.where(dates.isna(), np.nan, dates.asi8 / dates_per_second(dates))


def moments_of_rows(frame: pd.DataFrame, columns: list[dict[str, Any]], unit: str) -> NDArray[np.float64]:
    """When each row was, as `moments_of` says it, by the columns of the role "time".

    Several say it together: a date and a time of day, or the year, the month, the day, the hour.
    """
    import numpy as np

    times = [column for column in columns if column["role"] == "time"]
    if len(times) == 1:
        return moments_of(frame[times[0]["name"]], times[0], unit)
    named = ("year", "quarter", "month", "day", "hour", "minute", "second")
    parts: dict[str, NDArray[np.float64]] = {"month": np.ones(len(frame)), "day": np.ones(len(frame))}
    moments = clock = np.zeros(len(frame))
    for column in times:
        cells, part = frame[column["name"]], column["date_format"]
        if part in named:
            parts[part] = part_of_date(cells, part, column["notation"])
        elif part.startswith(("%H", "%I")):
            clock = moments_of(cells, column, "seconds") % 86_400
        else:
            moments = moments_of(cells, column, unit)
    if "year" in parts:
        month = 3 * parts["quarter"] - 2 if "quarter" in parts else parts["month"]
        moments = np.where((month >= 1) & (month <= 12), parts["year"] * 12 + month - 1, np.nan)
        if unit == "months":
            return moments
        known = np.isfinite(moments)
        first = (
            (np.where(known, moments, 0) - 1970 * 12).astype("int64").astype("datetime64[M]").astype("datetime64[D]")
        )
        moments = np.where(known, 86_400 * (first.astype("int64") + parts["day"] - 1), np.nan)
    for part, seconds in (("hour", 3600), ("minute", 60), ("second", 1)):
        clock = clock + seconds * parts.get(part, 0.0)
    return moments if unit == "months" else moments + clock


def part_of_date(cells: pd.Series, part: str, notation: dict[str, str]) -> NDArray[np.float64]:
    """The year, the month (a number, or its English name), the day, … of each row; NaN: unknown."""
    import pandas as pd

    if part == "month" and not pd.api.types.is_numeric_dtype(cells):
        named = dates_of(words_of(cells).str[:3], "%b").month.to_numpy("float64")
        if not pd.isna(named).all():
            return named
    return numbers_of(cells, **notation)


def at_equal_steps(
    frame: pd.DataFrame, columns: list[dict[str, Any]], unit: str, step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of the used columns, (steps, features), NaN where the file has none; and the moment of each step.

    The columns to forecast come first, then those that are seen, then those that are known in advance. Of two rows of
    the same moment the later one counts. With `unit` "rows" each row is a step, in the order of time.
    """
    import numpy as np

    parts = []
    for role in ("target", "input", "known"):
        for column in columns:
            if column["role"] == role:
                cells, plain = frame[column["name"]], {**column, "may_be_missing": False}
                values = encode_column(cells, plain)
                if column["type"] == "category":
                    values = np.where(words_of(cells).isna().to_numpy()[:, None], np.nan, values)
                parts.append(values)
    rows = np.concatenate(parts, axis=1)
    if not any(column["role"] == "time" for column in columns):
        return rows, np.arange(len(rows), dtype="float64")
    moments = moments_of_rows(frame, columns, unit)
    rows, moments = rows[np.isfinite(moments)], moments[np.isfinite(moments)]
    order = np.argsort(moments, kind="stable")
    rows, moments = rows[order], moments[order]
    if unit == "rows" or not len(rows):
        return rows, moments
    places = np.rint((moments - moments[0]) / step).astype("int64")
    steps = np.full((places[-1] + 1, rows.shape[1]), np.nan)
    steps[places] = rows
    return steps, moments[0] + step * np.arange(len(steps))


def carried_on(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in which the last known one stands for those that are missing after it: nothing of the future is used.

    At the start of a column, before anything is known, it is the first known one; 0 in an empty column.
    """
    import numpy as np

    if not len(values):
        return values
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    last = np.where(last < 0, known.argmax(axis=0), last)
    return np.nan_to_num(np.take_along_axis(values, last, axis=0), nan=0.0)


def calendar_of(moments: NDArray[np.float64], unit: str, cycles: tuple[str, ...]) -> NDArray[np.float64]:
    """Sine and cosine of the place of each moment in the day, the week, the year: (steps, 2 for each cycle)."""
    import numpy as np

    seconds = {"day": 86_400.0, "week": 604_800.0, "year": 31_556_952.0}
    parts = []
    for cycle in cycles:
        angle = 2 * np.pi * moments / (12.0 if unit == "months" else seconds[cycle])
        parts += [np.sin(angle), np.cos(angle)]
    return np.stack(parts, axis=1) if parts else np.zeros((len(moments), 0))


def starts_of(known: NDArray[np.bool_], window: int, horizon: int, stride: int) -> NDArray[np.int64]:
    """The first steps of the samples whose targets, (steps, targets), are all known."""
    import numpy as np

    count = len(known) - window - horizon + 1
    if count < 1:
        return np.zeros(0, "int64")
    whole = np.concatenate([[0], np.cumsum(known.all(axis=1))])
    ahead = whole[window + horizon :] - whole[window : window + count]
    starts = np.arange(0, count, stride)
    found: NDArray[np.int64] = starts[ahead[starts] == horizon]
    return found


def windows_of(
    values: NDArray[np.float32],
    starts: NDArray[np.int64],
    lengths: tuple[int, int],
    targets: int,
    seen: int,
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """The samples: the past (N, window, seen), what is known in advance (N, horizon, known), and the targets.

    `values`, (steps, columns): first `seen` columns whose past the network sees, of which the first `targets` are
    forecast; then the others that are known in advance. `lengths`: of the window and of the horizon. All are views,
    where samples are at equal distances.
    """
    import numpy as np

    window, horizon = lengths
    whole = np.lib.stride_tricks.sliding_window_view(values, window + horizon, axis=0, subok=True).transpose(0, 2, 1)
    steps = np.diff(starts)
    regular = len(steps) > 0 and bool((steps == steps[0]).all())
    some = whole[starts[0] : starts[-1] + 1 : steps[0]] if regular else whole[starts]
    inputs = [some[:, :window, :seen]]
    if seen < values.shape[1]:
        inputs.append(some[:, window:, seen:])
    return inputs, some[:, window:, :targets]


def encoded_series(
    frame: pd.DataFrame, columns: list[dict[str, Any]], unit: str, step: float, cycles: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """The steps of a series, (steps, columns) as `windows_of` takes them; which targets the file has; their moments.

    Columns that are known in advance stand there twice: their past is seen, too.
    """
    import numpy as np

    raw, moments = at_equal_steps(frame, columns, unit, step)
    width = {"target": 0, "input": 0, "known": 0}
    for column in columns:
        if column["role"] in width:
            width[column["role"]] += len(column["categories"]) if column["type"] == "category" else 1
    filled = carried_on(raw)
    known = filled[:, filled.shape[1] - width["known"] :]
    whole = np.concatenate([filled, known, calendar_of(moments, unit, cycles)], axis=1)
    return whole.astype("float32"), np.isfinite(raw[:, : width["target"]]), moments


def check_span(frame: pd.DataFrame, columns: list[dict[str, Any]], unit: str, step: float) -> None:
    """ValueError: from the first to the last row there are far more steps than rows."""
    import numpy as np

    time = next((column for column in columns if column["role"] == "time"), None)
    if time is None or unit == "rows":
        return
    moments = moments_of_rows(frame, columns, unit)
    moments = moments[np.isfinite(moments)]
    steps = np.ptp(moments) / step if len(moments) else 0
    if steps > 20 * len(frame) + 1000:
        raise ValueError(
            f"From the first to the last {time['name']} there are {steps:,.0f} steps, but {len(frame):,} rows. Look "
            "for a wrong date, or take the rows as steps in their order (step_unit: rows)."
        )


def last_window(
    frame: pd.DataFrame,
    columns: list[dict[str, Any]],
    unit: str,
    step: float,
    cycles: tuple[str, ...],
    window: int,
    horizon: int,
) -> tuple[list[NDArray[np.float32]], float]:
    """The last steps with values, (1, window, seen), and what is known in advance of the steps after them,
    (1, horizon, known), if anything is; and the moment of the last step.

    Where columns are known in advance, the rows end with as many as are forecast, without their targets.

    ValueError: there are too few rows.
    """  # fmt: skip
    import numpy as np

    check_span(frame, columns, unit, step)
    values, known, moments = encoded_series(frame, columns, unit, step, cycles)
    some = np.flatnonzero(known.any(axis=1))
    end = int(some[-1]) + 1 if len(some) else 0
    if end < window:
        raise ValueError(f"There are {end:,} steps with known values; the network sees {window:,}.")
    names = [column["name"] for column in columns if column["role"] == "known"]
    if names and len(values) < end + horizon:
        raise ValueError(
            f"The values of {', '.join(names)} are known in advance: add {end + horizon - len(values)} more rows with "
            "them, and leave the columns to forecast empty there."
        )
    seen = known_from(columns)
    later = values[end : end + horizon, seen : values.shape[1] - 2 * len(cycles)] if names else np.zeros((horizon, 0))
    ahead = moments[end - 1] + step * np.arange(1.0, horizon + 1)
    inputs = [values[None, end - window : end, :seen]]
    if names or cycles:
        known_ahead = np.concatenate([later, calendar_of(ahead, unit, cycles)], axis=1)
        inputs.append(known_ahead[None].astype("float32"))
    return inputs, float(moments[end - 1])


def known_from(columns: list[dict[str, Any]]) -> int:
    """How many numbers of each step the network sees; what is known in advance comes after them."""
    used = [column for column in columns if column["role"] in ("target", "input", "known")]
    return sum(len(column["categories"]) if column["type"] == "category" else 1 for column in used)
