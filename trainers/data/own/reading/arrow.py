"""Feather and Arrow files: columns whose types are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, flat_columns

if TYPE_CHECKING:
    import pandas as pd


class Arrow(Reader):
    """Feather (both versions) and Arrow's files and streams."""

    name: ClassVar[str] = "arrow"
    label: ClassVar[str] = "Arrow"
    endings: ClassVar[tuple[str, ...]] = (".feather", ".arrow", ".ipc", ".arrows", ".ftr")
    magic: ClassVar[tuple[bytes, ...]] = (b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")

    def recognises(self, head: bytes, ending: str) -> bool:
        """By the first bytes; those of a stream may be others' too, so the ending decides there."""
        return head.startswith(self.magic[:2]) or (head.startswith(self.magic[2]) and ending in self.endings)

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
    import pyarrow as pa
    import pyarrow.feather as feather

    with open(path, "rb") as opened:  # noqa: PTH123
        stream = opened.read(4) == b"\xff\xff\xff\xff"
    table = pa.ipc.open_stream(path).read_all() if stream else feather.read_table(path)
    frame: pd.DataFrame = table.to_pandas()
    return frame if names is None else frame[names]
