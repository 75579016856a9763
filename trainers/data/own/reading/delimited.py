"""Tables in text files: CSV with any delimiter, encoding and notation of numbers."""

from __future__ import annotations

import codecs
import csv
import functools
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.reading import large_text
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.cells import is_missing
from trainers.data.own.reading.dialect import Dialect, find_dialect, split_rows
from trainers.data.own.reading.encoding import Encoding, blocks_of, encoding_of
from trainers.data.own.reading.parquet import Parquet
from trainers.data.own.reading.table import LOST, MOST_LISTED, LeftOut, RawTable, unique_names

if TYPE_CHECKING:
    import pandas as pd

READING, CONVERTING = "Reading", "Looking at what was read"  # stages, see stages.py
HEAD = 1 << 20  # bytes that are looked at to find out how to read the rest
SAMPLE = 1000  # rows from which the types of columns are expected
INTEGER = re.compile(r"\s*[+-]?(?:0|[1-9]\d{0,17})\s*")
DECIMAL = re.compile(r"\s*[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")
QUOTED = re.compile(rb"""(?:^|[,;\t|])"[^"\r\n]*"(?=[,;\t|\r\n]|$)""", re.MULTILINE)
MOST_COLUMNS = 100_000
# Written in cells for "no value". Arrow compares them as they stand, so the usual ways to write them are listed.
MISSING_AS_WRITTEN = sorted(
    {"", " ", "?", "-", "--", "---", ".", "..", "#N/A", "#NA", "#VALUE!", "#REF!", "#DIV/0!", "#NULL!", "NaT", "<NA>"}
    | {form for word in ("na", "n/a", "nan", "null", "none", "nil", "missing", "-nan", "k.a.", "k. a.", "s/d", "#n/a")
       for form in (word, word.upper(), word.capitalize())}
    | {"NaN", "-NaN", "N/a"}
)  # fmt: skip


class Delimited(Reader):
    """CSV, TSV and other text with a row on each line."""

    name: ClassVar[str] = "delimited"
    label: ClassVar[str] = "table of text"
    endings: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat", ".psv", ".asc", ".ssv")

    def read(self, path: Path, **options: object) -> RawTable:
        encoding, dialect = _look(path, self.encoding)
        table = _read_fast(path, self.encoding) or _read_line_by_line(path, encoding, dialect)
        found = _found(encoding, dialect)
        return RawTable(table.frame, found, table.left_out, table.left_out_count, dialect.header)

    def look(self, path: Path) -> RawTable:
        columns = _as_columns(path, self.encoding)
        if columns is None:
            return self.read(path)
        encoding, dialect = _look(path, self.encoding)
        table = Parquet().look(columns)
        lines, count = large_text.left_out(columns)
        found = _found(encoding, dialect) | {key: text for key, text in table.found.items() if key == "sample"}
        return replace(table, found=found, left_out=lines, left_out_count=count, header=dialect.header)

    def chunks(self, path: Path) -> Iterator[pd.DataFrame] | None:
        columns = _as_columns(path, self.encoding)
        return None if columns is None else Parquet().chunks(columns)

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        options = self.new_rows(path)
        options["skip"] = int(str(options["skip"])) + bool(options.pop("header"))
        return read_rows, {name: repr(value) for name, value in options.items()}

    def new_rows(self, path: Path) -> dict[str, object]:
        encoding, dialect = _look(path, self.encoding)
        separator = {" ": r"\s+", "": "\x1f"}.get(dialect.delimiter, dialect.delimiter)
        return {
            "encoding": encoding.name,
            "separator": separator,
            "quote": dialect.quote,
            "skip": dialect.skip,
            "header": dialect.header,
        }

    def preview(self, path: Path, rows: int, **options: object) -> pd.DataFrame:
        encoding, dialect = _look(path, self.encoding)
        with _open(path, encoding, dialect) as lines:
            return _table(islice(_rows(lines, dialect), rows + dialect.header), dialect).frame


def _found(encoding: Encoding, dialect: Dialect) -> dict[str, str]:
    """How a file is read, in sentences."""
    found = {"encoding": f"{encoding.name}: {encoding.reason}", **dialect.reasons}
    return found | ({LOST: encoding.trouble} if encoding.lost else {})


def _as_columns(path: Path, chosen: str) -> Path | None:
    """A very large table as a Parquet file. None: it is smaller, or cannot be converted piece by piece."""
    if path.stat().st_size <= large_text.LARGE:
        return None
    options = _options(path, chosen)
    return None if options is None else large_text.converted(path, chosen, *options)


def _look(path: Path, chosen: str) -> tuple[Encoding, Dialect]:
    """How to read a file, in the chosen encoding if there is one. DataError: it is empty, or no text."""
    facts = path.stat()
    return _looked(path, chosen, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _looked(path: Path, chosen: str, size: int, changed: int) -> tuple[Encoding, Dialect]:
    with path.open("rb") as opened:
        head = opened.read(HEAD)
    if not head.strip(b"\x00 \t\r\n" + codecs.BOM_UTF8):
        raise DataError("It is empty: there is no row in it.")
    encoding = encoding_of(path, chosen)
    text = codecs.getincrementaldecoder(encoding.name)("replace").decode(head, final=False)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    complete = len(head) < HEAD
    dialect = find_dialect(text, complete, quoted=not complete and '"' not in text and _has_quotes(path))
    if not dialect.columns:
        raise DataError("It is empty: there is no row in it.")
    if dialect.columns > MOST_COLUMNS:
        raise DataError(f"It has {dialect.columns:,} columns; at most {MOST_COLUMNS:,} are read.")
    return encoding, dialect


def _has_quotes(path: Path) -> bool:
    """Whether a cell of a file stands in quotes."""
    with path.open("rb") as opened:
        return any(b'"' in block and QUOTED.search(block.replace(b"\x00", b"")) for block in blocks_of(opened))


# -- the usual file: Arrow reads it in parallel -----------------------------------------------------------------------


def _read_fast(path: Path, chosen: str) -> RawTable | None:
    """The table as Arrow reads it; None: it is not regular, so that it has to be read line by line."""
    import pyarrow as pa

    options = _options(path, chosen)
    if options is None:
        return None
    reading, parsing, convertings = options
    for converting in convertings:
        try:
            table = _by_arrow(path, reading, parsing, converting)
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
            stages.say(READING)
            continue  # a number that is none further down, or a row with another number of cells
        stages.say(CONVERTING)
        return RawTable(table.to_pandas(self_destruct=True, split_blocks=True))
    return None


def _options(path: Path, chosen: str) -> tuple[Any, Any, list[Any]] | None:
    """How Arrow reads a file, how it divides it into cells, and two ways to convert these: with the types that they
    seem to have, and as text. None: its rows do not seem to be regular."""
    import pyarrow as pa
    import pyarrow.csv as arrow

    encoding, dialect = _look(path, chosen)
    if len(dialect.delimiter) != 1 or dialect.delimiter == " ":
        return None
    facts = path.stat()
    names, types = _names_and_types(path, chosen, facts.st_size, facts.st_mtime_ns)
    if names is None:
        return None
    reading = arrow.ReadOptions(
        encoding={"utf-8-sig": "utf-8", "utf-16": "utf-16"}.get(encoding.name, encoding.name),
        skip_rows=dialect.skip + dialect.header,
        column_names=names,
        block_size=4 << 20,
    )
    parsing = arrow.ParseOptions(
        delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=bool(dialect.quote)
    )
    convertings = [
        arrow.ConvertOptions(
            column_types=kinds,
            null_values=MISSING_AS_WRITTEN,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        for kinds in (types, dict.fromkeys(names, pa.string()))
    ]
    return reading, parsing, convertings


def _by_arrow(path: Path, *options: Any) -> Any:
    """The table; where somebody listens, the file is read by Python, which says how far it is and can be left."""
    import pyarrow.csv as arrow

    if not stages.heard():
        return arrow.read_csv(path, *options)
    with stages.HeardFile(path, READING) as opened:
        return arrow.read_csv(opened, *options)


@functools.lru_cache(maxsize=4)
def _names_and_types(path: Path, chosen: str, size: int, changed: int) -> tuple[list[str] | None, dict[str, Any]]:
    """Names of the columns, and the types that their first cells have. None: the first rows are not regular."""
    import pyarrow as pa

    encoding, dialect = _look(path, chosen)
    with _open(path, encoding, dialect) as lines:
        rows = list(islice(_rows(lines, dialect), SAMPLE))
    if dialect.header and "\n" in "".join(rows[0]):
        return None, {}
    names = unique_names(rows.pop(0) if dialect.header else [""] * dialect.columns)
    if any(len(row) != len(names) for row in rows):
        return None, {}
    types = {}
    for name, cells in zip(names, zip(*rows, strict=True), strict=False):
        numbers = all(map(DECIMAL.fullmatch, cells))  # as most often in tables of very many columns
        known = cells if numbers else tuple(cell for cell in cells if not is_missing(cell))
        if known and all(map(INTEGER.fullmatch, known)):
            types[name] = pa.int64()
        elif numbers or (known and all(map(DECIMAL.fullmatch, known))):
            types[name] = pa.float64()
        else:
            types[name] = pa.string()
    return names, types


# -- all others -------------------------------------------------------------------------------------------------------


def _open(path: Path, encoding: Encoding, dialect: Dialect) -> IO[str]:
    """The text after the lines to skip. A byte that is no character stands as U+FFFD."""
    raw = io.BufferedReader(stages.HeardFile(path, READING), 1 << 20)
    opened = io.TextIOWrapper(raw, encoding.name, errors="replace", newline="")
    for _ in range(dialect.skip):
        opened.readline()
    return opened


def _rows(lines: IO[str], dialect: Dialect) -> Iterator[list[str]]:
    """The rows with any cell that is not blank."""
    if dialect.delimiter in ("", " "):
        yield from chain.from_iterable(split_rows(line, dialect.delimiter, dialect.quote) for line in lines)
        return
    csv.field_size_limit(1 << 27)
    quoting = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=dialect.delimiter, **quoting)
    yield from (row for row in reader if any(map(str.strip, row)))


def _read_line_by_line(path: Path, encoding: Encoding, dialect: Dialect) -> RawTable:
    with _open(path, encoding, dialect) as lines:
        try:
            return _table(_rows(lines, dialect), dialect)
        except csv.Error as error:
            raise DataError(f"It cannot be divided into columns: {error}.") from None


def _table(rows: Iterator[list[str]], dialect: Dialect) -> RawTable:
    """Rows as a table of text. Short rows get missing cells at their end; those that are too long are left out."""
    import pandas as pd

    first = next(rows, None) if dialect.header else None
    width = max(dialect.columns, len(first or ()))
    names = unique_names([*(first or ()), *[""] * (width - len(first or ()))])
    kept: list[list[str | None]] = []
    left_out: list[LeftOut] = []
    count = 0
    for number, row in enumerate(rows, 1 + dialect.skip + dialect.header):
        if len(row) > width and not any(map(str.strip, row[width:])):
            row = row[:width]
        if len(row) > width:
            count += 1
            if len(left_out) < MOST_LISTED:
                left_out.append(LeftOut(number, f"has {len(row)} cells, the others have {width}"))
            continue
        cells: list[str | None] = [None if is_missing(cell) else cell.strip() for cell in row]
        kept.append(cells + [None] * (width - len(row)))
    frame = pd.DataFrame(kept, columns=names, dtype="str")
    return RawTable(frame, {}, tuple(left_out), count, dialect.header)


def read_rows(path: str, names: list[str] | None, encoding: str, separator: str, quote: str, skip: int) -> pd.DataFrame:
    """The rows of the file, every cell as text; columns without `names` have numbers. Too long rows are left out."""
    import csv

    import pandas as pd

    return pd.read_csv(
        path,
        names=names,
        header=None,
        index_col=False,
        skiprows=skip,
        encoding=encoding,
        sep=separator,
        dtype="str",
        keep_default_na=False,
        na_values=[""],
        quotechar=quote or '"',
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        on_bad_lines="skip",
    )
