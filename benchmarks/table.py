"""One line of the benchmark's table."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Row(NamedTuple):
    """What was measured, its value, and what it must reach."""

    what: str
    value: float
    bound: Literal["at most", "at least", ""]
    limit: float
    note: str = ""

    @property
    def holds(self) -> bool:
        if not self.bound:
            return True
        return self.value <= self.limit if self.bound == "at most" else self.value >= self.limit

    def line(self) -> str:
        wanted = f"{self.bound} {self.limit:g}" if self.bound else ""
        mark = ("ok" if self.holds else "MISSED") if self.bound else ""
        return f"{self.what:<66} {self.value:>9.3f}  {wanted:<14} {mark:<7} {self.note}"
