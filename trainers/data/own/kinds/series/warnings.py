"""What looks wrong in a series before anything is trained on it: one class for each kind of trouble."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.keeping import Named
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.steps import at_equal_steps, moments_of_rows
from trainers.data.own.kinds.table.cell_values import words_of
from trainers.data.own.reading.table import LOST, RawTable
from trainers.data.own.report import DataWarning
from trainers.tasks.target import plural

FEW = 100  # samples
LONG_GAP = 10  # steps


@dataclass(frozen=True)
class Series:
    """What checks look at: the rows as they stand in the file, the schema, and the steps."""

    raw: RawTable
    schema: SeriesSchema
    steps: Named

    @functools.cached_property
    def moments(self) -> NDArray[np.float64]:
        """When each row was, in the unit of the steps."""
        columns = [column.model_dump() for column in self.schema.columns]
        return moments_of_rows(self.raw.frame, columns, self.schema.step_unit)


class SeriesCheck:
    """One kind of trouble. The docstring says what, why it hurts, and what to do."""

    code: ClassVar[str]

    def find(self, series: Series) -> Iterator[DataWarning]:
        """A warning for each place where the series has it."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")

    def warn(self, message: str, column: str | None = None, fix: Any = None, fix_label: str = "") -> DataWarning:
        """A warning of this check."""
        return DataWarning(self.code, column, message, fix, fix_label)


class BytesWithoutCharacter(SeriesCheck):
    """Some bytes of the file stand for no character in the encoding that it is read in. Cells with them are not what
    was written, and the encoding may be another one."""

    code: ClassVar[str] = "D308"

    def find(self, series: Series) -> Iterator[DataWarning]:
        if lost := series.raw.found.get(LOST):
            yield self.warn(f"{lost} Choose another encoding, or correct the file.")


class GapsInTime(SeriesCheck):
    """Steps are missing between the first and the last row. The last known values stand for them as inputs; no sample
    has them as its target."""

    code: ClassVar[str] = "D301"

    def find(self, series: Series) -> Iterator[DataWarning]:
        time = series.schema.time
        if time is None or series.schema.step_unit == "rows":
            return
        moments = series.moments
        there = np.unique(np.rint((moments[np.isfinite(moments)] - np.nanmin(moments)) / series.schema.step))
        if missing := len(series.steps["values"]) - len(there):
            longest = int(np.diff(there).max()) - 1
            more = f" The longest gap has {longest:,}." if longest >= LONG_GAP else ""
            yield self.warn(
                f"misses {plural(missing, 'step', 'steps')} between its first and its last row.{more} The last known "
                "values stand for them as inputs, and no sample has them to forecast.",
                time.name,
            )


class ValuesAreMissing(SeriesCheck):
    """Cells are empty, or hold no number. The last known value stands for them as inputs; no sample has them as its
    target."""

    code: ClassVar[str] = "D302"

    def find(self, series: Series) -> Iterator[DataWarning]:
        for column in series.schema.of_role("target", "input", "known"):
            if column.type != "number":
                continue
            alone = [{**column.model_dump(), "role": "target"}]
            cells = series.raw.frame[column.name]
            missing = ~np.isfinite(at_equal_steps(series.raw.frame, alone, "rows", 1.0)[0][:, 0])
            if count := int(missing.sum()):
                odd = words_of(cells[missing]).dropna().unique()[:3]
                shown = f" ({', '.join(repr(str(value)[:20]) for value in odd)})" if len(odd) else ""
                yield self.warn(f"has {plural(count, 'cell', 'cells')} without a number{shown}.", column.name)


class SameMomentTwice(SeriesCheck):
    """Several rows are of the same moment. The last of them counts. If the file holds several series below one
    another, give each its own columns, or take it for a table."""

    code: ClassVar[str] = "D303"

    def find(self, series: Series) -> Iterator[DataWarning]:
        time = series.schema.time
        if time is None:
            return
        moments = series.moments
        known = moments[np.isfinite(moments)]
        if lost := len(moments) - len(known):
            yield self.warn(f"is no time in {plural(lost, 'row', 'rows')}, which are left out.", time.name)
        if twice := len(known) - len(np.unique(known)):
            counts = "the last of them counts" if series.schema.step_unit != "rows" else "each is a step"
            several = self.apart(series, moments)
            yield self.warn(
                f"is the same in {plural(twice, 'row', 'rows')} as in another one; {counts}.{several}", time.name
            )

    def apart(self, series: Series, moments: NDArray[np.float64]) -> str:
        """The column whose values are series of their own, in words; empty: there is none."""
        for column in series.schema.columns:
            cells = words_of(series.raw.frame[column.name])
            pairs = np.unique(np.stack([moments, cells.factorize()[0]]), axis=1)
            if column.role != "time" and 1 < cells.nunique() <= len(cells) // 2 and pairs.shape[1] == len(moments):
                count = f"Each of the {cells.nunique():,} values of {column.name} is a series of its own"
                return f" {count}: bring the rows of one of them, or take it for a table (kind table)."
        return ""


class UnequalSteps(SeriesCheck):
    """The time between rows differs. Each row is a step, so a step may be an hour here and a day there."""

    code: ClassVar[str] = "D304"

    def find(self, series: Series) -> Iterator[DataWarning]:
        if series.schema.time is not None and series.schema.step_unit == "rows":
            yield self.warn(
                "has no equal steps. Each row is taken for a step, in the order of time.", series.schema.time.name
            )


class FewWindows(SeriesCheck):
    """The series gives few samples. A shorter window and a shorter horizon give more."""

    code: ClassVar[str] = "D305"

    def find(self, series: Series) -> Iterator[DataWarning]:
        schema, count = series.schema, len(series.steps["starts"])
        if count >= FEW:
            return
        smaller = {"window": max(1, schema.window // 2), "horizon": max(1, schema.horizon // 2), "stride": 1}
        helps = smaller != {key: getattr(schema, key) for key in smaller}
        fix = schema.with_fields(**smaller, window_reason="", horizon_reason="") if helps else None
        label = f"See {smaller['window']} steps and forecast {smaller['horizon']}" if helps else ""
        yield self.warn(f"There are only {count} samples: a score on so few says little.", None, fix, label)


class NothingToForecast(SeriesCheck):
    """What is to be forecast hardly ever changes, so repeating the last value is right nearly always."""

    code: ClassVar[str] = "D306"

    def find(self, series: Series) -> Iterator[DataWarning]:
        for place, column in enumerate(series.schema.of_role("target")):
            values = series.steps["values"][:, place]
            if len(values) > 1 and float((np.diff(values) == 0).mean()) > 0.95:
                yield self.warn("hardly ever changes, so there is little to forecast.", column.name)


class FarFromOthers(SeriesCheck):
    """A few values lie far from all others: a slip of the pen, or a sensor that failed. They stretch the scale."""

    code: ClassVar[str] = "D307"

    def find(self, series: Series) -> Iterator[DataWarning]:
        for place, column in enumerate(series.schema.of_role("target")):
            values = series.steps["values"][series.steps["known"][:, place], place]
            if len(values) < FEW:
                continue
            low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
            far = values[np.abs(values - middle) > 12 * (high - low)]
            if high > low and 0 < len(far) <= max(1, 0.01 * len(values)):
                shown = far[np.abs(far - middle).argmax()]
                yield self.warn(
                    f"has {plural(len(far), 'value', 'values')} far from all others, such as {shown:,.6g}; half of "
                    f"them lie from {low:,.4g} to {high:,.4g}.",
                    column.name,
                )


@functools.cache
def series_checks() -> tuple[SeriesCheck, ...]:
    """One of each, in the order of their codes."""
    return tuple(kind() for kind in sorted(SeriesCheck.__subclasses__(), key=lambda kind: kind.code))


def look_for_trouble(series: Series) -> list[DataWarning]:
    """All that the checks find, in the order of their codes."""
    return [warning for check in series_checks() for warning in check.find(series)]
