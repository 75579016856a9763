"""What a tab has chosen on the Data page, and what it can undo there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Step(NamedTuple):
    """A change of a data set of one's own: its schema as it was before (or, of what was undone, after)."""

    name: str
    schema: Any
    label: str


@dataclass
class DataWork:
    """The data set that is shown, the part of it that is open for changes (such as a column), and the changes."""

    name: str | None = None
    part: str | None = None
    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    adding: Any = None  # what is being added now, see pages/data_page/adding.py
    way: str = ""  # in which data were added last, see pages/data_page/ways
    removed: str = ""  # the data set that was removed last, to be brought back
    leave: bool = False  # a network was started, and the page is to be left for Build
    report: str = ""  # what was found when a changed file was read again
