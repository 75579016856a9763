"""Spreadsheets: Excel and OpenDocument."""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.dialect import find_header
from trainers.data.own.reading.table import RawTable, flat_columns, unique_names

if TYPE_CHECKING:
    import pandas as pd

MOST_UNPACKED = 2 << 30  # bytes: a small file that unpacks to more is refused


class Excel(Reader):
    """The largest sheet of a workbook (xlsx, xlsm, xlsb, xls, ods). Empty rows and columns around it are left out."""

    name: ClassVar[str] = "excel"
    label: ClassVar[str] = "spreadsheet"
    endings: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
    magic: ClassVar[tuple[bytes, ...]] = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    shares_magic: ClassVar[bool] = True

    def read(self, path: Path, **options: object) -> RawTable:
        sheet, skip, header = self._look(path)
        frame = read_rows(str(path), None, sheet, skip + header)
        above: list[str] = []
        if header:
            cells = self._cells(path, sheet)
            names = cells.iloc[skip].tolist()
            above = _groups_above(cells.iloc[skip - 1].tolist(), names) if skip else []
            frame = frame.set_axis(unique_names(above or names), axis=1)
        else:
            frame = frame.set_axis(unique_names([""] * frame.shape[1]), axis=1)
        table = flat_columns(frame, "The cells of the sheet have types.")
        found = {**table.found, "sheet": f"The sheet {sheet} has the most cells."}
        if above:
            found["header"] = f"Two rows name the columns: {above[0]}, …"
        if count := _formulas_without_values(path):
            found["formulas"] = (
                f"{count:,} cells of the file are formulas without a stored value, and count as missing. Open it in "
                "its program and save it there."
            )
        return RawTable(table.frame, found, header=header)

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        sheet, skip, header = self._look(path)
        return read_rows, {"sheet": repr(sheet), "skip": repr(skip + header)}

    def _look(self, path: Path) -> tuple[str, int, bool]:
        """The sheet with the most cells, the rows above its table, and whether the first row names the columns."""
        from python_calamine import CalamineError, CalamineWorkbook

        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
                    raise DataError(f"It unpacks to more than {MOST_UNPACKED >> 30} GB.")
        try:
            book = CalamineWorkbook.from_path(str(path))
            sizes = {name: book.get_sheet_by_name(name).total_height * book.get_sheet_by_name(name).total_width
                     for name in book.sheet_names}  # fmt: skip
        except (CalamineError, OSError, ValueError) as error:
            raise DataError(f"It cannot be opened as a spreadsheet: {str(error)[:200]}.") from None
        sheet = max(sizes, key=lambda name: sizes[name], default="")
        if not sheet or not sizes[sheet]:
            raise DataError("No sheet of it has a cell.")
        cells = self._cells(path, sheet)
        filled = cells.notna().sum(axis=1).to_numpy()
        wide = [place for place, count in enumerate(filled) if count > 0.5 * filled.max()]
        skip = int(wide[0])
        rows = [["" if value != value or value is None else str(value) for value in row]
                for row in cells.iloc[skip : skip + 300].to_numpy(object).tolist()]  # fmt: skip
        header, _ = find_header(rows, cells.shape[1])
        return sheet, skip, header

    def _cells(self, path: Path, sheet: str) -> pd.DataFrame:
        """The cells of a sheet, empty rows among them, without empty columns."""
        import pandas as pd

        return pd.read_excel(path, sheet_name=sheet, header=None, engine="calamine").dropna(how="all", axis=1)


def _groups_above(above: list[object], names: list[object]) -> list[str]:
    """Names of the columns with those of the groups that stand above them, "Q1 sales"; []: there are no groups.

    A group is named above its first column, as merged cells are; without groups some names would be there twice.
    """
    known = [str(name) for name in names if name is not None and name == name]
    groups = ["" if cell is None or cell != cell else str(cell).strip() for cell in above]
    if len(set(known)) == len(known) or sum(map(bool, groups)) < 2:
        return []
    found, group = [], ""
    for cell, name in zip(groups, names, strict=True):
        group = cell or group
        own = "" if name is None or name != name else str(name).strip()
        found.append(f"{group} {own}".strip())
    return found


def _formulas_without_values(path: Path) -> int:
    """How many cells of an xlsx file are formulas whose values a program left out, as libraries that write files do."""
    count = 0
    if zipfile.is_zipfile(path):
        with contextlib.suppress(zipfile.BadZipFile, zlib.error, OSError), zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                    count += len(re.findall(rb"(?:</f>|<f[^>]*/>)(?:<v\s*/>|<v></v>)?</c>", archive.read(name)))
    return count


def read_rows(path: str, names: list[str] | None = None, sheet: str = "", skip: int = 0) -> pd.DataFrame:
    """The rows of a sheet below its header, without those that are empty; pandas reads it with python-calamine."""
    import pandas as pd

    frame = pd.read_excel(path, sheet_name=sheet, header=None, engine="calamine").dropna(how="all", axis=1)
    frame = frame.iloc[skip:].dropna(how="all").reset_index(drop=True).infer_objects()
    return frame if names is None else frame.set_axis(names, axis=1)
