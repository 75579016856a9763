"""Columns that should not be used, or that are taken for something else than they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd

from trainers.data.own.kinds.table.cell_values import dates_of, numbers_of, words_of
from trainers.data.own.kinds.table.looking.leaks import Leaks
from trainers.data.own.kinds.table.looking.roles import unusable
from trainers.data.own.kinds.table.looking.types import DATE_FORMATS, UNIT, as_category, retyped
from trainers.data.own.kinds.table.warnings.base import DataCheck, Table
from trainers.data.own.report import DataWarning
from trainers.tasks.target import plural

CODE_NAMES = re.compile(r"(^|_| )(zip|postcode|postal|code|type|class|category|group|region|month|weekday)s?$", re.I)
FEW_VALUES = 12
FAR_OUT = 12.0  # of the middle half's width beyond it
LOOK_AT = 100_000  # rows


class GivesTheAnswerAway(DataCheck):
    """A column alone says what the target is. It was written down with the answer, or is computed from it: the network
    learns to copy it, and is useless for rows whose answer is not known yet. Leave it out."""

    code: ClassVar[str] = "D101"

    def find(self, table: Table) -> Iterator[DataWarning]:
        schema = table.schema
        if len(schema.targets) != 1 or schema.task is None:
            return
        leaks = Leaks(table.frame, schema.targets[0], schema.task)
        for column in schema.inputs:
            if why := leaks.reason(column):
                yield self.warn(f"gives the answer away. {why}", column, *self.ignoring(table, column))


class SaysNothing(DataCheck):
    """A column is empty, always the same, or different in each row. It cannot help with rows that are new. Leave it
    out."""

    code: ClassVar[str] = "D102"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.inputs:
            if use := unusable(column, table.cells(column)):
                yield self.warn(f"is an input, and says nothing. {use.reason}", column, *self.ignoring(table, column))


class RepeatsAnother(DataCheck):
    """Two columns say the same in other words. Nothing is gained by both, and nobody can say which of them matters."""

    code: ClassVar[str] = "D103"

    def find(self, table: Table) -> Iterator[DataWarning]:
        inputs = [column for column in table.schema.inputs if column.type != "date"][:200]
        rows = table.frame.iloc[:LOOK_AT]
        codes = {c.name: pd.factorize(words_of(rows[c.name]))[0] for c in inputs if len(rows) >= 20}
        for place, later in enumerate(inputs):
            for earlier in inputs[:place]:
                if later.name in codes and _same_groups(codes[earlier.name], codes[later.name]):
                    message = f"says the same as {earlier.name}, in other words."
                    yield self.warn(message, later, *self.ignoring(table, later))
                    break


def _same_groups(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two columns, as numbers of their values, always change together."""
    values = int(first.max()) + 1
    if values < 2 or values != int(second.max()) + 1 or values > 0.5 * len(first) + 2:
        return False
    return bool((first == second).all())  # `factorize` numbers values by their first appearance


class NumberIsACategory(DataCheck):
    """A column of few whole numbers whose name is that of a code. As a number, code 4 would be twice code 2; as a
    category, each code is a thing of its own."""

    code: ClassVar[str] = "D104"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.inputs:
            if column.type != "number" or not CODE_NAMES.search(column.name):
                continue
            known = numbers_of(table.cells(column), **column.notation.model_dump())
            values = np.unique(known[np.isfinite(known)])
            if 2 < len(values) <= FEW_VALUES and (values == np.round(values)).all():
                fix = table.schema.changed([as_category(column, table.cells(column))])
                message = f"has {len(values)} different whole numbers, which may be codes: 4 is then not twice 2."
                yield self.warn(message, column, fix, f"Take {column.name} for a category")


class CategoryIsANumber(DataCheck):
    """A category most of whose values are numbers. As a category, nothing says that 3 lies between 2 and 4."""

    code: ClassVar[str] = "D105"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.inputs:
            if column.type != "category" or len(column.categories) < FEW_VALUES:
                continue
            values = pd.Series(column.categories, dtype="str")
            share = float(np.isfinite(numbers_of(values)).mean())
            codes = values.str.fullmatch(r"0\d+").any()
            if share >= 0.8 and not codes:
                odd = (
                    next(value for value in values if not np.isfinite(numbers_of(pd.Series([value], dtype="str")))[0])
                    if share < 1
                    else ""
                )
                rest = f" {odd!r} is none, and would be missing." if odd else ""
                message = f"is a category, but {share:.0%} of its values are numbers.{rest}"
                number = column.model_copy(update={"type": "number", "encoding": "standardise", "missing": "median"})
                fix = table.schema.changed([number.model_copy(update={"categories": (), "may_be_missing": True})])
                yield self.warn(message, column, fix, f"Take {column.name} for a number")


class DatesReadTwoWays(DataCheck):
    """No row says which number is the day and which the month: 03/04/2024 may be the third of April or the
    fourth of March."""

    code: ClassVar[str] = "D106"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.columns:
            chosen = not column.type_reason  # by the user, who knows
            if column.type != "date" or chosen or "%d" not in column.date_format or column.role == "ignored":
                continue
            other = column.date_format.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
            if other == column.date_format or other not in DATE_FORMATS:
                continue
            cells = table.cells(column).dropna().iloc[:LOOK_AT]
            ways = [dates_of(cells, given) for given in (column.date_format, other)]
            unlike = np.flatnonzero(ways[0] != ways[1])
            if len(unlike) and ways[1].notna().all():
                place = unlike[0]
                shown = str(cells.iloc[place])
                first, second = (way[place].strftime("%d %B %Y") for way in ways)
                fix = table.schema.changed([column.model_copy(update={"date_format": other, "type_reason": ""})])
                message = f"can be read two ways: {shown} is taken for {first}, and may be {second}."
                yield self.warn(
                    message,
                    column,
                    fix,
                    "Read the month first" if other.index("%m") < other.index("%d") else "Read the day first",
                )


class Outliers(DataCheck):
    """A few numbers lie far away from all others: a slip of the pen, or another unit. They stretch the scale so much
    that the others become nearly equal."""

    code: ClassVar[str] = "D107"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in (*table.schema.inputs, *table.schema.targets):
            if column.type != "number":
                continue
            values = numbers_of(table.cells(column), **column.notation.model_dump())
            values = values[np.isfinite(values)]
            if len(values) < 20 or column.encoding == "log":
                continue
            low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
            width = high - low
            far = values[np.abs(values - middle) > FAR_OUT * width] if width > 0 else values[:0]
            if 0 < len(far) <= max(1, 0.01 * len(values)):
                shown = far[np.argmax(np.abs(far - middle))]
                message = (
                    f"has {plural(len(far), 'value', 'values')} far from all others, such as {shown:,.6g}; half of "
                    f"them lie from {low:,.4g} to {high:,.4g}."
                )
                positive = values.min() >= 0 and column.role == "input"
                fix = table.schema.changed([column.model_copy(update={"encoding": "log"})]) if positive else None
                yield self.warn(message, column, fix, "Use its logarithm" if fix else "")


class Unread(DataCheck):
    """Some cells are not of the column's type, and count as missing."""

    code: ClassVar[str] = "D108"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in (*table.schema.inputs, *table.schema.targets):
            cells = table.cells(column)
            if column.type not in ("number", "date") or pd.api.types.is_numeric_dtype(cells):
                continue
            words = words_of(cells)
            if column.type == "number":
                read = np.isfinite(numbers_of(cells, **column.notation.model_dump()))
            else:
                read = np.asarray(dates_of(cells, column.date_format).notna())
            odd = words[words.notna() & ~read]
            if len(odd):
                shown = ", ".join(repr(str(value)[:30]) for value in odd.unique()[:3])
                what = "number" if column.type == "number" else "date"
                fix = table.schema.changed([retyped(column, "category", cells)])
                cells_are = plural(len(odd), "cell that is", "cells that are")
                message = f"has {cells_are} no {what} ({shown}) and count as missing."
                yield self.warn(message, column, fix, f"Take {column.name} for a category")


class SeveralUnits(DataCheck):
    """Numbers of one column are in different units, such as kg and lb. As words they say nothing, and as numbers they
    cannot be compared: convert them to one unit in the file."""

    code: ClassVar[str] = "D109"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.columns:
            if column.type not in ("category", "text"):
                continue
            found = [UNIT.fullmatch(str(cell).strip()) for cell in table.cells(column).dropna().iloc[:1000]]
            matched = [match for match in found if match]
            if not matched or len(matched) < 0.95 * len(found):
                continue
            units = sorted({match["suffix"] or match["prefix"] or "" for match in matched} - {""})
            if 1 < len(units) <= 6:
                shown = ", ".join(units)
                yield self.warn(f"holds numbers in different units ({shown}). Convert them to one unit.", column)
