"""The schema of a series as it seems to be: its time, its steps, what is forecast, and how far."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainers.data.base import DataError
from trainers.data.own.kind import Wishes
from trainers.data.own.kinds.series.preparing import check_span
from trainers.data.own.kinds.series.schema import Cycle, SeriesColumn, SeriesSchema, Unit, is_part_of_time
from trainers.data.own.kinds.series.steps import at_equal_steps, carried_on, moments_of, moments_of_rows, part_of_date
from trainers.data.own.kinds.table.looking.types import ONE_HOT, guess_column, retyped
from trainers.data.own.kinds.table.schema import TYPES
from trainers.data.own.reading.table import RawTable
from trainers.data.own.schema import Splitting
from trainers.tasks import TASKS

FEWEST = 12  # rows of a series
FEWEST_COUNTED = 24  # rows, where the time is not one of the calendar
USUAL = 0.7  # of the steps are equally long, where a series has gaps such as weekends
REGULAR = 0.9  # of the steps are equally long, or several of them together
ODD_DATES = {"month of a numbered year": r"\d{1,4}-(?:0?[1-9]|1[0-2])", "quarter": r"\d{4}[- ]?[Qq][1-4]"}
YEARS = "year and fraction"
TARGETS = tuple(  # names of what is forecast, the surest first
    re.compile(rf"^({names})$", re.I)
    for names in (
        "y|target",
        "sales|demand|price|close|count|cnt|load|ot|pm2\\.5",
        "passengers|visitors|consumption|value|values|temp|temperature",
    )
)
FLAGS = re.compile(r"holiday|weekend|workday|working|weekday|promo|open|closed|event|school|is_?day", re.I)
CALLED_CLASS = re.compile(r"^(target|label|labels|class|classes|y|outcome|diagnosis|species|churn|fraud)$", re.I)
CALLED_PART = {  # columns that say a part of the time, with its least and its greatest value
    "year": (re.compile(r"^(year|yr|yyyy)s?$", re.I), 1500, 2200),
    "quarter": (re.compile(r"^(quarter|qtr|q)$", re.I), 1, 4),
    "month": (re.compile(r"^(month|mon|mm|mnth)s?$", re.I), 1, 12),
    "day": (re.compile(r"^(day|dd|dom|day_of_month|mday)$", re.I), 1, 31),
    "hour": (re.compile(r"^(hour|hr|hh|h)s?$", re.I), 0, 24),
    "minute": (re.compile(r"^(minute|min|mi)s?$", re.I), 0, 59),
}
CALLED_TIME = re.compile(r"^(time|t|date|datetime|timestamp|year|month|week|day|hour|step|period)s?$", re.I)
# so many steps are forecast where a step is that long, in seconds or months
HORIZONS = ((60.0, 30, "half an hour"), (3600.0, 24, "a day"), (86_400.0, 7, "a week"), (604_800.0, 4, "four weeks"))
SECONDS: dict[Cycle, float] = {"day": 86_400.0, "week": 604_800.0, "year": 31_556_952.0}
NAMES = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", 86_400.0: "a day", 604_800.0: "a week"}
LONGEST = 400  # steps of a window that is guessed
FIRST = 40  # columns of a table that are looked at to see whether it is a series
ENOUGH = 3  # cycles that the data must have, so that the training part has two


class Steps(NamedTuple):
    """How long a step is, and what says so."""

    unit: Unit
    length: float
    reason: str


def says_series(frame: pd.DataFrame) -> str:
    """What says that the first rows of a table are a series; empty: nothing does."""
    if len(frame) < FEWEST or len(frame.columns) < 2:
        return ""
    names = frame.columns[:FIRST]
    guessed = {name: guess_column(str(name), frame[name]) for name in names}
    times = find_times(frame, list(guessed.values()))
    if not times:
        return ""
    moments = _moments(frame, times, "seconds")
    if np.isfinite(moments).mean() < REGULAR or not _runs(moments):
        return ""
    steps = find_steps(frame, times)
    others = [column for column in guessed.values() if column.name not in {time.name for time in times}]
    counted = [column for column in others if not _counts(column, frame[column.name])]
    if not any(column.type == "number" for column in counted):
        return ""
    if any(column.type in ("category", "yes_no") and CALLED_CLASS.match(column.name) for column in others):
        return ""  # rows of classes, which happen to be in time
    if others[-1].type == "yes_no" and not FLAGS.search(others[-1].name):
        return ""  # the last column is probably what each row is
    named = " and ".join(time.name for time in times[:3])
    if _dated(times):
        if steps.unit != "rows":
            return f"{named} holds dates at equal steps ({steps.reason}), and there are numbers to forecast."
        if _usual_step(moments) < USUAL:
            return ""
        return f"{named} holds dates in order, most of them at equal steps, and there are numbers to forecast."
    if steps.unit == "rows" or len(frame) < FEWEST_COUNTED or any(column.type != "number" for column in counted):
        return ""
    return f"{named} is called like a time and goes on at equal steps, and there are numbers to forecast."


def _dated(times: list[SeriesColumn]) -> bool:
    """Whether the time is one of the calendar, and not only counted."""
    return any(time.type == "date" or time.date_format for time in times)


def _moments(frame: pd.DataFrame, times: list[SeriesColumn], unit: Unit) -> NDArray[np.float64]:
    return moments_of_rows(frame, [time.model_dump() for time in times], unit)


def _usual_step(moments: NDArray[np.float64]) -> float:
    """The share of rows that are as far from the row before as most are, as of the days on which a market is open."""
    apart = np.abs(np.diff(moments[np.isfinite(moments)]))
    return float(np.unique(apart, return_counts=True)[1].max() / len(apart)) if len(apart) else 0.0


def _counts(column: Any, cells: pd.Series) -> bool:
    """Whether a column only numbers the rows."""
    values = moments_of(cells, column.model_dump(), "numbers") if column.type == "number" else np.zeros(0)
    return len(values) > 1 and bool(np.isfinite(values).all()) and np.ptp(np.diff(values)) == 0


def _runs(moments: NDArray[np.float64]) -> bool:
    """Whether time goes on from row to row, or back from row to row, and hardly ever stands still."""
    known = np.diff(moments[np.isfinite(moments)])
    return len(known) > 0 and max(float((known > 0).mean()), float((known < 0).mean())) >= 0.98


def find_times(frame: pd.DataFrame, columns: list[Any]) -> list[SeriesColumn]:
    """The columns that say when: one, or several together, such as a date and an hour, or a year and a month."""
    time = find_time(frame, columns)
    single = [time] if time is not None else []
    if time is not None and time.type == "date" and not is_part_of_time(time.date_format):
        if _runs(_moments(frame, single, "seconds")):
            return single
        clocks = [column for column in columns if column.type == "date" and is_part_of_time(column.date_format)]
        together = [time, *map(_time, clocks[:1])]
        together += [] if clocks else _parts(frame, columns, ("hour", "minute"))
        return together if len(together) > 1 and _runs(_moments(frame, together, "seconds")) else single
    parts = _parts(frame, columns, tuple(CALLED_PART))
    if len(parts) > 1 and parts[0].date_format == "year" and _runs(_moments(frame, parts, "seconds")):
        return parts
    return single


def _parts(frame: pd.DataFrame, columns: list[Any], wanted: tuple[str, ...]) -> list[SeriesColumn]:
    """The columns that are called like a part of the time and hold such parts: the year first, one for each part."""
    found = []
    for part in wanted:
        pattern, low, high = CALLED_PART[part]
        for column in columns:
            if not pattern.fullmatch(column.name.strip()):
                continue
            values = part_of_date(frame[column.name], part, column.notation.model_dump())
            if np.isfinite(values).all() and ((values >= low) & (values <= high) & (values == np.rint(values))).all():
                plain = column.model_copy(update={"type": "number", "encoding": "standardise", "categories": ()})
                plain = plain.model_copy(update={"missing": "median", "date_format": part})
                found.append(_series_column(plain, "time", f"Its name and its cells say that it is the {part}."))
                break
    return found


def find_time(frame: pd.DataFrame, columns: list[Any]) -> SeriesColumn | None:
    """The column that says when: dates, odd dates, or a number that counts and is called like a time."""
    dates = [column for column in columns if column.type == "date" and not is_part_of_time(column.date_format)]
    if dates:
        time = next((date for date in dates if _runs(_moments(frame, [_time(date)], "seconds"))), dates[0])
        return _time(time)
    for column in columns:
        cells = frame[column.name]
        if not pd.api.types.is_numeric_dtype(cells) and len(known := cells.dropna().astype("str").str.strip()):
            for form, pattern in ODD_DATES.items():
                if known.str.fullmatch(pattern).all():
                    odd = _odd_date(column, form, f"Its cells are of the form {known.iloc[0]!r}: {form}.")
                    if _runs(_moments(frame.loc[known.index], [odd], "months")):
                        return odd
    for column in columns:
        if column.type == "number" and CALLED_TIME.fullmatch(column.name.strip()):
            moments = moments_of(frame[column.name], column.model_dump(), "numbers")
            if np.isfinite(moments).all() and _runs(moments):
                if _months_as_fractions(moments):
                    return _odd_date(column, YEARS, f"Its numbers are years and parts of them, as {moments[1]:g}.")
                return _series_column(column, "time", "It is called like a time, and counts.")
    return next((_time(column) for column in columns if column.type == "date"), None)


def _months_as_fractions(moments: NDArray[np.float64]) -> bool:
    """Whether numbers are years with their fractions, a month or some months apart, as 1949.083."""
    months = 12 * moments
    whole = np.abs(months - np.rint(months)) < 0.05
    within = bool(((moments > 1500) & (moments < 2200)).all())
    return within and bool(
        whole.all() and (moments != np.rint(moments)).any() and (np.diff(np.rint(months)) != 0).all()
    )


def _odd_date(column: Any, form: str, reason: str) -> SeriesColumn:
    as_date = {"type": "date", "encoding": "cyclic", "missing": "median", "categories": (), "date_format": form}
    return _series_column(column.model_copy(update=as_date), "time", reason)


def _time(column: Any) -> SeriesColumn:
    return _series_column(column, "time", column.type_reason)


def _series_column(column: Any, role: Any, reason: str) -> SeriesColumn:
    return SeriesColumn(**{**column.model_dump(), "role": role, "role_reason": reason})


def find_steps(frame: pd.DataFrame, times: list[SeriesColumn]) -> Steps:
    """How long a step is: the most frequent distance in time, if the others are several of it."""
    if not times:
        return Steps("rows", 1.0, "no column says the time, so the rows are in their order")
    odd = times[0].date_format in (*ODD_DATES, YEARS)
    for unit in _units(times, odd):
        moments = np.unique(_moments(frame, times, unit))
        moments = moments[np.isfinite(moments)]
        if unit == "months" and not odd and not _monthly(frame, times, len(moments)):
            continue
        apart = np.diff(moments)
        if not len(apart):
            continue
        lengths, counts = np.unique(np.round(apart, 6), return_counts=True)
        step = float(lengths[counts.argmax()])
        several = np.abs(apart / step - np.rint(apart / step)) < 0.01
        empty = moments[-1] / step - moments[0] / step + 1 - len(moments)
        if several.mean() >= REGULAR and empty <= 0.25 * len(moments):
            return Steps(unit, step, f"a step is {_length(unit, step)}")
    return Steps("rows", 1.0, "the time between rows differs, so each row is a step")


def _units(times: list[SeriesColumn], odd: bool) -> tuple[Unit, ...]:
    if odd:
        return ("months",)
    return ("months", "seconds") if _dated(times) else ("numbers",)


def _monthly(frame: pd.DataFrame, times: list[SeriesColumn], months: int) -> bool:
    """Whether there is a row a month, or fewer."""
    days = _moments(frame, times, "seconds")
    different = len(np.unique(days[np.isfinite(days)]))
    return different == months and different > 1


def _length(unit: Unit, step: float) -> str:
    if unit == "months":
        return {1.0: "a month", 3.0: "a quarter of a year", 12.0: "a year"}.get(step, f"{step:g} months")
    if unit == "numbers":
        return f"{step:g}"
    if step in NAMES:
        return NAMES[step]
    size, name = next(
        ((s, n) for s, n in ((86_400, "days"), (3600, "hours"), (60, "minutes")) if step % s == 0), (1, "seconds")
    )
    return f"{step / size:g} {name}"


def look(table: RawTable, wishes: Wishes) -> SeriesSchema:
    """The schema of a series as it seems to be, with what the user has chosen. DataError: it is none."""
    frame = table.frame
    if len(frame) < 3:
        raise DataError(f"It has {len(frame)} rows; a series needs at least 3.")
    if wishes.split not in (None, "time"):
        raise DataError("A series is split in time: the first steps train, the last ones test.")
    columns = _columns(frame, table, wishes)
    steps = find_steps(frame, [column for column in columns if column.role == "time"])
    task = next(name for name, each in TASKS.items() if each.continues == "series")
    schema = SeriesSchema(
        columns=tuple(columns),
        task=task,
        task_reason="The next steps of a series are forecast.",
        splitting=Splitting(how="time", reason="The first steps train, the last ones test."),
        step_unit=steps.unit,
        step=steps.length,
        step_reason=steps.reason[:1].upper() + steps.reason[1:] + ".",
    )
    if not schema.of_role("target"):
        raise DataError("It has no column of numbers, so there is nothing to forecast.")
    check_span(frame, schema)
    schema = with_windows(schema, frame)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in wishes.settings.items()}
    found: SeriesSchema = schema.with_fields(**given) if given else schema
    return found


def _columns(frame: pd.DataFrame, table: RawTable, wishes: Wishes) -> list[SeriesColumn]:
    """The columns with their roles."""
    european = "semicolon" in table.found.get("delimiter", "")
    plain = [guess_column(str(name), frame[name], european) for name in frame.columns]
    for place, column in enumerate(plain):
        if (wanted := wishes.types.get(column.name)) is not None:
            if wanted not in TYPES:
                raise DataError(f"There is no type {wanted!r} for {column.name}. The types are: {', '.join(TYPES)}.")
            plain[place] = retyped(column, wanted, frame[column.name])
    chosen = {name for name, role in wishes.roles.items() if role == "time"}
    times = {time.name: time for time in find_times(frame, [c for c in plain if not chosen or c.name in chosen])}
    columns = [times.get(column.name) or _role(column, frame[column.name]) for column in plain]
    schema = SeriesSchema(columns=tuple(columns))
    for name, role in wishes.roles.items():
        schema = schema.with_role(name, role)
    if wishes.target is not None:
        schema = schema.with_role(wishes.target, "target")
    if schema.of_role("target"):
        return list(schema.columns)
    numbers = [
        c
        for role in ("input", "ignored")  # a column that only counts is forecast where there is no other
        for c in schema.columns
        if c.role == role and c.type == "number" and c.name not in wishes.roles and frame[c.name].notna().any()
    ]
    numbers = [c for c in numbers if c.role == "input"] or numbers
    if not numbers:
        return list(schema.columns)
    named = next((c for names in TARGETS for c in numbers if names.fullmatch(c.name.strip())), None)
    target = named or numbers[-1]
    reason = "Its name says so." if named else "It is the last column of numbers."
    reason = "It is the only column of numbers." if len(numbers) == 1 else reason
    return [
        c.model_copy(update={"role": "target", "role_reason": reason}) if c.name == target.name else c
        for c in schema.columns
    ]


def _role(column: Any, cells: pd.Series) -> SeriesColumn:
    """An input, or ignored, for what it is not."""
    if column.type == "number":
        values = moments_of(cells, column.model_dump(), "numbers")
        known = values[np.isfinite(values)]
        if not len(known) or np.ptp(known) == 0:
            return _series_column(column, "ignored", "It is always the same." if len(known) else "It is empty.")
        if len(known) == len(cells) > 3 and np.ptp(np.diff(known)) == 0:
            return _series_column(column, "ignored", "It only counts the rows.")
        return _series_column(column, "input", "")
    if column.type == "yes_no" or (column.type == "category" and 2 <= len(column.categories) <= ONE_HOT):
        encoding = "one_hot" if column.type == "category" else column.encoding
        return _series_column(column.model_copy(update={"encoding": encoding}), "input", "")
    return _series_column(column, "ignored", "Only numbers, yes or no, and a few categories are used of a series.")


def possible_cycles(unit: Unit, step: float, steps: int = 10**9) -> tuple[Cycle, ...]:
    """The cycles of the calendar of which a step is a part, and of which there are enough."""
    if unit == "months":
        return ("year",) if step < 12 and steps * step >= 12 * ENOUGH else ()
    if unit != "seconds":
        return ()
    return tuple(cycle for cycle, length in SECONDS.items() if length >= 2 * step and steps * step >= ENOUGH * length)


def with_windows(schema: SeriesSchema, frame: pd.DataFrame) -> SeriesSchema:
    """The schema with a window, a horizon, a season and what the calendar says, as they suit its steps."""
    columns = [column.model_dump() for column in schema.columns]
    values = carried_on(at_equal_steps(frame, columns, schema.step_unit, schema.step)[0])
    count = len(values)
    horizon, meant = _horizon(schema.step_unit, schema.step)
    limit = max(1, count // 40)
    why = f"The next {horizon} steps are {meant}." if meant else "It is a usual number of steps."
    if horizon > limit:
        horizon, why = limit, f"The series has only {count:,} steps."
    cycles = possible_cycles(schema.step_unit, schema.step, count)
    season, season_why = _season(values[: max(2, round(0.7 * count)), 0], schema, horizon)
    longest = max(2, min(LONGEST, count // 12))
    window = min(longest, max(2 * season if 2 * season <= longest else season, 4 * horizon, 8))
    window_why = (
        f"Two seasons of {season} steps." if window == 2 * season > 2 else "At least four times those it forecasts."
    )
    window_why = f"The series has only {count:,} steps." if window == longest < 4 * horizon else window_why
    found: SeriesSchema = schema.with_fields(
        window=window,
        window_reason=window_why,
        horizon=horizon,
        horizon_reason=why,
        season=min(season, window),
        season_reason=season_why,
        cycles=cycles,
        cycles_reason=f"The time of the {' and the '.join(cycles)} is known in advance." if cycles else "",
    )
    return found


def _horizon(unit: Unit, step: float) -> tuple[int, str]:
    if unit == "months":
        return (12, "a year") if step == 1 else (4, "") if step < 12 else (3, "")
    if unit == "seconds":
        return next(((count, meant) for length, count, meant in HORIZONS if step <= length), (4, ""))
    return 5, ""


def _season(values: NDArray[np.float64], schema: SeriesSchema, horizon: int) -> tuple[int, str]:
    """After how many steps a series repeats itself: the cycle that forecasts its first part best; 1: none."""
    cycles = [12.0] if schema.step_unit == "months" else list(SECONDS.values()) if schema.step_unit == "seconds" else []
    lengths = {round(cycle / schema.step) for cycle in cycles}
    longest = min(LONGEST, len(values) // 4)

    def error(season: int) -> float:
        ahead = range(1, horizon + 1)
        lags = [h if season == 1 else season * -(-h // season) for h in ahead]
        return float(np.mean([np.abs(values[lag:] - values[:-lag]).mean() for lag in lags if lag < len(values)]))

    errors = {season: error(season) for season in sorted({1, *lengths}) if season == 1 or 2 <= season <= longest}
    best = min(errors, key=lambda season: errors[season])
    if best == 1:
        return 1, "Repeating the last value forecasts better than repeating a day, a week or a year."
    return best, f"Repeating the last {best} steps forecasts better than repeating the last one."
