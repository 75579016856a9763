"""Guesses the type of a column from its cells: number, category, yes or no, date or text, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from trainers.data.base import DataError
from trainers.data.own.kinds.table.cell_values import date_parts_of, dates_of, known_of, numbers_of, words_of
from trainers.data.own.kinds.table.looking.labels import chosen_labels, labels_in
from trainers.data.own.kinds.table.schema import ENCODINGS, MISSING, Column, Notation, Type

LOOK_AT = 200_000  # rows from which a type is guessed; categories come from all of them
MOSTLY = 0.95  # of the known cells are of a type; the others are missing then, and are reported
ONE_HOT = 12  # categories, at most, that have an input each; more are embedded
MOST_CATEGORIES = 10_000
WORDS_OF_TEXT = 4  # on average, from which cells that hardly repeat are text and no names

YES_NO = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("oui", "non"),
    ("si", "no"), ("sí", "no"), ("sim", "não"), ("да", "нет"), ("j", "n"), ("o", "n"), ("s", "n"),
    ("✓", "✗"), ("✔", "✘"), ("present", "absent"), ("positive", "negative"),
    ("pass", "fail"), ("vrai", "faux"), ("wahr", "falsch"), ("vero", "falso"), ("verdadero", "falso"),
    ("verdadeiro", "falso"), ("tak", "nie"), ("evet", "hayır"), ("是", "否"), ("はい", "いいえ"),
)  # fmt: skip
NOTATIONS = tuple(
    Notation(decimal=decimal, thousands=thousands)  # type: ignore[arg-type]
    for decimal, marks in ((".", ("", ",", " ", "'")), (",", ("", ".", " ", "'")))
    for thousands in marks
)
DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%y",
    "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%d/%b/%Y",
    "%d %B %Y", "%d-%B-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%b-%d-%Y", "%Y-%b-%d", "%Y %b %d",
    "%d. %B %Y", "%d. %b %Y", "%y-%m-%d", "%y/%m/%d", "%A, %d %B %Y", "%A, %B %d, %Y", "%a, %d %b %Y",
)  # fmt: skip
MONTHS = (
    "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%b %y", "%b/%Y", "%Y %b", "%Y-%b", "%Y %B", "%Y-%m", "%m/%Y", "%Y/%m",
    "%m-%Y", "%m.%Y",
)  # fmt: skip
CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
DATE_FORMATS = (
    *DAYS, *MONTHS, *(f"{day} {clock}" for day in DAYS for clock in CLOCKS), "%a %b %d %H:%M:%S %Y", "%Y%m%d%H%M%S",
    "%Y%m%dT%H%M%S", *CLOCKS, "%H.%M.%S",
)  # fmt: skip
CALLED_TIME = re.compile(r"(^|_)(time|timestamp|date|datetime|ts|unix|unixtime|epoch|utc|created|updated|at)$", re.I)
UNIT = re.compile(
    r"[(+−-]?(?P<prefix>[$€£¥₹]|[A-Z]{3}(?= ?\d))?\s?"
    r"[+−-]?[\d.,'’\u00a0\u202f\u2009 ]*\d\s?"
    r"(?P<suffix>%|[A-Za-zµμ°²³/€$£]{1,10}|[$€£¥₹])?\)?"
)


class Guess(NamedTuple):
    """The type of a column, its details as fields of `Column`, and why."""

    type: Type
    reason: str
    details: dict[str, Any]


def guess_column(name: str, cells: pd.Series, european: bool = False) -> Column:
    """The column of a schema with the type that its cells seem to have. `european`: a comma is the decimal mark where
    both readings are possible, since semicolons divide the columns of the file."""
    guess = guess_type(name, cells, european)
    unread = guess.details.pop("unread", 0)
    missing = bool(cells.isna().any()) or unread > 0
    encoding = guess.details.pop("encoding", ENCODINGS[guess.type][0])
    return Column(
        name=name,
        type=guess.type,
        missing=MISSING[guess.type][0],
        encoding=encoding,
        may_be_missing=missing,
        type_reason=guess.reason,
        **guess.details,
    )


def guess_type(name: str, cells: pd.Series, european: bool = False) -> Guess:
    """What the cells of a column are, and why."""
    if pd.api.types.is_bool_dtype(cells):
        return Guess("yes_no", "It holds only true and false.", {"yes": ("True",), "no": ("False",)})
    if pd.api.types.is_datetime64_any_dtype(cells):
        return Guess("date", "The file says that these are dates.", {"parts": varying_parts(pd.DatetimeIndex(cells))})
    if pd.api.types.is_numeric_dtype(cells):
        return _since_1970(name, cells) or _of_numbers(cells)
    if not len(cells):
        return Guess("text", "It has no row.", {})
    text = words_of(_some(cells)).dropna()
    if not len(text):
        return Guess("category", "It is empty.", {"categories": (), "encoding": "one_hot"})
    counts = text.value_counts()
    values = list(counts.index)
    return (
        _yes_no(values)
        or _codes(cells, text, values)
        or _number(text, european)
        or _date(name, text, values)
        or _labels(counts)
        or _words(cells, text, counts)
    )


def _some(cells: pd.Series) -> pd.Series:
    """The cells, or so many of them at equal distances."""
    return cells if len(cells) <= LOOK_AT else cells.iloc[:: -(-len(cells) // LOOK_AT)]


def _since_1970(name: str, cells: pd.Series) -> Guess | None:
    """Seconds or thousandths of seconds since 1970, of the years 1980 to 2100, in a column that is called so."""
    if not CALLED_TIME.search(name.strip()) or not len(known := cells.dropna()):
        return None
    for unit, size in (("seconds", 1.0), ("milliseconds", 1000.0)):
        if known.between(3.15e8 * size, 4.1e9 * size).all():
            written = f"{unit} since 1970"
            return Guess("date", f"All numbers are {written}.", {
                "date_format": written, "parts": varying_parts(dates_of(_some(known), written))
            })  # fmt: skip
    return None


def _of_numbers(cells: pd.Series) -> Guess:
    known = known_of(cells)
    if not len(known):
        return Guess("number", "It is empty.", {})
    values = set(known.iloc[:100].unique()[:3].tolist())  # most columns of numbers show there that they hold others
    values = set(known.unique()[:3].tolist()) if values <= {-1, 0, 1} else values
    for no in (0, -1):
        if values == {no, 1} and known.isin((no, 1)).all():
            return Guess("yes_no", f"It holds only {no} and 1.", {"yes": ("1",), "no": (str(no),)})
    if pd.api.types.is_integer_dtype(cells) and known.between(17000101, 22001231).all():
        text = words_of(_some(known))
        if _read(text.drop_duplicates(), "%Y%m%d") == 1:
            details = {"date_format": "%Y%m%d", "parts": varying_parts(dates_of(text, "%Y%m%d"))}
            return Guess("date", "All numbers are dates, as 20241231.", details)
    unread = int((~np.isfinite(numbers_of(known))).sum())
    reason = "All cells are numbers." if not unread else "All cells are numbers; infinite ones count as missing."
    return Guess("number", reason, {"unread": unread})


def _yes_no(values: Sequence[str]) -> Guess | None:
    """Cells that are all one of two words that mean yes and no, however they are written."""
    lower = {value.lower() for value in values}
    if len(lower) > 8:
        return None
    for zero in ("0", "-1"):
        if lower == {zero, "1"}:
            return Guess("yes_no", f"It holds only {zero} and 1.", {"yes": ("1",), "no": (zero,)})
    yes, no = ({pair[place] for pair in YES_NO} for place in (0, 1))
    extra = lower & {"0", "1"} if lower & yes and lower & no else set()
    if lower - extra <= yes | no and lower & yes and lower & no:
        written = [[value for value in values if value.lower() in words] for words in (yes | {"1"}, no | {"0"})]
        shown = " and ".join(words[0] for words in written)
        return Guess("yes_no", f"It holds only {shown}.", {"yes": tuple(written[0]), "no": tuple(written[1])})
    return None


def _codes(cells: pd.Series, text: pd.Series, values: Sequence[str]) -> Guess | None:
    """Digits with leading zeros: post codes, account numbers."""
    zeros = [value for value in values if re.fullmatch(r"0\d+", value)]
    if zeros and sum(map(str.isdigit, values)) == len(values) and any(value.strip("0") for value in zeros):
        return _category(cells, text, f"It has leading zeros ({zeros[0]}), so it is a code and no number.")
    return None


def _number(text: pd.Series, european: bool) -> Guess | None:
    """Numbers in the notation that reads most cells; of two that read equally many, the one that suits the file."""
    digits = text[text.str.contains(r"\d")]
    if len(digits) < MOSTLY * len(text):
        return None
    prefix, suffix = _unit(digits)
    best: tuple[float, Notation] | None = None
    for notation in NOTATIONS:
        tried = notation.model_copy(update={"prefix": prefix, "suffix": suffix})
        if notation.thousands and not _grouped(text, tried):
            continue
        share = float(np.isfinite(numbers_of(text, **tried.model_dump())).mean())
        preferred = notation.decimal == ("," if european else ".")
        if best is None or share > best[0] or (share == best[0] and preferred and best[1].decimal != notation.decimal):
            best = share, tried
    assert best is not None
    share, notation = best
    if share < MOSTLY:
        return None
    unread = round((1 - share) * len(text))
    reason = "All cells are numbers" if not unread else f"{share:.1%} of the cells are numbers; the others are missing"
    return Guess("number", reason + _written(notation) + ".", {"notation": notation, "unread": unread})


def _written(notation: Notation) -> str:
    """How numbers are written, where it is not the usual way: ", with a comma as decimal mark"."""
    parts = []
    if notation.decimal == ",":
        parts.append("a comma as decimal mark")
    if notation.thousands:
        mark = {" ": "blanks", "'": "apostrophes", ",": "commas", ".": "points"}[notation.thousands]
        parts.append(f"{mark} between thousands")
    if unit := notation.prefix or notation.suffix:
        parts.append(f"the unit {unit}")
    return f", with {' and '.join(parts)}" if parts else ""


def _grouped(text: pd.Series, notation: Notation) -> bool:
    """Whether the thousands mark stands where it divides thousands, and nowhere else."""
    mark = {" ": "[ \u00a0\u202f\u2009]", "'": "['’]"}.get(notation.thousands, re.escape(notation.thousands))
    bare = text.str.replace(notation.prefix, "", n=1, regex=False) if notation.prefix else text
    bare = (bare.str.removesuffix(notation.suffix) if notation.suffix else bare).str.strip()
    marked = bare[bare.str.contains(mark)]
    decimal = re.escape(notation.decimal)
    pattern = rf"\(?[+−-]?[1-9]\d{{0,2}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:{decimal}\d*)?\)?"
    return bool(len(marked)) and float(marked.str.fullmatch(pattern).mean()) >= MOSTLY


def _unit(text: pd.Series) -> tuple[str, str]:
    """What stands before and behind nearly every number; empty: nothing, or not always the same."""
    found = [UNIT.fullmatch(value) for value in text.iloc[:: max(1, len(text) // 2000)]]
    matched = [match for match in found if match]
    if len(matched) < MOSTLY * len(found):
        return "", ""
    prefix, suffix = ({match.group(part) or "" for match in matched} - {""} for part in ("prefix", "suffix"))
    return (prefix.pop() if len(prefix) == 1 else ""), (suffix.pop() if len(suffix) == 1 else "")


def _date(name: str, text: pd.Series, values: Sequence[str]) -> Guess | None:
    """Dates in the format that reads most cells. Of days and months that can be read both ways, the day comes first."""
    sample = pd.Series(list(values[:2000]), dtype="str")
    if not sample.str.contains(r"\d").all() or sample.str.len().max() > 40:
        return None
    if bool(sample.str.match(r"\d{4}-\d{2}").mean() >= MOSTLY) and _read(sample, "") >= MOSTLY:
        return Guess("date", "All cells are dates, as 2024-12-31.", {"parts": varying_parts(dates_of(text))})
    shares = {given: _read(sample, given) for given in DATE_FORMATS if _may_be(given, values[0])}
    best = max(shares, key=lambda given: shares[given], default="")
    if not best or shares[best] < MOSTLY:
        return None
    example = pd.Timestamp(2024, 12, 31, 13, 45).strftime(best)
    both = [given for given in shares if given != best and shares[given] == shares[best]]
    century = " Two digits of a year mean 1969 to 2068." if "%y" in best else ""
    other = (
        century + f" They could also be read as {pd.Timestamp(2024, 12, 31).strftime(both[0])}." if both else century
    )
    details = {"date_format": best, "parts": varying_parts(dates_of(text, best))}
    return Guess("date", f"All cells are dates, as {example}.{other}", details)


def _may_be(date_format: str, value: str) -> bool:
    """Whether a value has the marks of a format, before it is tried."""
    marks = re.sub(r"%[A-Za-z]", "", date_format)
    value = re.sub(r"(?i)\bde\b ?|(?<=[^\W\d_]{3})\.", "", value)
    return sorted(re.sub(r"[^\W_]", "", value)) == sorted(marks)


def _read(sample: pd.Series, date_format: str) -> float:
    """The share of values that are dates in this format, in years that people write of."""
    dates = dates_of(sample, date_format)
    return float(((dates.year >= 1700) & (dates.year <= 2200)).mean())


def varying_parts(dates: pd.DatetimeIndex) -> tuple[Literal["year", "month", "day", "weekday", "hour", "minute"], ...]:
    """The parts of dates that are not always the same."""
    known = dates.dropna()
    parts: tuple[Literal["year", "month", "day", "weekday", "hour", "minute"], ...]
    parts = ("year", "month", "day", "weekday", "hour", "minute")
    monthly = len(known) > 0 and bool((known.day == known.day[0]).all())
    varying = (part for part in parts if len(np.unique(date_parts_of(known, (part,)), axis=0)) > 1)
    return tuple(part for part in varying if not (monthly and part == "weekday"))


def _labels(counts: pd.Series) -> Guess | None:
    """Several labels in a cell."""
    found = labels_in({str(cell): int(count) for cell, count in counts.items()})
    if found is None:
        return None
    return Guess("labels", found.reason, {"categories": found.labels, "delimiter": found.delimiter})


def _words(cells: pd.Series, text: pd.Series, counts: pd.Series) -> Guess:
    """Words: categories that come again, or text that hardly does."""
    length = float(text.str.count(r"\s+").mean()) + 1
    repeats = len(text) / len(counts)
    if length >= WORDS_OF_TEXT and (repeats < 2 or length >= 3 * WORDS_OF_TEXT):
        return Guess("text", f"Its cells have {length:.0f} words on average and hardly repeat.", {})
    return _category(cells, text, "")


def _category(cells: pd.Series, text: pd.Series, reason: str) -> Guess:
    """A category with all values that occur, in their usual order: numbers by size, words by the alphabet."""
    every = words_of(cells).dropna().unique() if len(cells) > LOOK_AT else text.unique()
    ordered = tuple(sorted(map(str, every), key=_by_size)[:MOST_CATEGORIES])
    encoding = "one_hot" if len(ordered) <= ONE_HOT else "embedding"
    what = f"{len(ordered):,} different {'value' if len(ordered) == 1 else 'values'}"
    return Guess("category", reason or f"It holds words, {what}.", {"categories": ordered, "encoding": encoding})


def _by_size(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def as_category(column: Column, cells: pd.Series) -> Column:
    """The column as a category, with the values that occur in its cells."""
    return retyped(column, "category", cells)


def retyped(column: Column, kind: Type, cells: pd.Series) -> Column:
    """The column with another type, chosen by the user, and the details of that type as the cells show them.

    Raises:
        DataError: hardly any cell is of that type; the message shows one that is not.
    """
    details: dict[str, Any] = {}
    text = words_of(_some(cells)).dropna()
    if kind == "category":
        details = _category(cells, text, "").details
    elif kind == "labels":
        labels = chosen_labels(list(map(str, words_of(cells).dropna().unique())))
        details = {"categories": labels.labels, "delimiter": labels.delimiter}
    elif kind != "text" and len(text):
        guess = _as(kind, column.name, cells, text)
        if guess is None:
            raise DataError(f"{column.name} cannot be of the type {kind}: it holds {str(text.iloc[0])[:40]!r}.")
        details = guess.details
    details.pop("unread", 0)
    encoding = details.pop("encoding", ENCODINGS[kind][0])
    kept = column.model_dump(include={"name", "role", "role_reason"})
    missing = bool(cells.isna().any()) or column.may_be_missing
    return Column(**kept, type=kind, encoding=encoding, missing=MISSING[kind][0], may_be_missing=missing, **details)


def _as(kind: Type, name: str, cells: pd.Series, text: pd.Series) -> Guess | None:
    """What cells are if they are taken for this type; None: most of them are not."""
    values = list(text.value_counts().index)
    if kind == "yes_no":
        if len(values) != 2:
            return None
        return _yes_no(values) or Guess("yes_no", "", {"yes": (max(values),), "no": (min(values),)})
    if kind == "date":
        return guess if (guess := guess_type(name, cells)).type == "date" else _date(name, text, values)
    if pd.api.types.is_numeric_dtype(cells):
        return Guess("number", "", {})
    return _number(text, european=False)
