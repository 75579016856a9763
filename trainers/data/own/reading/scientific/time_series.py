"""The .ts files of archives of time series (UEA and UCR): a series with its class on each line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.encoding import encoding_of
from trainers.data.own.reading.table import LOST, RawTable

if TYPE_CHECKING:
    import pandas as pd


class TimeSeries(Reader):
    """A row for each series: a column for each step of each dimension, and the class or the number to predict."""

    name: ClassVar[str] = "time_series"
    label: ClassVar[str] = "series of an archive"
    endings: ClassVar[tuple[str, ...]] = (".ts",)

    def recognises(self, head: bytes, ending: str) -> bool:
        """By its first lines: films and programs have the same ending."""
        return ending == ".ts" and b"@problemname" in head.lower()

    def read(self, path: Path, **options: object) -> RawTable:
        encoding = encoding_of(path, self.encoding)
        try:
            frame = read_rows(str(path), None, encoding.name)
        except ValueError as error:
            raise DataError(f"Its series cannot be read: {error}.") from None
        steps = sum(name.startswith(("t", "d")) for name in frame.columns)
        found = {"types": f"Each line is a series; its {steps:,} values are columns in their order."}
        found |= {LOST: encoding.trouble} if encoding.lost else {}
        short = int(frame.iloc[:, steps - 1].isna().sum()) if steps else 0
        if short:
            found["lengths"] = f"{short:,} series are shorter than the longest; their last values are missing."
        return RawTable(frame, found)

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"encoding": repr(encoding_of(path, self.encoding).name)}


def read_rows(path: str, names: list[str] | None = None, encoding: str = "utf-8") -> pd.DataFrame:
    """The series of a .ts file as rows: t0, t1, … of one dimension, d0_t0, … of several; the last column is "class" or
    "target". ValueError: where they cannot be read."""
    from pathlib import Path

    import pandas as pd

    rows: list[list[list[str]]] = []
    answers: list[str] = []
    answer, data = "", False
    for number, line in enumerate(Path(path).read_text(encoding=encoding, errors="replace").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            word, _, value = line.lower().partition(" ")
            if word == "@timestamps" and value.strip() == "true":
                raise ValueError("its values have times of their own, and only series at equal steps are read")
            if word in ("@classlabel", "@targetlabel") and value.split()[:1] == ["true"]:
                answer = "class" if word == "@classlabel" else "target"
            data = data or word == "@data"
            continue
        if not data:
            raise ValueError(f"line {number} stands before @data")
        parts = line.split(":")
        if answer:
            answers.append(parts.pop().strip())
        rows.append([part.split(",") for part in parts])
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(f"line {number} has {len(rows[-1])} dimensions, the first one has {len(rows[0])}")
    if not rows:
        raise ValueError("it holds no series")
    columns: dict[str, pd.Series] = {}
    for dimension in range(len(rows[0])):
        longest = max(len(row[dimension]) for row in rows)
        values = [row[dimension] + [""] * (longest - len(row[dimension])) for row in rows]
        for step, cells in enumerate(zip(*values, strict=True)):
            name = f"t{step}" if len(rows[0]) == 1 else f"d{dimension}_t{step}"
            known = pd.Series([cell.strip() if cell.strip() not in ("?", "", "NaN") else None for cell in cells])
            columns[name] = pd.to_numeric(known).astype("float64")
    if answer:
        given = pd.Series(answers, dtype="str")
        columns[answer] = pd.to_numeric(given) if answer == "target" else given
    frame = pd.DataFrame(columns)
    return frame if names is None else frame.set_axis(names, axis=1)
