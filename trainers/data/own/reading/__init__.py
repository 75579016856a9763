"""Readers of tables: one file for each file format, found by themselves. Each gives columns of text or of numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builder.registry import discover
from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable

if TYPE_CHECKING:
    import pandas as pd

READERS: dict[str, type[Reader]] = discover(sys.modules[__name__], Reader, lambda reader: reader.name)


def reader_named(name: str) -> Reader:
    """The reader of a file format. DataError: there is none of that name."""
    if name not in READERS:
        raise DataError(f"There is no reader called {name!r}.")
    return READERS[name]()


def reader_for(path: Path) -> Reader:
    """The reader of a file, by its first bytes and its ending. DataError: nothing reads it."""
    with path.open("rb") as opened:
        head = opened.read(4096)
    for kind in sorted(READERS.values(), key=lambda kind: not kind.magic):  # contents decide before the ending does
        reader = kind()
        if reader.recognises(head, path.suffix.lower()):
            return reader
    known = ", ".join(sorted({ending for kind in READERS.values() for ending in kind.endings}))
    like = f"that end in {path.suffix[:12]}" if path.suffix else "without an ending"
    raise DataError(f"Files {like} cannot be read. Files with these endings can: {known}.")


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file, whatever its format. DataError: it cannot be read; the message names it."""
    return read_whole(path).frame


def read_whole(path: Path) -> RawTable:
    """The same, with what was left out of it."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        return reader_for(path).read(path)
    except DataError as error:
        raise DataError(f"{path.name} cannot be used. {error}") from None
