"""What a reader gives: the columns of a table as they stand in the file, and what was found out about the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 20  # rows that were left out, by their numbers and reasons


@dataclass(frozen=True)
class LeftOut:
    """A row that could not be used: its line (from 1) in the file, and why."""

    line: int
    reason: str


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
