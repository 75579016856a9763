"""Readers of tables: one file for each file format, found by themselves. Each gives columns of text or of numbers."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builder.registry import discover
from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.encoding import encoding_of
from trainers.data.own.reading.table import RawTable

if TYPE_CHECKING:
    import pandas as pd

READERS: dict[str, type[Reader]] = discover(sys.modules[__name__], Reader, lambda reader: reader.name)


def reader_named(name: str, encoding: str = "") -> Reader:
    """The reader of a file format, see `Reader` for `encoding`. DataError: there is none of that name."""
    if name not in READERS:
        raise DataError(f"There is no reader called {name!r}.")
    return READERS[name](encoding)


def reader_for(path: Path, encoding: str = "") -> Reader:
    """The reader of a file, by its first bytes and its ending. DataError: nothing reads it."""
    with path.open("rb") as opened:
        head = opened.read(4096)
    for kind in sorted(READERS.values(), key=lambda kind: not kind.magic):  # contents decide before the ending does
        reader = kind(encoding)
        if reader.recognises(head, path.suffix.lower()):
            return reader
    known = ", ".join(sorted({ending for kind in READERS.values() for ending in kind.endings}))
    like = f"that end in {path.suffix[:12]}" if path.suffix else "without an ending"
    raise DataError(f"Files {like} cannot be read. Files with these endings can: {known}.")


def _encoding(path: Path, usual: str) -> str:
    try:
        return "" if encoding_of(path).name.startswith("utf") else usual
    except DataError:  # it is no text
        return ""


def first_rows(path: Path) -> pd.DataFrame:
    """The first 500 rows of a file, read once for all kinds of data that look at them. DataError: as `reader_for`."""
    facts = path.stat()
    return _first_rows(path, facts.st_size, facts.st_mtime_ns).copy(deep=False)


@functools.lru_cache(maxsize=1)
def _first_rows(path: Path, size: int, changed: int) -> pd.DataFrame:
    return reader_for(path).preview(path, 500)


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file, whatever its format. DataError: it cannot be read; the message names it."""
    return read_whole(path).frame


def read_whole(path: Path, usual: str = "") -> RawTable:
    """The same, with what was left out of it. `usual`: the encoding of text files that are no UTF-8, if known."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        return reader_for(path, usual and _encoding(path, usual)).read(path)
    except DataError as error:
        raise DataError(f"{path.name} cannot be used. {error}") from None
