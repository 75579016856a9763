"""Finds how a text file divides its lines into columns: delimiter, quotes, header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from trainers.data.base import DataError
from trainers.data.own.reading.cells import is_missing, looks_like_a_value

DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar", " ": "blanks"}
LOOK_AT = 300  # lines
MOST_TITLES = 30  # lines above the names of the columns
MOST_WORDS = 50  # columns that blanks divide, mostly of words: more are the words of a text
FEW = 3  # rows, below which the header is judged by its words alone


@dataclass(frozen=True)
class Dialect:
    """How to read the lines of a table.

    Attributes:
        delimiter: one character; " " stands for any number of blanks or tabs; "" for a file with a single column.
        quote: the character around cells that hold delimiters or line breaks; "": there is none.
        header: whether the first row names the columns.
        skip: lines before the first row, such as Excel's "sep=;".
    """

    delimiter: str
    quote: str
    header: bool
    skip: int
    columns: int
    reasons: dict[str, str]


def find_dialect(text: str, complete: bool, quoted: bool = False) -> Dialect:
    """How to read a table that begins with this text. `complete`: the text is the whole file; else its last line may
    be cut off. `quoted`: cells below it stand in quotes."""
    reasons: dict[str, str] = {}
    skip = 0
    separator = re.match(r"sep=(.)\r?\n", text)
    if separator:
        skip, text = 1, text[separator.end() :]
    comments = re.match(r"(?:[#%][^\n]*\n)+", text)
    if comments and not complete_table(comments.group()):
        skip += comments.group().count("\n")
        text = text[comments.end() :]
    quote = _quote(text) or '"' * quoted
    if separator:
        delimiter = separator.group(1)
        reasons["delimiter"] = f"The first line says that a {DELIMITERS.get(delimiter, delimiter)} divides the columns."
    else:
        delimiter = _delimiter(text, quote, complete)
        reasons["delimiter"] = (
            f"A {DELIMITERS[delimiter]} divides each line into equally many columns."
            if delimiter.strip() or delimiter == "\t"
            else "Blanks divide each line into equally many columns."
            if delimiter
            else "Nothing divides the lines: there is one column."
        )
    if quote and delimiter.strip() and _is_open(text, delimiter, quote, complete):
        if '\\"' in text:
            raise DataError(
                'Quotes in its cells are written as \\", which programs read in different ways. Write them twice (""), '
                "or save it as Excel, Parquet or JSON."
            )
        quote = ""
        reasons["quotes"] = "Quotes are opened and not closed, so they are taken for characters like others."
    rows = [row for row in islice(split_rows(text, delimiter, quote), LOOK_AT) if any(map(str.strip, row))]
    if not complete and len(rows) > 1 and len(rows) < LOOK_AT:
        rows.pop()
    columns = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    header, reasons["header"] = find_header(rows, columns)
    if titles := title_lines(text, delimiter, quote, columns):
        below = "\n".join(text.splitlines()[titles:])
        named = [row for row in islice(split_rows(below, delimiter, quote), LOOK_AT) if any(map(str.strip, row))]
        found, why = find_header(named, columns)
        if found:
            first = text.splitlines()[0].strip(f" {delimiter}")[:60]
            reasons |= {"header": why, "titles": f"Lines above the names of the columns are skipped: {first} …"}
            header, skip = True, skip + titles
    return Dialect(delimiter, quote, header, skip, columns, reasons)


def title_lines(text: str, delimiter: str, quote: str, columns: int) -> int:
    """How many lines stand above the first one with a word in each column: titles and remarks, with fewer cells."""
    for place, line in enumerate(text.splitlines()[:MOST_TITLES]):
        if columns < 2 or (quote and line.count(quote) % 2):
            return 0
        cells = next(split_rows(line, delimiter, quote), [])
        known = [cell for cell in cells if cell.strip()]
        if len(known) >= columns:
            return 0 if any(looks_like_a_value(cell, text=False) for cell in known) else place
        if len(known) > 1 and len(cells) >= columns:
            return 0  # a row with missing cells
    return 0


def complete_table(text: str) -> bool:
    """Whether lines that begin with # are a header, as in "#id,name", and no remarks: they have delimiters."""
    lines = text.splitlines()
    return len(lines) == 1 and any(lines[0].count(mark) >= 1 for mark in ("\t", ";", ",", "|"))


def split_rows(text: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    """The rows of a text, each as its cells."""
    if delimiter == " ":
        yield from (_blanks(line, quote) for line in text.splitlines() if line.strip())
    elif not delimiter:
        yield from ([line] for line in text.splitlines() if line.strip())
    else:
        lines = text.splitlines(keepends=True)
        yield from csv.reader(lines, delimiter=delimiter, **_quoting(quote))


def _quoting(quote: str) -> dict[str, Any]:
    return {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}


def _blanks(line: str, quote: str) -> list[str]:
    if quote and quote in line:
        return next(csv.reader([re.sub(r"[ \t]+", " ", line.strip())], delimiter=" ", quotechar=quote), [])
    return line.split()


def _quote(text: str) -> str:
    """The double quote, unless only single quotes stand at the edges of cells; "" where there is no quote at all."""
    double = '"' in text and re.search(r'(?:^|[,;\t|])"', text, re.MULTILINE) is not None
    if "'" in text and not double:
        single = re.finditer(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", text, re.MULTILINE)
        if len(list(islice(single, 3))) > 2:
            return "'"
    return '"' if '"' in text else ""


def _is_open(text: str, delimiter: str, quote: str, complete: bool) -> bool:
    """Whether quotes cannot be what stands around cells: lines are rows without them, and no rows with them."""
    lines = text.splitlines()[:LOOK_AT]
    plain = Counter(len(line.split(delimiter)) for line in lines if line.strip())
    usual, count = plain.most_common(1)[0] if plain else (0, 0)
    if usual < 2 or count < 0.95 * plain.total():
        return False
    cut_off = len(lines) == LOOK_AT or not complete
    try:
        for _ in csv.reader([line + "\n" for line in lines], delimiter=delimiter, quotechar=quote, strict=True):
            pass
    except csv.Error as error:
        return not (cut_off and "unexpected end" in str(error))
    return False


def _delimiter(text: str, quote: str, complete: bool) -> str:
    """The delimiter that divides most lines into equally many columns, of which most cells look like single values."""
    scores = {"": 0.0}
    for delimiter in DELIMITERS:
        if delimiter.strip() and delimiter not in text:
            continue
        try:
            rows = list(islice(split_rows(text, delimiter, quote), LOOK_AT))
        except csv.Error:
            continue
        rows = [row for row in rows if any(map(str.strip, row))]
        if not complete and len(rows) > 1:
            rows.pop()
        scores[delimiter] = _score(rows, delimiter == " ")
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if not quote or not best.strip() or not _is_open(text, best, quote, complete):
        return best
    closed = [each for each in scores if each.strip() and not _is_open(text, each, quote, complete)]
    other = max(closed, key=lambda delimiter: scores[delimiter], default=best)  # that which stands between the quotes
    return other if scores[other] > 0.5 * scores[best] else best


def _score(rows: list[list[str]], blanks: bool) -> float:
    """From 0 to 1: how well rows are those of a table. 0: they have one column. `blanks` divide sentences, too: words
    count for less then."""
    if not rows:
        return 0.0
    usual, count = Counter(map(len, rows)).most_common(1)[0]
    if usual < 2 or (blanks and len(rows) < 2):
        return 0.0
    cells = [cell for row in rows if len(row) == usual for cell in row[:200]]
    whole = sum(looks_like_a_value(cell, text=not blanks) for cell in cells) / len(cells)
    if blanks and usual > MOST_WORDS and whole < 0.5:
        return 0.0  # prose in lines of equally many words
    return (count / len(rows)) ** 2 * (0.2 + 0.8 * whole) * (1 - 0.1 / usual)


def find_header(rows: list[list[str]], columns: int) -> tuple[bool, str]:
    """Whether the first row names the columns, and why."""
    if not rows:
        return False, "There is no row."
    first, others = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if len(row) == columns]
    if len(first) not in (columns, columns - 1) or not any(first):
        return False, "The first row has another number of cells than the others."
    numbers = [cell for cell in first if cell and looks_like_a_value(cell, text=False)]
    if not others:
        return not numbers, "There is one row." if numbers else "There is one row, and it holds words."
    if len(first) > 1 and not first[0] and all(first[1:]) and len(others) >= FEW:
        below = [row[0].strip() for row in others]
        if all(below) and len(set(below)) == len(below):
            return True, "The first row has nothing where the others have a name or a number of their own."
    for place, cell in enumerate(first[: len(others[0])]):
        below = [row[place].strip() for row in others]
        known = [value for value in below if not is_missing(value)]
        if not cell or not known:
            continue
        values = sum(looks_like_a_value(value, text=False) for value in known) / len(known)
        if values > 0.9 and not looks_like_a_value(cell, text=False) and not is_missing(cell):
            return True, f"The first row has a word ({cell[:40]}) where the others have numbers or dates."
    if any(is_missing(cell) and cell for cell in first):
        return False, "The first row has a sign for a missing value."
    if numbers and not _years(numbers):
        return False, f"The first row has a number ({numbers[0][:40]}), as the others have."
    named = len(first) - next((place for place, cell in enumerate(reversed(first)) if cell), 0)  # the last have no name
    if len(set(first[:named])) < named:
        return False, "The first row has the same words twice."
    places = range(min(named, len(others[0])))
    if any(first[place] in {row[place].strip() for row in others} for place in places):
        return False, "Words of the first row stand in the same columns below, too."
    if len(others) < FEW or (named >= min(2, len(first)) and all(cell and len(cell) <= 60 for cell in first[:named])):
        return True, "The words of the first row stand nowhere in their columns below."
    return False, "The first row looks like the others."


def _years(cells: list[str]) -> bool:
    return (
        len(cells) > 1 and all(re.fullmatch(r"(19|20)\d\d", cell) for cell in cells) and len(set(cells)) == len(cells)
    )
