"""What a reader of a file format is: a class with the endings of its files, found by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.own.reading.table import RawTable

if TYPE_CHECKING:
    import pandas as pd


class Reader:
    """Reads tables of one file format. A subclass is one file of this folder."""

    name: ClassVar[str]
    label: ClassVar[str]  # for people
    endings: ClassVar[tuple[str, ...]]  # of file names, in lower case

    magic: ClassVar[tuple[bytes, ...]] = ()  # how its files begin, whatever they are called
    shares_magic: ClassVar[bool] = False  # with other formats: then the ending decides

    def __init__(self, encoding: str = "") -> None:
        """`encoding`: of text files, as the user has chosen; "": it is found by looking."""
        self.encoding = encoding

    def recognises(self, head: bytes, ending: str) -> bool:
        """Whether a file that begins with these bytes is of this format."""
        if self.magic and not head.startswith(self.magic):
            return False
        return ending in self.endings or (bool(self.magic) and not self.shares_magic)

    def options(self, path: Path) -> dict[str, str]:
        """What can be chosen of this file before it is read, such as the sheet: by name, with what is taken."""
        return {}

    def read(self, path: Path, **options: object) -> RawTable:
        """The whole table. DataError: it cannot be read; the message says why, and where."""
        raise TypeError(f"{type(self).__name__} must define how to read.")

    def look(self, path: Path) -> RawTable:
        """The table, or of a very large one some of its rows, evenly spaced, as `RawTable.sample` says."""
        return self.read(path)

    def chunks(self, path: Path) -> Iterator[pd.DataFrame] | None:
        """All rows in pieces that fit into memory one at a time; None: the table is small, or cannot be read so."""
        return None

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        """A function that reads the table with pandas alone, for exported scripts, and its arguments as Python code.

        It takes the path and the names of the columns first.
        """
        raise TypeError(f"{type(self).__name__} must define how a script reads.")

    def new_rows(self, path: Path) -> dict[str, object]:
        """How predict.py reads text in columns where it was trained on this file: arguments of `new_rows`."""
        return {}

    def preview(self, path: Path, rows: int, **options: object) -> pd.DataFrame:
        """The first rows, without reading the whole file where that is possible."""
        return self.read(path, **options).frame.head(rows)
