"""The schema of texts as it seems to be."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import class_files, parts_of
from trainers.data.own.files import Files
from trainers.data.own.kind import Wishes
from trainers.data.own.kinds.table.cell_values import words_of
from trainers.data.own.kinds.table.looking.types import guess_column
from trainers.data.own.kinds.table.tasks import task_for
from trainers.data.own.kinds.text.encoding import tokens_of
from trainers.data.own.kinds.text.reading import Texts, other_encoding, read_texts
from trainers.data.own.kinds.text.schema import ENDINGS, TextSchema
from trainers.data.own.reading import reader_for
from trainers.data.own.schema import Splitting
from trainers.tasks import TASKS

LABELS = re.compile(r"^(label|class|sentiment|target|category|topic|y|stars|rating|spam|intent|tag)$", re.I)
MOST_CLASSES = 100
LONGEST = 1000  # tokens of a sample that is guessed
LARGEST_VOCABULARY = 20_000


class TextTable(NamedTuple):
    """The columns of a table of texts."""

    text: str
    label: str
    classes: tuple[str, ...]


def text_table(frame: pd.DataFrame, text: str = "", label: str = "") -> TextTable | None:
    """The column of texts and the column of their classes; None: the table has none. Some may be chosen already."""
    if not len(frame):
        return None
    columns = [guess_column(str(name), frame[name]) for name in frame.columns]
    found = text or next((column.name for column in columns if column.type == "text"), "")
    labels = [
        column
        for column in columns
        if column.name != found and column.type in ("category", "yes_no") and (not label or column.name == label)
    ]
    if label and not labels:
        numbers = [c for c in columns if c.name == label and frame[label].nunique() <= MOST_CLASSES]
        labels = [c.model_copy(update={"categories": _values(frame[label])}) for c in numbers]
    labels = [c for c in labels if 2 <= len(_classes(c)) <= MOST_CLASSES]
    if not found or found not in frame or not labels:
        return None
    best = next((column for column in labels if LABELS.fullmatch(column.name.strip())), labels[-1])
    return TextTable(found, best.name, _classes(best))


def _values(cells: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(map(str, words_of(cells).dropna().unique())))


def _classes(column: Any) -> tuple[str, ...]:
    return tuple(column.categories) if column.type != "yes_no" else (*column.no, *column.yes)


def folder_classes(files: Files) -> tuple[str, ...]:
    """The folders with texts; () where there are fewer than two."""
    found = tuple(sorted({label for _, label, _ in class_files(str(files.root), ENDINGS)}))
    return found if len(found) > 1 else ()


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
