"""Parquet files: columns whose types are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, flat_columns

if TYPE_CHECKING:
    import pandas as pd


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

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"names": "None"}


def read_rows(path: str, names: list[str] | None = None) -> pd.DataFrame:
    """The rows of the file, with these names of its columns."""
    import pyarrow.parquet

    frame: pd.DataFrame = pyarrow.parquet.read_table(path).to_pandas()
    return frame if names is None else frame[names]
