"""A table of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from builder.spec import Signal
from trainers.data.base import Arrays, DataError, Kind, RowField, check_columns
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.kinds.table.encoding import encode_inputs, feature_names
from trainers.data.own.kinds.table.preparing import PreparedRows, prepared, raw_rows
from trainers.data.own.kinds.table.schema import Column, label_names
from trainers.data.own.kinds.table.script import new_rows_source, reading_of, table_source
from trainers.data.own.kinds.table.tasks import predicts_classes, predicts_labels
from trainers.data.own.library import Facts, Stored, stored
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.new_rows import NEW_ROWS, write_rows

if TYPE_CHECKING:
    import pandas as pd

MOST_READ = 200_000_000  # bytes of a file that is read to take some rows of it


class _OwnTable(OwnData):
    """Rows of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "table"

    @property
    def embedded(self) -> tuple[Column, ...]:
        """The categories that have an Input each, with the number of the category."""
        return tuple(c for c in self.stored.schema.inputs if c.type == "category" and c.encoding == "embedding")

    @property
    def signals(self) -> tuple[Signal, ...]:
        numbers = (Signal((len(self.feature_names),), "float"),) if self.feature_names else ()
        return (*numbers, *(Signal((1,), "int") for _ in self.embedded))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.signals[0].shape

    @property
    def vocabularies(self) -> tuple[tuple[str, ...], ...]:
        numbers: tuple[tuple[str, ...], ...] = ((),) if self.feature_names else ()
        return (*numbers, *(("(unknown)", *column.categories) for column in self.embedded))

    @property
    def vocabulary_counts(self) -> tuple[int, ...]:
        return tuple(map(len, self.vocabularies))

    @functools.cached_property
    def _columns(self) -> list[dict[str, object]]:
        return [column.model_dump() for column in self.stored.schema.columns]

    @functools.cached_property
    def _feature_names(self) -> tuple[str, ...]:
        return tuple(feature_names(self._columns))

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self._feature_names

    @property
    def classes(self) -> tuple[str, ...]:
        if predicts_labels(self.task):
            return label_names(self.stored.schema.targets)
        if not predicts_classes(self.task):
            return ()
        target = self.stored.schema.targets[0]
        return (target.no[0], target.yes[0]) if target.type == "yes_no" else target.categories

    @property
    def target_names(self) -> tuple[str, ...]:
        return () if self.classes else tuple(c.name for c in self.stored.schema.targets)

    def load(self) -> Arrays:
        """The rows as arrays. DataError: the file is gone, or another one; or no row can be used."""
        return self.arrays(prepared(self.stored))

    def arrays(self, rows: PreparedRows) -> Arrays:
        """Prepared rows as the arrays of a data set. DataError: there is none."""
        if not len(rows.targets):
            raise DataError(f"No row of {self.name} has a target, so there is nothing to learn from.")
        inputs = (*((rows.numbers,) if self.feature_names else ()), *rows.embedded)
        targets = np.asarray(rows.targets)
        targets = targets if targets.ndim == 1 else targets.astype(np.float32)
        facts = {} if rows.weights is None else {"weight": np.asarray(rows.weights)}
        return Arrays(inputs, targets, self.feature_names, groups=rows.groups, fills=self.fills, attributes=facts)

    @property
    def fills(self) -> tuple[tuple[str, ...] | None, ...]:
        """What stands for a missing value of each feature: a figure of the training rows."""
        rules: list[str] = []
        for column in self.stored.schema.inputs:
            if column not in self.embedded:
                width = len(feature_names([column.model_dump()]))
                rules += [
                    {"own_category": "zero", "no_label": "zero", "drop_row": "zero"}.get(column.missing, column.missing)
                ] * width
        return (*((tuple(rules),) if self.feature_names else ()), *(None for _ in self.embedded))

    def encode_new(self, frame: pd.DataFrame) -> tuple[NDArray[Any], ...]:
        """New rows as inputs, by the schema. DataError: a column that the network needs is not there."""
        check_columns(frame, [column.name for column in self.stored.schema.inputs])
        numbers, embedded = encode_inputs(frame, self._columns)
        return (*((numbers,) if self.feature_names else ()), *embedded)

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of new samples, whose columns are named as in training where their file has no header."""
        names = [column.name for column in self.stored.schema.columns]
        nameless = [f"column_{place}" for place in range(len(frame.columns))]
        without_target = [column.name for column in self.stored.schema.columns if column.role != "target"]
        if list(frame.columns) == nameless != names[: len(nameless)] and len(nameless) in (
            len(names),
            len(without_target),
        ):
            return frame.set_axis(names if len(nameless) == len(names) else without_target, axis=1)
        return frame

    def source(self) -> str:
        """Python source of `load_data()`, and `load_groups()`, that read the rows of the file with pandas alone."""
        return table_source(self.stored)

    @property
    def has_rows(self) -> bool:
        return True

    def row_fields(self) -> tuple[RowField, ...]:
        fields = []
        for column in self.stored.schema.inputs:
            if column.type == "category":
                fields.append(RowField(column.name, "choice", column.categories, column.may_be_missing))
            elif column.type == "yes_no":
                choices = (*column.yes[:1], *column.no[:1])
                fields.append(RowField(column.name, "choice", choices, column.may_be_missing))
            elif column.type == "labels":
                fields.append(RowField(column.name, "text"))
            else:
                fields.append(RowField(column.name, column.type, log=column.encoding == "log"))
        return tuple(fields)

    def input_columns(self) -> dict[str, list[tuple[int, list[int]]]]:
        columns: dict[str, list[tuple[int, list[int]]]] = {}
        start, embedded = 0, 1 if self.feature_names else 0
        for column in self.stored.schema.inputs:
            if column in self.embedded:
                columns[column.name] = [(embedded, [0])]
                embedded += 1
                continue
            width = len(feature_names([column.model_dump()]))
            columns[column.name] = [(0, list(range(start, start + width)))]
            start += width
        return columns

    def raw_samples(self, places: NDArray[np.int64]) -> pd.DataFrame | None:
        if self.stored.source.size > MOST_READ:
            return None
        rows = np.asarray(prepared(self.stored).rows[places])
        return _frame(self.name, self.stored.source.sha256, self.stored.schema.encoding).iloc[rows].set_axis(rows + 1)

    def facts(self) -> Facts:
        return {**super().facts(), "new_rows": reading_of(self.stored)}

    def prediction_source(self) -> str:
        return new_rows_source(self.stored)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], pd.DataFrame]:
        """Rows as they stand in the file, in a file of the same format (of text, also where the file is none)."""
        if self.stored.source.size > MOST_READ:  # the first rows of the file, for it takes long to read the whole
            rows = reader_named(self.stored.source.reader, self.stored.schema.encoding).preview(
                self.stored.data_file, len(places)
            )
        else:
            rows = raw_rows(self.stored).iloc[prepared(self.stored).rows[places]]
        rows = rows.reset_index(drop=True)
        options = NEW_ROWS | reading_of(self.stored)
        write_rows(rows, folder / "samples.csv", options)
        return [folder / "samples.csv"], rows


@functools.lru_cache(maxsize=2)
def _frame(name: str, digest: str, encoding: str) -> pd.DataFrame:
    """The table as it stands in the file, kept for pages that show some of its rows."""
    return raw_rows(stored(name))


def table_data_set(name: str, stored: Stored) -> type[OwnData]:
    """The table as a data set of this name."""
    summary = f"{stored.source.rows:,} rows and {len(stored.schema.columns):,} columns of your own."
    targets = [column.name for column in stored.schema.targets]
    title = targets[0] if len(targets) == 1 else ""
    return made_of(_OwnTable, name, stored, summary, weighted=bool(stored.schema.of_role("weight")), class_title=title)
