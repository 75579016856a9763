"""The schema of a table: what each column is, what it is for, and how it becomes numbers."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from builder.registry import did_you_mean
from trainers.data.base import DataError
from trainers.data.own.schema import Part, Schema

Role = Literal["input", "target", "group", "time", "weight", "ignored"]
Type = Literal["number", "category", "yes_no", "labels", "date", "text"]
Missing = Literal["median", "mean", "zero", "most_common", "own_category", "no_label", "drop_row"]
Encoding = Literal["standardise", "log", "one_hot", "embedding", "multi_hot", "cyclic", "as_it_is"]

ROLES: dict[Role, str] = {
    "input": "the network gets it",
    "target": "the network predicts it",
    "group": "rows with the same value stay in one part of the data",
    "time": "rows are in this order, and the last ones are for testing",
    "weight": "how much a row counts in the loss; metrics count all rows alike",
    "ignored": "not used",
}
TYPES: dict[Type, str] = {
    "number": "number",
    "category": "category",
    "yes_no": "yes or no",
    "labels": "several labels",
    "date": "date",
    "text": "text",
}
# How a type may be encoded, and how its missing values may be filled; the usual one first.
ENCODINGS: dict[Type, tuple[Encoding, ...]] = {
    "number": ("standardise", "log", "as_it_is"),
    "category": ("one_hot", "embedding"),
    "yes_no": ("as_it_is",),
    "labels": ("multi_hot",),
    "date": ("cyclic", "standardise"),
    "text": ("as_it_is",),
}
MISSING: dict[Type, tuple[Missing, ...]] = {
    "number": ("median", "mean", "zero", "drop_row"),
    "category": ("own_category", "most_common", "drop_row"),
    "yes_no": ("most_common", "drop_row"),
    "labels": ("no_label", "drop_row"),
    "date": ("median", "drop_row"),
    "text": ("drop_row",),
}
Word = Annotated[str, Field(max_length=500)]


class Notation(Part):
    """How numbers are written in a column: "$1,200.50" has the prefix $, thousands "," and decimal "."."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    prefix: str = Field("", max_length=10)
    suffix: str = Field("", max_length=10)


class Column(Part):
    """One column of a table: its type, its role, and how it becomes numbers.

    `type_reason` and `role_reason` say, in words, why it is taken to be so; they are empty where the user has chosen.
    """

    name: str = Field(max_length=500)
    type: Type
    role: Role = "input"
    missing: Missing
    encoding: Encoding
    categories: tuple[Word, ...] = Field((), max_length=100_000)  # of a category, or the labels
    yes: tuple[Word, ...] = ()  # what is written for yes; everything else that is known means no
    no: tuple[Word, ...] = ()
    delimiter: str = Field("", max_length=10)  # of several labels in a cell; "[]": they are written as a list
    notation: Notation = Notation()
    date_format: str = Field("", max_length=60)  # of strptime; "": ISO 8601
    parts: tuple[Literal["year", "month", "day", "weekday", "hour", "minute"], ...] = ()  # of a date, that vary
    may_be_missing: bool = False
    type_reason: str = Field("", max_length=500)
    role_reason: str = Field("", max_length=500)

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out a field that is newer than stored schemas where it says nothing: arrays that were prepared by them
        are still theirs."""
        found: dict[str, Any] = written(self)
        if not self.delimiter:
            found.pop("delimiter", None)
        return found

    @model_validator(mode="after")
    def _fits_the_type(self) -> Column:
        if self.encoding not in ENCODINGS[self.type]:
            allowed = " or ".join(ENCODINGS[self.type])
            raise ValueError(f"{self.name} is of the type {self.type}, which is encoded as {allowed}.")
        if self.missing not in MISSING[self.type]:
            allowed = " or ".join(MISSING[self.type])
            raise ValueError(f"Missing values of {self.name}, of the type {self.type}, are filled by {allowed}.")
        return self


class TableSchema(Schema):
    """What a table is: its columns in the order of the file, and what is predicted."""

    unit: ClassVar[str] = "rows"

    kind: Literal["table"] = "table"
    columns: tuple[Column, ...] = Field(min_length=1, max_length=100_000)

    @model_validator(mode="after")
    def _names_are_unique(self) -> TableSchema:
        if len({column.name for column in self.columns}) < len(self.columns):
            raise ValueError("Two columns have the same name.")
        return self

    def column(self, name: str) -> Column:
        """The column of this name. DataError: there is none; similar names are listed."""
        if name in self._by_name:
            return self._by_name[name]
        names = list(self._by_name)
        known = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
        raise DataError(f"There is no column {name!r}.{did_you_mean(name, names)} The columns are: {known}.")

    def of_role(self, role: Role) -> tuple[Column, ...]:
        """The columns with this role, in the order of the file."""
        return self._by_role.get(role, ())

    @functools.cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @functools.cached_property
    def _by_role(self) -> dict[str, tuple[Column, ...]]:
        return {role: tuple(column for column in self.columns if column.role == role) for role in ROLES}

    @property
    def targets(self) -> tuple[Column, ...]:
        return self.of_role("target")

    @property
    def inputs(self) -> tuple[Column, ...]:
        return self.of_role("input")

    @property
    def ready(self) -> str:
        missing = super().ready
        if missing or self.inputs:
            return missing
        ignored = len(self.of_role("ignored"))
        are = "one is ignored, with the reason" if ignored == 1 else f"{ignored:,} are ignored, each with a reason"
        gone = f"; {are} beside it" if ignored else ""
        return f"no column of it is an input{gone}. Give a column the role input."

    def changed(self, columns: Iterable[Column] = (), **fields: Any) -> TableSchema:
        """The schema with some columns replaced (by their names) and other fields set, checked again."""
        new = {column.name: column for column in columns}
        fields["columns"] = tuple(new.get(column.name, column) for column in self.columns)
        made: TableSchema = self.with_fields(**fields)
        return made


def label_names(targets: Iterable[Column]) -> tuple[str, ...]:
    """The labels that are predicted, any number of which may hold: columns of yes and no, or the labels in cells."""
    names = (column.categories if column.type == "labels" else (column.name,) for column in targets)
    return tuple(name for each in names for name in each)


SCHEMA = TableSchema
