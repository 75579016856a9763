"""What a reader gives: the columns of a table as they stand in the file, and what was found out about the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_IN_A_LIST, LONGEST_IN_A_LIST = 100, 60  # labels in a cell, and characters of one
LOST = "characters"  # in `RawTable.found`: which bytes stand for no character
MOST_LISTED = 20  # rows that were left out, by their numbers and reasons


@dataclass(frozen=True)
class LeftOut:
    """A row that could not be used: its line (from 1) in the file, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Sample:
    """What is known of a file of which only some rows were read.

    `rows`: how many it has; `missing`: how many cells of each column are missing, where the file says so; `values`:
    gives the different cells of a column, from all rows.
    """

    rows: int
    missing: Mapping[str, int]
    values: Callable[[str], pd.Series]


@dataclass(frozen=True)
class RawTable:
    """A table as it was read: every column as text, or as what the file says that it is (numbers, dates, yes/no).

    `frame` has a column for each of the file's, with unique names; missing cells are None or NaN.
    `found` says how the file was read, a sentence for each thing that had to be found out.
    `left_out` lists rows that are not in `frame`; `left_out_count` counts them all.
    """

    frame: pd.DataFrame
    found: dict[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    header: bool = True
    sample: Sample | None = None  # `frame` holds only some of the rows

    def __post_init__(self) -> None:
        # as Arrow's text, each look-up of one of 10,000 names takes a millisecond
        self.frame.columns = self.frame.columns.astype(object)

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.sample.rows if self.sample is not None else len(self.frame)


def unique_names(names: Iterable[object]) -> list[str]:
    """Names for columns, each once: an empty one is named by its place, a second "age" is "age_2".

    A column without a name is "column_3" by its place from 0, as in a file without a header.
    """
    given = [" ".join(str(name).split()) if name is not None and name == name else "" for name in names]
    taken = set(filter(None, given))
    result: list[str] = []
    seen: set[str] = set()
    for place, name in enumerate(given):
        base = name or f"column_{place}"
        unique, number = base, 2
        while unique in seen or (unique in taken and unique != name):
            unique, number = f"{base}_{number}", number + 1
        seen.add(unique)
        result.append(unique)
    return result


def _as_lists(cells: pd.Series) -> pd.Series | None:
    """Cells that hold lists of short texts, written as JSON; None: they hold something else."""

    def written(value: object) -> str | None:
        found = value.tolist() if hasattr(value, "tolist") else value
        if not isinstance(found, list) or len(found) > MOST_IN_A_LIST:
            return None
        short = all(isinstance(each, str) and len(each) <= LONGEST_IN_A_LIST for each in found)
        return json.dumps(found, ensure_ascii=False) if short else None

    known = cells.notna()
    texts = cells[known].map(written)
    if not len(texts) or texts.isna().any():
        return None
    return texts.reindex(cells.index).astype("str")


def flat_columns(frame: pd.DataFrame, why: str) -> RawTable:
    """A table whose file has types: columns with plain names, in which every cell is a single value.

    Lists of short texts become texts themselves, '["red", "blue"]'. Columns with other lists, records or bytes in their
    cells are left out, and `found` names them.
    """
    import pandas as pd

    frame = frame.reset_index(drop=True).set_axis(unique_names(frame.columns), axis=1)
    kept, nested = {}, []
    for name in frame.columns:
        cells = frame[name]
        if isinstance(cells.dtype, pd.CategoricalDtype):
            cells = cells.astype(cells.cat.categories.dtype)
        if cells.dtype == object:
            known = cells.dropna()
            if (listed := _as_lists(cells)) is not None:
                kept[name] = listed
                continue
            if known.map(lambda value: isinstance(value, list | dict | bytes | tuple) or hasattr(value, "shape")).any():
                nested.append(str(name))
                continue
            numbers = known.map(lambda value: isinstance(value, int | float) and not isinstance(value, bool)).all()
            cells = pd.to_numeric(cells) if numbers and len(known) else cells.infer_objects()
            if cells.dtype == object and not pd.api.types.is_datetime64_any_dtype(cells):
                cells = cells.map(str, na_action="ignore").astype("str")
        kept[name] = cells
    found = {"types": why}
    if nested:
        found["nested"] = f"Left out, since their cells are lists or records: {', '.join(nested[:20])}."
    return RawTable(pd.DataFrame(kept, index=frame.index), found)
