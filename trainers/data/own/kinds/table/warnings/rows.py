"""Rows that are not used, that stand there twice, or of which there are too few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trainers.data import dataset
from trainers.data.own.kinds.table.cell_values import labels_of, numbers_of
from trainers.data.own.kinds.table.preparing import prepared
from trainers.data.own.kinds.table.tasks import predicts_classes
from trainers.data.own.kinds.table.warnings.base import DataCheck, Table
from trainers.data.own.reading.table import LOST
from trainers.data.own.report import DataWarning
from trainers.data.own.schema import unequal
from trainers.data.splits import also_in_training, parts_of
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from trainers.data.own.kinds.table.schema import Column

FEW = 10  # samples of a class
SMALL = 50  # rows


class LeftOutByReader(DataCheck):
    """Some lines of the file could not be divided into the same columns as the others, and are left out."""

    code: ClassVar[str] = "D120"

    def find(self, table: Table) -> Iterator[DataWarning]:
        if count := table.raw.left_out_count:
            shown = "; ".join(f"row {row.line} {row.reason}" for row in table.raw.left_out[:3])
            yield self.warn(f"{count:,} {'row is' if count == 1 else 'rows are'} left out: {shown}.")


class BytesWithoutCharacter(DataCheck):
    """Some bytes of the file stand for no character in the encoding that it is read in. Cells with them are not what
    was written, and the encoding may be another one."""

    code: ClassVar[str] = "D127"

    def find(self, table: Table) -> Iterator[DataWarning]:
        if lost := table.raw.found.get(LOST):
            yield self.warn(f"{lost} Choose another encoding, or correct the file.")


class SameRowTwice(DataCheck):
    """The same row stands there more than once. A copy in the training part and one in the test part make the score
    better than it is."""

    code: ClassVar[str] = "D121"

    def find(self, table: Table) -> Iterator[DataWarning]:
        used = [column.name for column in (*table.schema.inputs, *table.schema.targets)]
        if not used or len(table.frame) < 2:
            return
        count = int(table.frame[used].duplicated().sum())
        share = count / len(table.frame)
        if count and len(table.schema.inputs) > 2:
            some = f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
            yield self.warn(
                f"{count:,} {'row is' if count == 1 else 'rows are'} the same as one before ({some}), in all columns "
                f"that are used.{self._both(table, used)} Such copies make the score better than it is."
            )

    def _both(self, table: Table, used: list[str]) -> str:
        """How many copies are on both sides of the split, where that is known, as a sentence."""
        if table.stored is None or table.raw.sample is not None or table.schema.ready:
            return ""
        own = dataset({"name": table.stored.full_name})
        rows = table.frame[used].iloc[np.asarray(prepared(table.stored).rows)]
        both = also_in_training(parts_of(own, own.load()), pd.util.hash_pandas_object(rows, index=False).to_numpy())
        return f" Of the validation and the test part {both:,} are in the training part, too, with the usual split."


class TargetIsMissing(DataCheck):
    """Rows without a target teach nothing, and are left out. Where the target is several labels in a cell, an empty
    cell means that none holds; leave such rows out if it means that nobody knows."""

    code: ClassVar[str] = "D122"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.targets:
            count = int(table.cells(column).isna().sum())
            rows = f"{count:,} of {len(table.frame):,} rows"
            if count and column.missing == "no_label":
                fix = table.schema.changed([column.model_copy(update={"missing": "drop_row"})])
                message = f"is the target, and empty in {rows}: it is taken that none of the labels holds there."
                yield self.warn(message, column, fix, "Leave these rows out")
            elif count:
                yield self.warn(f"is the target, and missing in {rows}: these are left out.", column)


def _class_counts(table: Table) -> Iterator[tuple[Column, pd.Series[int]]]:
    """The target and how many rows each class has, the largest class first; nothing where no classes are predicted."""
    if predicts_classes(table.schema.task):
        target = table.schema.targets[0]
        yield target, table.cells(target).dropna().value_counts()


def _label_counts(table: Table) -> Iterator[tuple[Column, pd.Series[int]]]:
    """A target of several labels, and in how many rows each holds."""
    for target in table.schema.targets:
        if target.type == "labels":
            held = labels_of(table.cells(target), target.categories, target.delimiter)
            yield target, pd.Series(np.nansum(held, axis=0).astype(int), list(target.categories)).sort_values()


class FewOfAClass(DataCheck):
    """A class has so few rows that the network can hardly learn it, and its score says little."""

    code: ClassVar[str] = "D123"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for target, counts in (*_class_counts(table), *_label_counts(table)):
            few = counts[counts < FEW]
            if len(few):
                shown = ", ".join(f"{str(name)[:30]} ({count})" for name, count in few.iloc[:5].items())
                more = f" and {len(few) - 5:,} more" if len(few) > 5 else ""
                what = "labels" if target.type == "labels" else "classes"
                yield self.warn(
                    f"has {what} with fewer than {FEW} rows: {shown}{more}.",
                    target,
                )


class UnequalClasses(DataCheck):
    """One class has far more rows than another. A network that always answers with the large one is right most of the
    time, and useless: choose balanced class weights."""

    code: ClassVar[str] = "D124"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for target, counts in _class_counts(table):
            if not unequal(counts.to_numpy()):
                continue
            largest, smallest = (f"{str(counts.index[place])[:30]} has {counts.iloc[place]:,}" for place in (0, -1))
            yield self.warn(
                f"has unequal classes: {largest} rows, {smallest}. The recommended network weighs them equally "
                "(class_weights: balanced).",
                target,
            )


class WeightIsMissing(DataCheck):
    """A column says how much each row counts. Rows whose weight is missing or negative are left out; rows that weigh
    nothing teach nothing."""

    code: ClassVar[str] = "D126"

    def find(self, table: Table) -> Iterator[DataWarning]:
        for column in table.schema.of_role("weight"):
            weights = numbers_of(table.cells(column), **column.notation.model_dump())
            unusable, without = int((~(weights >= 0)).sum()), int((weights == 0).sum())
            if unusable:
                message = (
                    f"says how much a row counts, and is missing or negative in {unusable:,} rows: these are left out."
                )
                yield self.warn(message, column, *self.ignoring(table, column))
            if without:
                yield self.warn(f"is 0 in {plural(without, 'row', 'rows')}, which teach nothing.", column)


class FewRows(DataCheck):
    """With so few rows, the score depends on which of them happen to be in the test part."""

    code: ClassVar[str] = "D125"

    def find(self, table: Table) -> Iterator[DataWarning]:
        count = len(table.frame)
        are = f"are only {count} rows" if count > 1 else "is only one row"
        if count < SMALL:
            yield self.warn(f"There {are}: a score on so few says little.")
