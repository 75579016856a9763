"""Which texts there are, in folders, in a table, or in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import class_files
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.kinds.table.cell_values import categories_of, words_of
from trainers.data.own.kinds.text.encoding import text_in_file, text_of
from trainers.data.own.kinds.text.schema import ENDINGS, TextSchema
from trainers.data.own.library import Stored, check_files
from trainers.data.own.reading import reader_for
from trainers.data.own.reading.encoding import LABELS, check_lost, is_utf8, special_lines
from trainers.data.own.reading.encoding_guess import LOOKED_AT, guess_encoding

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 20 << 20  # bytes of one text among many
LOST = "\ufffd"  # in the place of bytes that stand for no character


class Texts(NamedTuple):
    """Texts with their classes (numbers) and parts (-1: not said), and what was left out."""

    texts: list[str]
    labels: np.ndarray
    given: np.ndarray
    names: list[str]
    left_out: tuple[LeftOut, ...]


def texts_of(data: Stored) -> Texts:
    """The texts of a data set. DataError: its files are gone, or others."""
    check_files(data)
    return read_texts(data.files(), data.schema)


def in_another_encoding(data: Stored, encoding: str) -> TextSchema:
    """The schema of texts that are read in another encoding; "": as it is found. DataError: they are none of it."""
    before = data.schema
    made: TextSchema = before.with_fields(encoding=encoding)
    label = LABELS.get(encoding, "what they seem to be")
    if made.form == "table":
        made = _same_columns(data, made, label)
    found, usual = read_texts(data.files(), made), read_texts(data.files(), before)
    if len(found.texts) < len(usual.texts):
        gone = next(iter(found.left_out), LeftOut(data.source.title, ""))
        count = f"{len(usual.texts) - len(found.texts):,} of {len(usual.texts):,}"
        raise DataError(f"Read as {label}, {count} texts are none. {gone.what}: {gone.reason} Choose another encoding.")
    held = [(name, text) for name, text in zip(found.names, found.texts, strict=True) if LOST in text]
    if encoding and held:
        special = sum(character > "\x7f" for text in found.texts if not text.isascii() for character in text)
        check_lost(encoding, sum(text.count(LOST) for _, text in held), special, held[0][0])
    return made


def _same_columns(data: Stored, made: TextSchema, label: str) -> TextSchema:
    """The schema with the columns and the classes of a table as they are written in another encoding."""
    before: TextSchema = data.schema
    old, new = (reader_for(data.data_file, each.encoding).read(data.data_file).frame for each in (before, made))
    if new.shape != old.shape:
        raise DataError(f"Read as {label}, it has other rows or columns. Choose another encoding.")
    columns = [str(new.columns[list(old.columns).index(name)]) for name in (before.text_column, before.label_column)]
    places, words = categories_of(old[before.label_column], before.classes), words_of(new[columns[1]])
    classes = tuple(str(words.iloc[int(np.argmax(places == number))]) for number in range(len(before.classes)))
    found: TextSchema = made.with_fields(text_column=columns[0], label_column=columns[1], classes=classes)
    return found


def read_texts(files: Files, schema: TextSchema) -> Texts:
    """The texts of files by a schema. A file that holds no text is left out."""
    if schema.form == "folders":
        return _of_folders(files, schema)
    assert files.only is not None
    if schema.form == "running":
        text = running_text(files.only, schema)
        return Texts([text], np.zeros(1, np.int64), np.full(1, -1), [files.title], ())
    return _of_table(reader_for(files.only, schema.encoding).read(files.only).frame, schema)


def running_text(path: Path, schema: TextSchema) -> str:
    """The whole text of one file. DataError: it holds none."""
    text = text_of(path.read_bytes(), schema.encoding, schema.other_encoding)
    if text is None:
        raise DataError("It is no text: it holds bytes that stand for no character.")
    if len(text.strip()) < 2:
        raise DataError("It is empty: there is no text in it.")
    return text


def _of_folders(files: Files, schema: TextSchema) -> Texts:
    classes = {name: number for number, name in enumerate(schema.classes)}
    texts, labels, given, names, left_out = [], [], [], [], []
    for name, label, part in class_files(str(files.root), ENDINGS):
        text, why = text_in(files.path(name), schema)
        if text is None or label not in classes:
            left_out.append(LeftOut(name, why or f"There is no class {label}."))
            continue
        texts.append(text)
        labels.append(classes[label])
        given.append(part)
        names.append(name)
    return Texts(texts, np.array(labels, np.int64), np.array(given, np.int64), names, tuple(left_out))


def text_in(path: Path, schema: TextSchema) -> tuple[str | None, str]:
    """The text of a file, or None and why there is none."""
    try:
        if path.stat().st_size > LARGEST:
            return None, f"It has more than {LARGEST >> 20} MB."
        return text_in_file(str(path), schema.encoding, schema.other_encoding), ""
    except OSError as error:
        return None, f"It cannot be read: {error.strerror or error}."
    except ValueError as error:
        return None, f"{str(error)[0].upper()}{str(error)[1:]}."


def other_encoding(files: Files) -> str:
    """The encoding of the files that are not UTF-8, by the special letters of all of them together; see encoding.py."""
    sample = b""
    for name in files.names:
        try:
            with files.path(name).open("rb") as opened:
                if is_utf8(opened) is None:
                    sample += special_lines(opened) + b"\n"
        except OSError:
            continue  # it is left out when it is read
        if len(sample) > LOOKED_AT:
            break
    return guess_encoding(sample).name


def rows_of(texts: list[str], column: str) -> pd.DataFrame:
    """Texts as the rows of a table."""
    import pandas as pd

    return pd.DataFrame({column: texts}, dtype="str")


def _of_table(frame: pd.DataFrame, schema: TextSchema) -> Texts:
    cells = words_of(frame[schema.text_column])
    labels = categories_of(frame[schema.label_column], schema.classes)
    used = np.flatnonzero(cells.notna().to_numpy() & (labels >= 0))
    gone = sorted(set(range(len(frame))) - set(used.tolist()))
    left_out = tuple(LeftOut(f"row {row + 1}", "It has no text, or no class.") for row in gone)
    texts = [str(text) for text in cells.iloc[used]]
    return Texts(texts, labels[used], np.full(len(used), -1), [f"row {row + 1}" for row in used], left_out)
