"""Very large tables of text: written once, piece by piece, into a Parquet file, which is then read as other ones are.

It is in $NETLOOM_HOME/data/large, and made again when the text is another one. The last few are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainers import stages
from trainers.data.own.reading.table import MOST_LISTED, LeftOut
from trainers.home import home

LARGE = 1 << 27  # bytes, above which a table is not read whole
GROUP = 250_000  # rows, and
GROUP_BYTES = 1 << 26  # of memory, after which a group of rows is written
MOST_KEPT = 4  # files
LEFT_OUT = b"netloom.left_out"
CONVERTING = "Converting to columns"


def converted(path: Path, key: str, reading: Any, parsing: Any, convertings: Sequence[Any]) -> Path | None:
    """The table as a Parquet file.

    Parameters:
        key: names how it is read.
        reading, parsing, convertings: options of pyarrow.csv; of several ways to convert, the first one that suits.

    Returns:
        None: the file cannot be divided into columns, or has bytes of no character.
    """
    facts = path.stat()
    text = json.dumps([str(path), facts.st_size, facts.st_mtime_ns, key])
    target = home() / "data" / "large" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.parquet"
    if target.is_file():
        with contextlib.suppress(OSError):
            target.touch()  # it is used: others go first
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for converting in convertings:
        temporary = target.with_suffix(f".{uuid.uuid4().hex[:8]}")
        try:
            if _convert(path, temporary, reading, parsing, converting):
                temporary.replace(target)
                _remove_old(target)
                return target
        finally:
            temporary.unlink(missing_ok=True)
    return None


def left_out(path: Path) -> tuple[tuple[LeftOut, ...], int]:
    """Which rows of the text are not in its Parquet file: the first ones, and how many."""
    import pyarrow.parquet as parquet

    lines, count = json.loads(parquet.read_metadata(path).metadata[LEFT_OUT])
    return tuple(LeftOut(line, reason) for line, reason in lines), count


def _convert(path: Path, target: Path, reading: Any, parsing: Any, converting: Any) -> bool:
    """Write the Parquet file. False: a cell or a byte does not suit."""
    import pyarrow as pa
    import pyarrow.csv as arrow
    import pyarrow.parquet as parquet

    skipped: list[tuple[int, str]] = []
    count = 0

    def skip(row: Any) -> str:
        nonlocal count
        count += 1
        if len(skipped) < MOST_LISTED:
            skipped.append((row.number or 0, f"has {row.actual_columns} cells, the others have {row.expected_columns}"))
        return "skip"

    parsing.invalid_row_handler = skip
    with stages.HeardFile(path, CONVERTING) as opened:
        try:
            rows = arrow.open_csv(opened, reading, parsing, converting)
            with parquet.ParquetWriter(target, rows.schema) as writer:
                for batches in _groups(rows):
                    writer.write_table(pa.Table.from_batches(batches))
                writer.add_key_value_metadata({LEFT_OUT: json.dumps([skipped, count])})
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
            return False
    return True


def _groups(batches: Any) -> Iterator[list[Any]]:
    """Batches until they are a group of rows."""
    group: list[Any] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def _remove_old(newest: Path) -> None:
    found = sorted(newest.parent.glob("*.parquet"), key=lambda each: each.stat().st_mtime)
    for each in found[:-MOST_KEPT]:
        with contextlib.suppress(OSError):  # Windows keeps a file that is read
            each.unlink()
