"""What single cells of a text file look like: missing, a number in one of several notations, a date, yes or no."""

from __future__ import annotations

import re

from trainers.data.own.kinds.table.cell_values import missing_words

MISSING = frozenset(missing_words())
LONGEST_MISSING = max(map(len, MISSING))

NUMBER = re.compile(r"[(]?[+−-]?(?:\d{1,3}(?:[ .,'’\u00a0\u202f]\d{3})+|\d+)?(?:[.,]\d*)?(?:[eE][+-]?\d+)?[)]?")
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?: \d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?)?"
    r"|\d{1,2}[ -][A-Za-z]{3,9}\.?[ -]\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2}, \d{4}|\d{1,2}:\d{2}(?::\d{2})?"
)
UNIT = re.compile(r"(?:[$€£¥]\s?)?\d[\d.,' ]*\s?(?:%|[A-Za-zµ°²³/]{1,8})?")


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    if cell[-1:].isdecimal():  # quickly, since it is asked of every cell; no such word ends so
        return False
    stripped = cell.strip()
    return len(stripped) <= LONGEST_MISSING and stripped.lower() in MISSING


def looks_like_a_value(cell: str, text: bool = True) -> bool:
    """Whether a cell is a single value: missing, a number, a date; with `text` also words without delimiters."""
    stripped = cell.strip()
    if is_missing(stripped) or len(stripped) > 40:
        return text and (not stripped or len(stripped) <= 40 or not re.search(r"[;|\t]", stripped))
    if any(map(str.isdigit, stripped)) and (
        NUMBER.fullmatch(stripped) or DATE.fullmatch(stripped) or UNIT.fullmatch(stripped)
    ):
        return True
    return text and not re.search(r"[,;|\t]", stripped)
