"""Tables: CSV and other text, spreadsheets, Parquet, JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from trainers.data.base import DataError, DataSet
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.kind import Looked, Match, OwnKind, Wishes
from trainers.data.own.kinds.table.baseline import table_baseline
from trainers.data.own.kinds.table.data_set import table_data_set
from trainers.data.own.kinds.table.examples import examples
from trainers.data.own.kinds.table.preparing import looked_at
from trainers.data.own.kinds.table.recommending import recommended
from trainers.data.own.kinds.table.schema import TYPES, TableSchema
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_for
from trainers.data.own.recommending import Recommended
from trainers.data.own.report import Baseline
from trainers.data.own.rereading import column_differences, in_encoding
from trainers.data.own.schema import Schema

if TYPE_CHECKING:
    from trainers.data.own.reading.table import RawTable
    from trainers.data.own.report import Example, Report


def _work() -> Any:
    """What needs pandas, so that listing the kinds stays quick."""
    from trainers.data.own.kinds.table import report

    return report


class TableKind(OwnKind):
    """One file with rows and columns."""

    name: ClassVar[str] = "table"
    label: ClassVar[str] = "table"
    takes: ClassVar[str] = (
        "A table: CSV and other text, Excel and OpenDocument sheets, Parquet, Feather, JSON, ARFF, Stata, SAS, numpy."
    )

    def recognise(self, files: Files) -> Match | None:
        if files.only is None:
            return None
        try:
            reader = reader_for(files.only)
        except DataError:
            return None
        return Match(0.5, f"It is a file of rows and columns ({reader.label}).")

    def look(self, files: Files, wishes: Wishes) -> Looked:
        if files.only is None:
            raise DataError("It is a folder; a table is one file.")
        wishes.only("target", "task", "roles", "types", "split")
        reader = reader_for(files.only)
        table = reader.look(files.only)
        schema = self._schema(table, files.title, wishes)
        left_out = tuple(LeftOut(f"line {row.line}", row.reason) for row in table.left_out)
        return Looked(schema, table.rows, reader.name, left_out)

    def _schema(self, table: RawTable, title: str, wishes: Wishes) -> TableSchema:
        schema = _work().look(table, Path(title).stem, wishes.target, wishes.types)
        made: TableSchema = _work().with_roles(schema, table.frame, wishes.roles, wishes.task, wishes.split)
        return made

    def look_again(self, stored: Stored, files: Files) -> Looked:
        before: TableSchema = stored.schema
        first = self.look(files, Wishes())
        there = {column.name for column in cast("TableSchema", first.schema).columns}
        known = [column for column in before.columns if column.name in there]
        # what has a reason was guessed, and is guessed again; the target stays, whoever chose it
        roles = {c.name: c.role for c in known if c.role == "target" or (c.role != "input" and not c.role_reason)}
        types = {c.name: c.type for c in known if not c.type_reason}
        if not roles and not types:
            return first
        target = next((c.name for c in known if c.role == "target"), None)
        try:
            looked = self.look(files, Wishes(target, before.task if target else None, roles, types))
        except DataError:  # a column is of another type now
            looked = self.look(files, Wishes(target))
        return looked

    def differences(self, before: Schema, after: Schema) -> list[str]:
        first, second = ({c.name: TYPES[c.type] for c in schema.columns} for schema in (before, after))  # type: ignore[attr-defined]
        return column_differences(first, second)

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        return table_data_set(name, stored)

    def report(self, stored: Stored) -> Report:
        found: Report = _work().report(looked_at(stored), stored.schema, stored)
        return found

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        if key == "encoding":
            read: Schema = in_encoding(
                stored, value, lambda table, wishes: self._schema(table, stored.source.title, wishes)
            )
            return read
        return self.change_part(stored, "", key, value)

    def change_part(self, stored: Stored, part: str, key: str, value: Any) -> Schema:
        frame = looked_at(stored).frame
        made: Schema
        if part:
            made = _work().changed_column(stored.schema, frame, part, key, value)
        else:
            made = _work().changed(stored.schema, frame, key, value)
        return made

    def examples(self, stored: Stored, count: int) -> tuple[Example, ...]:
        return examples(stored, count)

    def baseline(self, stored: Stored) -> Baseline | None:
        return table_baseline(stored)

    def recommend(self, stored: Stored) -> Recommended:
        return recommended(stored)
