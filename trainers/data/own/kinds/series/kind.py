"""Series: a table in time, whose next steps are forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainers.data.base import DataError, DataSet
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.kind import Looked, Match, OwnKind, Wishes
from trainers.data.own.kinds.series.data_set import series_data_set
from trainers.data.own.kinds.series.recommending import recommended
from trainers.data.own.kinds.series.schema import FORECAST, ROLES
from trainers.data.own.library import Stored
from trainers.data.own.reading import first_rows, reader_for, reader_named
from trainers.data.own.recommending import Recommended
from trainers.data.own.rereading import in_encoding

if TYPE_CHECKING:
    from trainers.data.own.report import Report
    from trainers.data.own.schema import Schema


def _work() -> Any:
    """What needs pandas, so that listing the kinds stays quick."""
    from trainers.data.own.kinds.series import report

    return report


class SeriesKind(OwnKind):
    """One file with a row for each step in time."""

    name: ClassVar[str] = "series"
    label: ClassVar[str] = "series"
    takes: ClassVar[str] = "A series: a table with a column of dates at equal steps, and numbers to forecast."

    def recognise(self, files: Files) -> Match | None:
        if files.only is None:
            return None
        try:
            frame = first_rows(files.only)
        except DataError:
            return None
        reason = _work().says_series(frame)
        return Match(0.7, reason) if reason else None

    def suits(self, files: Files, wishes: Wishes) -> bool:
        if wishes.task or not set(wishes.roles.values()) <= set(ROLES) or wishes.split not in (None, "time"):
            return False
        wanted = [name for name, role in wishes.roles.items() if role == "target"]
        wanted += [wishes.target] if wishes.target else []
        frame = first_rows(files.path(files.names[0]))
        return all(name not in frame or _work().guess_column(name, frame[name]).type in FORECAST for name in wanted)

    def look(self, files: Files, wishes: Wishes) -> Looked:
        if files.only is None:
            raise DataError("It is a folder; a series is one file.")
        wishes.only("target", "roles", "types", "split", "settings")
        reader = reader_for(files.only)
        table = reader.read(files.only)
        left_out = tuple(LeftOut(f"line {row.line}", row.reason) for row in table.left_out)
        return Looked(_work().look(table, wishes), len(table.frame), reader.name, left_out)

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        return series_data_set(name, stored)

    def report(self, stored: Stored) -> Report:
        found: Report = _work().report(
            reader_named(stored.source.reader, stored.schema.encoding).read(stored.data_file), stored.schema
        )
        return found

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        schema = stored.schema
        if key == "encoding":
            made: Schema = in_encoding(stored, value, _work().look)
            return made
        if key == "target":
            for column in schema.of_role("target"):
                schema = schema.with_role(column.name, "input")
            found: Schema = schema.with_role(value, "target")
            return found
        if key == "calendar":
            value = _work().possible_cycles(schema.step_unit, schema.step) if value else ()
            key = "cycles"
        return super().change(stored, key, value)

    def recommend(self, stored: Stored) -> Recommended:
        return recommended(stored)
