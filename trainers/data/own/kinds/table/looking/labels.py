"""Finds cells that hold several labels at once, such as "red;blue", and how these are divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trainers.data.own.kinds.table.cell_values import label_parts

DELIMITERS = {"[]": "written as lists", ";": "divided by ;", "|": "divided by |", ",": "divided by commas"}
BY_CHOICE = {**DELIMITERS, "/": "divided by /", "+": "divided by +", " ": "divided by blanks"}
MOST_LABELS = 1000
LONGEST, MOST_WORDS = 60, 4  # characters of a label, and words on average: more are sentences
AGAIN = 2.0  # times that a label is written, on average
SEVERAL = 0.03  # of the rows hold more than one label
MIXED = 0.8  # of the labels stand in different company


class Labels(NamedTuple):
    """How labels are divided, and all that occur."""

    delimiter: str
    labels: tuple[str, ...]

    @property
    def reason(self) -> str:
        """What says that cells hold several labels."""
        how, shown = BY_CHOICE[self.delimiter], ", ".join(self.labels[:3])
        return f"Its cells hold several of {len(self.labels):,} labels, {how}: {shown}{' …' * (len(self.labels) > 3)}."


def labels_in(counts: Mapping[str, int], delimiters: Sequence[str] = tuple(DELIMITERS)) -> Labels | None:
    """The labels in cells, if cells seem to hold several. `counts`: how often each different cell occurs.

    Names and sentences with commas are no labels: their parts do not come again, or always in the same company. Cells
    that all have equally many parts are pairs or coordinates.
    """
    found = [labels for delimiter in delimiters if (labels := _divided(counts, delimiter)) is not None]
    return max(found, key=lambda labels: delimiters.index(labels.delimiter) == 0, default=None)


def _divided(counts: Mapping[str, int], delimiter: str) -> Labels | None:
    lists = delimiter == "[]"
    cells = [cell for cell in counts if _is_list(cell)] if lists else [c for c in counts if delimiter in c.strip()]
    rows = sum(counts.values())
    if not cells or (lists and sum(counts[cell] for cell in cells) < 0.95 * rows):
        return None
    company: dict[str, int] = {}  # in how many different cells a label stands
    written = several = 0
    numbers = set()
    for cell, count in counts.items():
        parts = label_parts(cell, delimiter)
        if any(len(part) > LONGEST for part in parts):
            return None
        for part in parts:
            company[part] = company.get(part, 0) + 1
        if len(company) > MOST_LABELS:
            return None
        numbers.add(len(parts) if lists else sum(bool(part.strip()) for part in cell.split(delimiter)))
        written += count * len(parts)
        several += count * (len(parts) > 1)
    words = sum(len(part.split()) for part in company) / max(1, len(company))
    if len(company) < 2 or words > MOST_WORDS or written < AGAIN * len(company) or several < SEVERAL * rows:
        return None
    mixed = sum(number > 1 for number in company.values())
    if not lists and (len(numbers) < 2 or mixed < MIXED * len(company)):
        return None
    return Labels(delimiter, tuple(sorted(company)))


def _is_list(cell: str) -> bool:
    return cell.strip()[:1] in ("[", "{", "(") and cell.strip()[-1:] in ("]", "}", ")")


def chosen_labels(cells: Sequence[str]) -> Labels:
    """The labels of cells that the user takes for labels, divided by what divides most of them."""
    best = max(BY_CHOICE, key=lambda delimiter: _dividing(cells, delimiter))
    labels = {part for cell in cells for part in label_parts(cell, best)}
    return Labels(best, tuple(sorted(labels)[:MOST_LABELS]))


def _dividing(cells: Sequence[str], delimiter: str) -> float:
    """In how many cells it stands, where it leaves few different labels."""
    if delimiter == "[]":
        return float(len(cells)) if sum(map(_is_list, cells)) > 0.9 * len(cells) else -1.0
    parts = {part for cell in cells for part in label_parts(cell, delimiter)}
    return sum(delimiter in cell.strip() for cell in cells) / max(1, len(parts))
