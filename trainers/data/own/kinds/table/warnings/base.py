"""What a check of a table is, and the warnings that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from trainers.data.own.kinds.table.schema import Column, TableSchema
from trainers.data.own.library import Stored
from trainers.data.own.reading.table import RawTable
from trainers.data.own.report import DataWarning


@dataclass(frozen=True)
class Table:
    """What checks look at: the rows as they stand in the file, and the schema."""

    raw: RawTable
    schema: TableSchema
    stored: Stored | None = None  # whose rows they are; None: they are not in the library

    @property
    def frame(self) -> pd.DataFrame:
        return self.raw.frame

    def cells(self, column: Column) -> pd.Series:
        """The cells of a column."""
        return self.frame[column.name]


class DataCheck:
    """One kind of trouble. The docstring says what, why it hurts, and what to do."""

    code: ClassVar[str]

    def find(self, table: Table) -> Iterator[DataWarning]:
        """A warning for each place where the table has it."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")

    def warn(
        self, message: str, column: Column | None = None, fix: TableSchema | None = None, fix_label: str = ""
    ) -> DataWarning:
        """A warning of this check."""
        return DataWarning(self.code, column.name if column else None, message, fix, fix_label)

    def ignoring(self, table: Table, column: Column) -> tuple[TableSchema, str]:
        """The fix that leaves a column out, and its label."""
        ignored = column.model_copy(update={"role": "ignored", "role_reason": ""})
        return table.schema.changed([ignored]), f"Ignore {column.name}"
