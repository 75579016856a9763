"""ARFF, the format of Weka and OpenML: the types of the columns stand above the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.encoding import encoding_of
from trainers.data.own.reading.table import LOST, RawTable, unique_names

if TYPE_CHECKING:
    import pandas as pd


class Arff(Reader):
    """Rows with commas, also sparse ones ("{0 3.5, 7 yes}"), below lines that name the columns and their types."""

    name: ClassVar[str] = "arff"
    label: ClassVar[str] = "ARFF"
    endings: ClassVar[tuple[str, ...]] = (".arff",)

    def read(self, path: Path, **options: object) -> RawTable:
        encoding = encoding_of(path, self.encoding)
        try:
            frame = read_rows(str(path), None, encoding.name)
        except (ValueError, IndexError) as error:
            raise DataError(f"It is no ARFF: {error}.") from None
        found = {"types": "The file says the type of each column."}
        found |= {LOST: encoding.trouble} if encoding.lost else {}
        return RawTable(frame.set_axis(unique_names(frame.columns), axis=1), found)

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"encoding": repr(encoding_of(path, self.encoding).name)}


def read_rows(path: str, names: list[str] | None = None, encoding: str = "utf-8") -> pd.DataFrame:
    """The rows of an ARFF file: numbers as numbers, everything else as text. ValueError: where it is not ARFF."""
    import csv
    import re
    from pathlib import Path

    import pandas as pd

    columns: list[tuple[str, bool]] = []  # and whether it holds numbers
    rows: list[list[str | None]] = []
    quote, data = '"', False
    for number, line in enumerate(Path(path).read_text(encoding=encoding, errors="replace").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if not data:
            found = re.match(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+)\s+(\S+)", line, re.IGNORECASE)
            if found:
                name = found[1][1:-1] if found[1][0] in "'\"" else found[1]
                columns.append((name, found[2].lower() in ("numeric", "real", "integer")))
            elif line.lower().startswith("@data"):
                data = True
            elif not line.lower().startswith("@relation"):
                raise ValueError(f"line {number} is neither @attribute nor @data")
            continue
        sparse = line.startswith("{") and line.endswith("}")
        quote = "'" if re.search(r"(^|[,{\s])'", line) else '"'
        text = re.sub(r"\s*,\s*", ",", line[1:-1].strip() if sparse else line)
        cells = next(csv.reader([text], quotechar=quote, skipinitialspace=True, escapechar="\\"), [])
        if sparse:
            given = dict(cell.split(None, 1) for cell in cells if cell.strip())
            cells = [given.get(str(place), "0").strip("'\" ") for place in range(len(columns))]
        if len(cells) < len(columns):
            raise ValueError(f"line {number} has {len(cells)} cells, and there are {len(columns)} columns")
        rows.append([None if cell.strip() in ("?", "") else cell.strip() for cell in cells[: len(columns)]])
    if not columns or not data:
        raise ValueError("it has no @attribute or no @data line")
    frame = pd.DataFrame(rows, columns=[name for name, _ in columns], dtype="str")
    found_columns = [
        pd.to_numeric(frame.iloc[:, place], errors="coerce") if numeric else frame.iloc[:, place]
        for place, (_, numeric) in enumerate(columns)
    ]
    frame = pd.concat(found_columns, axis=1)
    return frame if names is None else frame.set_axis(names, axis=1)
