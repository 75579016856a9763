"""The schema of a series: which columns are forecast, which are seen, which are known in advance, and how far."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from builder.registry import did_you_mean
from trainers.data.base import DataError
from trainers.data.own.kinds.table.schema import Column
from trainers.data.own.schema import Schema

SeriesRole = Literal["target", "input", "known", "time", "ignored"]
ROLES: dict[SeriesRole, str] = {
    "target": "the network sees its past and forecasts it",
    "input": "the network sees its past",
    "known": "known in advance, such as a holiday: the network sees its past and its future",
    "time": "says when",
    "ignored": "not used",
}
FORECAST = ("number", "yes_no")  # types of columns that can be forecast
Unit = Literal["seconds", "months", "numbers", "rows"]
Cycle = Literal["day", "week", "year"]


PARTS = ("year", "quarter", "month", "day", "hour", "minute", "second")  # of the time, each in a column of its own


def is_part_of_time(date_format: str) -> bool:
    """Whether a column with cells of this format says a part of the time: the year, the hour, the time of day."""
    return date_format in PARTS or date_format.startswith(("%H", "%I"))


class SeriesColumn(Column):
    """One column of a series."""

    role: SeriesRole = "input"  # type: ignore[assignment]


class SeriesSchema(Schema):
    """A series: rows in time, at equal steps. `step` so many `unit`s are from one row to the next one."""

    unit: ClassVar[str] = "rows"

    kind: Literal["series"] = "series"
    columns: tuple[SeriesColumn, ...] = Field(min_length=1, max_length=10_000)
    step_unit: Unit = "rows"  # "rows": in their order, whatever the time between them
    step: float = Field(1.0, gt=0)
    window: int = Field(10, ge=1, le=100_000)
    horizon: int = Field(1, ge=1, le=10_000)
    stride: int = Field(1, ge=1, le=10_000)  # steps from the start of one sample to the start of the next
    season: int = Field(1, ge=1, le=100_000)  # steps: the naive forecast repeats the last so many
    cycles: tuple[Cycle, ...] = ()  # of the calendar, which the network knows in advance
    step_reason: str = Field("", max_length=500)
    window_reason: str = Field("", max_length=500)
    horizon_reason: str = Field("", max_length=500)
    season_reason: str = Field("", max_length=500)
    cycles_reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _columns_fit(self) -> SeriesSchema:
        if len({column.name for column in self.columns}) < len(self.columns):
            raise ValueError("Two columns have the same name.")
        times = [column.date_format for column in self.of_role("time")]
        if len(times) > 1 and sum(not is_part_of_time(given) for given in times) > ("year" not in times):
            raise ValueError("Only one column can say the time; choose another role for the other one first.")
        for column in self.of_role("target"):
            if column.type not in FORECAST:
                raise ValueError(f"{column.name} holds no numbers, so it cannot be forecast.")
        if self.cycles and self.step_unit not in ("seconds", "months"):
            raise ValueError("Without dates at equal steps nothing is known of the calendar.")
        return self

    def of_role(self, *roles: SeriesRole) -> tuple[SeriesColumn, ...]:
        """The columns with one of these roles, in the order of the roles."""
        return tuple(column for role in roles for column in self.columns if column.role == role)

    @property
    def dated(self) -> bool:
        """Whether the time is one of the calendar."""
        return any(column.type == "date" or column.date_format in PARTS for column in self.of_role("time"))

    @property
    def time(self) -> SeriesColumn | None:
        """The column that says when, or the first of those that say it together; None: the rows are in order."""
        return next(iter(self.of_role("time")), None)

    def column(self, name: str) -> SeriesColumn:
        """The column of this name. DataError: there is none; similar names are listed."""
        names = [column.name for column in self.columns]
        if name not in names:
            known = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
            raise DataError(f"There is no column {name!r}.{did_you_mean(name, names)} The columns are: {known}.")
        return self.columns[names.index(name)]

    def with_role(self, name: str, role: Any) -> SeriesSchema:
        """The schema with another role for a column, chosen by the user."""
        if role not in ROLES:
            raise DataError(f"There is no role {role!r} for {name} of a series. The roles are: {', '.join(ROLES)}.")
        chosen = self.column(name).model_copy(update={"role": role, "role_reason": ""})
        columns = tuple(chosen if column.name == name else column for column in self.columns)
        made: SeriesSchema = self.with_fields(columns=columns)
        return made

    @property
    def ready(self) -> str:
        if not self.of_role("target"):
            return "it has no column to forecast yet: choose one."
        return super().ready


SCHEMA = SeriesSchema
