"""A series of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from builder.spec import Signal
from trainers.data.base import Arrays, DataError, Kind, check_columns
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.kinds.series.moments import words_ahead, written
from trainers.data.own.kinds.series.preparing import prepared, rows_of_windows
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.script import new_rows_source, series_source
from trainers.data.own.kinds.series.steps import last_window, windows_of
from trainers.data.own.kinds.table.encoding import feature_names
from trainers.data.own.kinds.table.preparing import raw_rows
from trainers.data.own.kinds.table.script import reading_of
from trainers.data.own.library import Facts, Stored
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.new_rows import NEW_ROWS, write_rows
from trainers.data.sets.forecasts import overlap
from trainers.sampling import evenly_spaced

if TYPE_CHECKING:
    import pandas as pd

FILES = 5  # for a trial of predict.py
MOST_READ = 200_000_000  # bytes of a file that is read to take some rows of it


class _OwnSeries(OwnData):
    """Steps of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "series"

    @property
    def series(self) -> SeriesSchema:
        found: SeriesSchema = self.stored.schema
        return found

    @property
    def samples(self) -> int:
        return self.stored.remembered("samples", lambda: len(prepared(self.stored)["starts"]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        return _names(self.series, "target", "input", "known")

    @property
    def known_names(self) -> tuple[str, ...]:
        """What is known of the steps to forecast."""
        cycles = (f"{cycle} ({part})" for cycle in self.series.cycles for part in ("sine", "cosine"))
        return (*_names(self.series, "known"), *cycles)

    @property
    def signals(self) -> tuple[Signal, ...]:
        known = len(self.known_names)
        ahead = (Signal((self.series.horizon, known), "float"),) if known else ()
        return (Signal(self.input_shape, "float", axes=self.input_axes), *ahead)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.series.window, len(self.feature_names))

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.series.horizon, len(self.target_names))

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.series.of_role("target"))

    @property
    def gap(self) -> int:
        return overlap(self.series.window, self.series.horizon, self.series.stride)

    def load(self) -> Arrays:
        """The windows, views of the steps. DataError: the file is gone, or another one; or it is too short."""
        steps = prepared(self.stored)
        lengths = (self.series.window, self.series.horizon)
        if not len(steps["starts"]):
            raise DataError(
                f"{self.name} has {len(steps['values']):,} steps, too few for one sample of {lengths[0]} steps that "
                f"are seen and {lengths[1]} that are forecast. Make the window or the horizon smaller."
            )
        sizes = (len(self.target_names), len(self.feature_names))
        inputs, targets = windows_of(steps["values"], steps["starts"], lengths, *sizes)
        return Arrays(tuple(inputs), targets, self.feature_names, gap=self.gap)

    def encode_new(self, frame: pd.DataFrame) -> tuple[NDArray[np.float32], ...]:
        """The last window of new rows as one sample, in order to forecast the steps after them.

        Where columns are known in advance, the rows end with as many as are forecast, without their targets.

        Raises:
            DataError: a column that the network needs is not there, or there are too few rows.
        """
        schema = self.series
        names = [column.name for column in schema.of_role("target", "input", "known", "time")]
        check_columns(frame, names)
        if not len(frame):
            raise DataError("There is no row to forecast from.")
        return tuple(self._last(frame)[0])

    def _last(self, frame: pd.DataFrame) -> tuple[list[NDArray[np.float32]], float]:
        """The last window of rows, and the moment of its last step. DataError: there are too few rows."""
        schema = self.series
        columns = [column.model_dump() for column in schema.columns]
        try:
            return last_window(
                frame, columns, schema.step_unit, schema.step, schema.cycles, schema.window, schema.horizon
            )
        except ValueError as error:
            raise DataError(str(error)) from None

    def steps_ahead(self, frame: pd.DataFrame, predicted: NDArray[Any]) -> pd.DataFrame:
        """A row for each step after the last known one, named by its moment, with a column for each target."""
        import pandas as pd

        schema, (_, last) = self.series, self._last(frame)
        words = words_ahead(last, schema.horizon, schema.step, *written(schema))
        index = pd.Index(words, name=schema.time.name if schema.time else "step")
        names = self.target_names if len(self.target_names) > 1 else ("prediction",)
        return pd.DataFrame(predicted[0], index=index, columns=list(names))

    def facts(self) -> Facts:
        return {**super().facts(), "new_rows": reading_of(self.stored)}

    def prediction_source(self) -> str:
        return new_rows_source(self.stored)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], list[pd.DataFrame]]:
        """A file for each of some windows, with the rows before it; what is known in advance is in those after it."""
        reader = reader_named(self.stored.source.reader, self.stored.schema.encoding)
        if self.stored.source.size > MOST_READ:
            whole = [reader.preview(self.stored.data_file, 3 * self.series.window + self.series.horizon + 100)]
        else:
            chosen = places[evenly_spaced(len(places), FILES)]
            whole = rows_of_windows(raw_rows(self.stored), self.series, prepared(self.stored)["starts"][chosen])
        files = [folder / f"samples_{number}.csv" for number in range(len(whole))]
        for file, rows in zip(files, whole, strict=True):
            write_rows(rows, file, NEW_ROWS | reading_of(self.stored))
        return files, whole

    def source(self) -> str:
        """Python source of `load_data()`, which reads the windows of the file with pandas alone."""
        return series_source(self.stored)


def _names(schema: SeriesSchema, *roles: str) -> tuple[str, ...]:
    """What the columns of some roles become, in the order of the roles."""
    columns = [column for role in roles for column in schema.columns if column.role == role]
    plain = [{**column.model_dump(), "role": "input", "may_be_missing": False} for column in columns]
    return tuple(feature_names(plain))


def series_data_set(name: str, stored: Stored) -> type[OwnData]:
    """The series as a data set of this name."""
    targets = ", ".join(column.name for column in stored.schema.of_role("target"))
    summary = f"{stored.source.rows:,} rows in time of your own: {targets[:80]}."
    return made_of(_OwnSeries, name, stored, summary, season=stored.schema.season)
