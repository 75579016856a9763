"""Parquet files: columns whose types are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, Sample, flat_columns, unique_names

if TYPE_CHECKING:
    import pandas as pd

LARGE = 1_000_000  # rows, above which only some are looked at, and preparing goes piece by piece
LOOKED_AT = 200_000
GROUPS = 8  # row groups of the file that they come from
CHUNK = 250_000  # rows


class Parquet(Reader):
    """Parquet, read by Arrow. Columns with lists or records in their cells are left out."""

    name: ClassVar[str] = "parquet"
    label: ClassVar[str] = "Parquet"
    endings: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    magic: ClassVar[tuple[bytes, ...]] = (b"PAR1",)

    def read(self, path: Path, **options: object) -> RawTable:
        import pyarrow as pa

        try:
            frame = read_rows(str(path))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise DataError("It is cut off or damaged: Arrow cannot read it.") from error
        return flat_columns(frame, "The file says the type of each column.")

    def preview(self, path: Path, rows: int, **options: object) -> pd.DataFrame:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        try:
            with parquet.ParquetFile(path) as file:
                first = next(file.iter_batches(rows), None)
                if first is None or first.num_rows < min(rows, file.metadata.num_rows):
                    return self.read(path, **options).frame.head(rows)  # row groups that are shorter than what is shown
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise DataError("It is cut off or damaged: Arrow cannot read it.") from error
        return flat_columns(pa.Table.from_batches([first]).to_pandas(), "").frame

    def look(self, path: Path) -> RawTable:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        try:
            with parquet.ParquetFile(path) as file:
                rows = file.metadata.num_rows
                if rows <= LARGE:
                    return self.read(path)
                groups = sorted({round(place * (file.num_row_groups - 1) / (GROUPS - 1)) for place in range(GROUPS)})
                parts = []
                for group in groups:
                    part = file.read_row_group(group)
                    step = max(1, -(-part.num_rows * len(groups) // LOOKED_AT))
                    parts.append(part.take(pa.array(range(0, part.num_rows, step))))
                missing = _missing(file.metadata)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise DataError("It is cut off or damaged: Arrow cannot read it.") from error
        found = flat_columns(pa.concat_tables(parts).to_pandas(), "The file says the type of each column.")
        says = f"Types, distributions and warnings are those of {len(found.frame):,} of {rows:,} rows, evenly spaced."
        sample = Sample(rows, missing, lambda name: _values(path, name))
        return replace(found, found={**found.found, "sample": says}, sample=sample)

    def chunks(self, path: Path) -> Iterator[pd.DataFrame] | None:
        import pyarrow.parquet as parquet

        if parquet.read_metadata(path).num_rows <= LARGE:
            return None
        return _chunks(path)

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"names": "None"}


def _missing(metadata: Any) -> dict[str, int]:
    """How many cells of each column are missing, where every row group says so."""
    counts: dict[str, int] = {}
    unknown = set()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            name, facts = column.path_in_schema, column.statistics
            if facts is None or not facts.has_null_count:
                unknown.add(name)
            else:
                counts[name] = counts.get(name, 0) + facts.null_count
    return {name: count for name, count in counts.items() if name not in unknown}


def _values(path: Path, name: str) -> pd.Series:
    """The different cells of a column, missing ones left out."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        groups = range(file.num_row_groups)
        names = unique_names(file.schema_arrow.names)
        column = file.schema_arrow.names[names.index(name)]
        parts = [file.read_row_group(group, [column]).column(0).unique() for group in groups]
    values: pd.Series = pa.chunked_array(parts).unique().drop_null().to_pandas()
    return values


def _chunks(path: Path) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK):
            yield flat_columns(pa.Table.from_batches([batch]).to_pandas(), "").frame


def read_rows(path: str, names: list[str] | None = None) -> pd.DataFrame:
    """The rows of the file, with these names of its columns."""
    import pyarrow.parquet

    frame: pd.DataFrame = pyarrow.parquet.read_table(path).to_pandas()
    return frame if names is None else frame[names]
