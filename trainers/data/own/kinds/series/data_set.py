"""A series of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from builder.spec import Signal
from trainers.data.base import Arrays, DataError, Kind, check_columns
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.kinds.series.moments import moment_words
from trainers.data.own.kinds.series.preparing import check_span, prepared
from trainers.data.own.kinds.series.schema import SeriesSchema
from trainers.data.own.kinds.series.script import series_source
from trainers.data.own.kinds.series.steps import calendar_of, encoded_series, windows_of
from trainers.data.own.kinds.table.encoding import feature_names
from trainers.data.own.library import Stored
from trainers.data.sets.forecasts import overlap

if TYPE_CHECKING:
    import pandas as pd


class _OwnSeries(OwnData):
    """Steps of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "series"

    @property
    def series(self) -> SeriesSchema:
        found: SeriesSchema = self.stored.schema
        return found

    @property
    def samples(self) -> int:
        return len(prepared(self.stored)["starts"])

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
        check_span(frame, schema)
        values, _, moments, end = self._known(frame)
        if end < schema.window:
            raise DataError(f"There are {end:,} steps with known values; the network sees {schema.window:,}.")
        inputs = [values[None, end - schema.window : end, : len(self.feature_names)]]
        if self.known_names:
            inputs.append(self._ahead(values[end:], moments[end - 1])[None])
        return tuple(inputs)

    def _known(self, frame: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]:
        """The steps of new rows, which targets are known, their moments, and the first step after the known ones."""
        schema = self.series
        columns = [column.model_dump() for column in schema.columns]
        values, known, moments = encoded_series(frame, columns, schema.step_unit, schema.step, schema.cycles)
        some = np.flatnonzero(known.any(axis=1))
        return values, known, moments, int(some[-1]) + 1 if len(some) else 0

    def steps_ahead(self, frame: pd.DataFrame, predicted: NDArray[Any]) -> pd.DataFrame:
        """A row for each step after the last known one, named by its moment, with a column for each target."""
        import pandas as pd

        _, _, moments, end = self._known(frame)
        ahead = moments[end - 1] + self.series.step * np.arange(1, self.series.horizon + 1)
        time = self.series.time
        index = pd.Index(moment_words(ahead, self.series), name=time.name if time else "step")
        names = self.target_names if len(self.target_names) > 1 else ("prediction",)
        return pd.DataFrame(predicted[0], index=index, columns=list(names))

    def _ahead(self, after: NDArray[np.float32], last: float) -> NDArray[np.float32]:
        """What is known of the steps after the last one that has values."""
        schema, width = self.series, len(_names(self.series, "known"))
        if width and len(after) < schema.horizon:
            names = ", ".join(column.name for column in schema.of_role("known"))
            raise DataError(
                f"The values of {names} are known in advance: add {schema.horizon - len(after)} more rows with them, "
                f"and leave the columns to forecast empty there."
            )
        ahead = (
            after[: schema.horizon, len(self.feature_names) :][:, :width] if width else np.zeros((schema.horizon, 0))
        )
        moments = last + schema.step * np.arange(1.0, schema.horizon + 1)
        return np.concatenate([ahead, calendar_of(moments, schema.step_unit, schema.cycles)], axis=1).astype(np.float32)

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
