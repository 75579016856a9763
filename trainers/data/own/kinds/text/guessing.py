"""The schema of texts as it seems to be."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import class_files, parts_of
from trainers.data.own.files import Files
from trainers.data.own.kind import Wishes
from trainers.data.own.kinds.table.cell_values import words_of
from trainers.data.own.kinds.table.looking.roles import says_nothing
from trainers.data.own.kinds.table.looking.types import guess_column
from trainers.data.own.kinds.table.schema import Column
from trainers.data.own.kinds.table.tasks import task_for
from trainers.data.own.kinds.text.encoding import text_of, tokens_of
from trainers.data.own.kinds.text.reading import Texts, other_encoding, read_texts
from trainers.data.own.kinds.text.schema import ENDINGS, TextSchema
from trainers.data.own.reading import reader_for
from trainers.data.own.schema import Splitting
from trainers.sampling import evenly_spaced
from trainers.tasks import TASKS

LABELS = re.compile(
    r"^(.*[_ ])?(label|class([_ ]?(index|id|name))?|sentiment|target|category|topic|y|stars|rating|spam|intent|tag)$",
    re.I,
)
MOST_CLASSES = 100
FEW_CLASSES = 10  # different whole numbers, at most, that are taken for classes
LOOKED_AT = 20  # files without an ending
SELDOM = 0.1  # of the cells of a column are there, below which it says nothing
MOST_COLUMNS = 4  # of a table of texts: the text, its class and two others
FEW_OTHERS = 2  # columns that could help, in a table of more columns that is one of texts all the same,
SENTENCE = 8  # if the texts have so many words, on average
LONGEST = 1000  # tokens of a sample that is guessed
LARGEST_VOCABULARY = 20_000


class TextTable(NamedTuple):
    """The columns of a table of texts."""

    text: str
    label: str
    classes: tuple[str, ...]


def text_table(frame: pd.DataFrame, text: str = "", label: str = "") -> TextTable | None:
    """The column of texts and that of their classes, which may be chosen already; None: the table has none, or other
    columns say more."""
    if not len(frame):
        return None
    columns = [guess_column(str(name), frame[name]) for name in frame.columns]
    columns = [c for c in columns if frame[c.name].notna().mean() >= SELDOM or c.name in (text, label)]
    words = {c.name: _words(frame[c.name]) for c in columns if c.type == "text"}
    found = text or max(words, key=lambda name: words[name], default="")
    if not found or found not in frame:
        return None
    candidates = [c for c in columns if c.name == label] if label else _useful(columns, frame, found)
    labels = [c for c in candidates if c.type in ("category", "yes_no") and 2 <= len(_classes(c)) <= MOST_CLASSES]
    most = MOST_CLASSES if label else FEW_CLASSES
    numbers = [
        c for c in candidates if c.type == "number" and _whole(frame[c.name]) and 1 < frame[c.name].nunique() <= most
    ]
    labels = [c.model_copy(update={"categories": _values(frame[c.name])}) for c in numbers] + labels
    if not labels:
        return None
    first = label or next((c.name for c in labels if c.type == "yes_no" and len(labels) == len(candidates)), "")
    named = [column for column in labels if LABELS.fullmatch(column.name.strip())]
    best = named[0] if named else next((c for c in labels if c.name == first), labels[-1])
    others = [c for c in candidates if c is not best and c.type != "yes_no"]
    measured = any(column.type == "number" for column in others)
    open_choice = not named and (measured or (len(labels) > 1 and others))
    said_otherwise = len(others) > FEW_OTHERS or words.get(found, 0) < SENTENCE or open_choice
    if not text and not label and len(frame.columns) > MOST_COLUMNS and said_otherwise:
        return None
    return TextTable(found, best.name, _classes(best))


def _useful(columns: list[Column], frame: pd.DataFrame, text: str) -> list[Column]:
    """The columns beside the texts that are no texts and no dates, and do not only name or count rows."""
    return [
        column
        for column in columns
        if column.name != text and column.type not in ("text", "date") and not says_nothing(column, frame[column.name])
    ]


def _words(cells: pd.Series) -> float:
    """The words of a cell, on average."""
    return float(cells.dropna().astype("str").str.count(r"\S+").mean())


def _whole(cells: pd.Series) -> bool:
    numbers = pd.to_numeric(cells, errors="coerce").dropna()
    return len(numbers) > 0 and bool((numbers == numbers.round()).all())


def _values(cells: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(map(str, words_of(cells).dropna().unique())))


def _classes(column: Any) -> tuple[str, ...]:
    return tuple(column.categories) if column.type != "yes_no" else (*column.no, *column.yes)


def folder_classes(files: Files) -> tuple[str, ...]:
    """The folders with texts; () where there are fewer than two."""
    found = tuple(sorted({label for _, label, _ in class_files(str(files.root), ENDINGS)}))
    return found if len(found) > 1 else ()


def texts_without_ending(files: Files) -> int:
    """How many files have no ending and hold text, by what some of them hold."""
    plain = [name for name in files.names if not PurePosixPath(name).suffix]
    places = evenly_spaced(len(plain), LOOKED_AT)
    held = 0
    for place in places:
        with files.path(plain[place]).open("rb") as opened:
            held += bool(text_of(opened.read(1 << 12)))
    return len(plain) * held // len(places) if len(places) else 0


def look(files: Files, wishes: Wishes) -> tuple[TextSchema, Texts]:
    """The schema and the texts. DataError: there are none, or nothing says their classes."""
    form = wishes.settings.get("form")
    base: dict[str, Any] = {}
    if files.only is None:
        classes = folder_classes(files)
        if not classes:
            raise DataError("Its texts are not in at least two folders, one for each class.")
        base = {
            "form": "folders",
            "classes": classes,
            "form_reason": f"{len(classes)} folders hold texts, a class each.",
        }
    elif form != "running" and (table := _table(files, wishes)) is not None:
        reason = f"{table.text} holds texts, {table.label} their classes."
        base = {"form": "table", "classes": table.classes, "text_column": table.text, "label_column": table.label}
        base["form_reason"] = reason
    elif wishes.target is not None:
        raise DataError(f"It has no column of texts beside a column {wishes.target} of classes.")
    else:
        base = {"form": "running", "form_reason": "It is one text, whose next token is predicted."}
    running = base["form"] == "running"
    task = next(name for name, each in TASKS.items() if each.continues == "text") if running else task_for("category")
    schema = TextSchema(
        **base,
        task=task,
        task_reason="The next token of a text is predicted."
        if running
        else f"There are {len(base['classes'])} classes.",
        other_encoding="cp1252" if base["form"] == "table" else other_encoding(files),
        splitting=Splitting(how="given", reason="The vocabulary is that of the training part, so the split is fixed."),
    )
    found = read_texts(files, schema)
    if not found.texts:
        raise DataError("There is no text in it that can be used.")
    given = {key: value for key, value in wishes.settings.items() if key != "form"}
    schema = with_tokens(schema, found, str(given.get("tokens", "")))
    if given:
        schema = schema.with_fields(**given)
    return schema, found


def _table(files: Files, wishes: Wishes) -> TextTable | None:
    assert files.only is not None
    try:
        frame = reader_for(files.only).read(files.only).frame
    except DataError:
        return None
    chosen = next((name for name, kind in wishes.types.items() if kind == "text"), "")
    return text_table(frame, chosen, wishes.target or "")


def with_tokens(schema: TextSchema, found: Texts, tokens: str = "") -> TextSchema:
    """The schema with tokens, their number and a vocabulary that suit the texts of the training part."""
    running = schema.form == "running"
    unit = tokens or ("characters" if running else "words")
    lower = not running
    parts = parts_of(found.labels, found.given, schema.validation, schema.test, schema.split_seed)
    some = [text for text, part in zip(found.texts, parts, strict=True) if part == 0] or found.texts
    cut = [tokens_of(text, unit, lower) for text in some]
    lengths = np.array([len(each) for each in cut])
    counts = Counter(token for each in cut for token in each)
    twice = sum(count > 1 for count in counts.values())
    if running:
        length, why = 64, "A usual number of tokens that the network sees at a time."
        length = min(length, max(2, int(lengths.max()) // 20))
    else:
        length = int(min(LONGEST, max(2, np.quantile(lengths, 0.95))))
        why = (
            f"{(lengths <= length).mean():.0%} of the texts are no longer; half of them have {np.median(lengths):,.0f}."
        )
    found_schema: TextSchema = schema.with_fields(
        tokens=unit,
        tokens_reason=""
        if tokens
        else "A text is continued letter by letter."
        if running
        else "Words say what it is about.",
        lower=lower,
        lower_reason="Capitals are part of the text."
        if running
        else "A word at the start of a sentence is no other word.",
        length=length,
        length_reason=why,
        vocabulary_size=max(5, min(LARGEST_VOCABULARY, twice + 2)),
        vocabulary_reason=f"{twice:,} of {len(counts):,} different tokens of the training part come more than once.",
        given_parts=bool((found.given >= 0).any()),
    )
    return found_schema
