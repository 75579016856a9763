"""The part of train.py that reads texts of one's own: the functions that training uses, and the schema."""

from __future__ import annotations

import json
import pprint
import re
from typing import Any

from trainers.data.own.bringing import class_folders
from trainers.data.own.bringing.new_files import files_at
from trainers.data.own.kinds.table import cell_values
from trainers.data.own.kinds.text import encoding
from trainers.data.own.kinds.text.schema import ENDINGS, TextSchema
from trainers.data.own.library import Stored
from trainers.data.own.reading import READERS, reader_for
from trainers.data.own.reading.delimited import read_rows
from trainers.data.own.reading.new_rows import NEW_ROWS, new_rows
from trainers.data.own.reading.table import unique_names
from trainers.data.splits import split_indices
from trainers.data.tokens import cut, most_frequent
from trainers.script.sources import print_functions

READ_SAMPLES = '''
def read_samples(paths, lines):
    """Where each text is, and the numbers of its tokens; files without a text are left out."""
    files, rows, texts = [], [], []
    for path in files_at(paths, is_text):
        try:
            found = texts_at(path, lines)
        except ValueError as error:
            print(f"{path} is left out: {error}.", file=sys.stderr)
            continue
        files += [path] * len(found)
        rows += range(1, len(found) + 1)
        texts += found
    if not texts:
        raise ValueError("There is no text to predict.")
    tokens = [tokens_of(text, TOKENS, LOWER) for text in texts]
    return {"file": files, "row": rows}, [numbers_of_texts(tokens, vocabulary(), LENGTH)]


def texts_at(path, lines):
    """The texts in the rows of a table, in the lines of a file if `lines`, or the whole text of a file."""
    if is_table(path, TABLES) and not lines:
        frame = new_rows(path, NAMES, WITHOUT_TARGET)
        return [str(text) for text in words_of(frame[column_of_texts(list(frame), COLUMN)]).fillna("")]
    text = text_in_file(path)
    return [line for line in text.split("\\n") if line.strip()] if lines else [text]


def is_text(path):
    """Whether a file in a folder is taken: all are."""
    return True
'''
FOLDERS = '''
def read_texts():
    """The texts of the files in the folders of the classes, their classes, and the parts that folders say."""
    from pathlib import Path

    texts, labels, given = [], [], []
    for name, label, part in class_files(FILE, {endings!r}):
        path = Path(FILE) / name
        text = text_of(path.read_bytes()) if path.stat().st_size <= {largest} else None
        if text is not None and text.strip() and label in CLASSES:
            texts.append(text)
            labels.append(CLASSES.index(label))
            given.append(part)
    return texts, np.array(labels), np.array(given)
'''
TABLE = '''
def read_texts():
    """The texts of the rows that have a class, their classes, and -1 for each: no part is given."""
    frame = read_rows(FILE, NAMES)
    cells, labels = words_of(frame[{text!r}]), categories_of(frame[{label!r}], CLASSES)
    used = np.flatnonzero(cells.notna().to_numpy() & (labels >= 0))
    return [str(text) for text in cells.iloc[used]], labels[used], np.full(len(used), -1)
'''
CLASSES = '''

def load_all():
    """Numbers of tokens, classes and parts; the vocabulary is that of the training part."""
    texts, labels, given = read_texts()
    tokens = [tokens_of(text, {tokens!r}, {lower!r}) for text in texts]{without}
    parts = parts_of(labels, given, {validation!r}, {test!r}, {seed!r})
    vocabulary = vocabulary_of([tokens[place] for place in np.flatnonzero(parts == 0)], {size!r})
    return numbers_of_texts(tokens, vocabulary, {length!r}), labels, parts
'''
WITHOUT = """
    seen = {}
    for place, text in enumerate(texts):  # a text that is the same as one before is left out
        seen.setdefault(" ".join(text.lower().split()), place)
    used = np.array(sorted(seen.values()))
    labels, given, tokens = labels[used], given[used], [tokens[place] for place in used]"""
RUNNING = '''
def load_all():
    """Windows of the text, the token that follows at each position, and the part of each window."""
    from pathlib import Path

    tokens = tokens_of(text_of(Path(FILE).read_bytes()), {tokens!r}, {lower!r})
    parts = running_parts((len(tokens) - 1) // {length!r}, {validation!r}, {test!r})
    vocabulary = vocabulary_of([tokens[: int((parts == 0).sum()) * {length!r}]], {size!r})
    inputs, targets = running_windows(numbers_of_texts([tokens], vocabulary, len(tokens))[0], {length!r})
    return inputs, targets, parts
'''
LOAD = '''

def load_data():
    """The inputs and the targets."""
    inputs, targets, _ = load_all()
    return inputs, targets


def load_parts():
    """The part of each sample: 0 training, 1 validation, 2 test."""
    return load_all()[2]
'''


def text_source(data: Stored) -> str:
    """Source of `load_data()` and `load_parts()`."""
    schema = data.schema
    plain = (
        data.source.title if schema.form != "folders" else re.sub(r"\.(tar\.\w+|zip|tar|tgz)$", "", data.source.title)
    )
    where = "the folder, unpacked, beside this script" if schema.form == "folders" else "beside this script"
    constants = [f"FILE = {json.dumps(plain)}  # {where}"]
    if schema.classes:
        constants.append(f"CLASSES = {pprint.pformat(schema.classes, width=110, compact=True)}")
    functions: list[Any] = [cut, most_frequent, encoding.tokens_of, encoding.vocabulary_of]
    functions.append(encoding.numbers_of_texts)
    given: list[tuple[Any, dict[str, str]]] = [(encoding.text_of, _encoding_options(schema))]
    options = {
        "tokens": schema.tokens, "lower": schema.lower, "length": schema.length, "size": schema.vocabulary_size,
        "validation": schema.validation, "test": schema.test, "seed": schema.split_seed,
        "without": "" if schema.copies else WITHOUT,
    }  # fmt: skip
    if schema.form == "running":
        functions += [encoding.running_windows, encoding.running_parts]
        body = RUNNING.format(**options)
    else:
        functions += [split_indices, class_folders.parts_of]
        if schema.form == "folders":
            functions.append(class_folders.class_files)
            body = FOLDERS.format(endings=ENDINGS, largest=20 << 20)
        else:
            reader = reader_for(data.data_file, data.schema.encoding)
            given.append(reader.script(data.data_file))
            names = [str(name) for name in reader.read(data.data_file).frame.columns]
            constants.append(f"NAMES = {pprint.pformat(names, width=110, compact=True)}")
            functions += [cell_values.missing_words, cell_values.words_of, cell_values.categories_of]
            body = TABLE.format(text=schema.text_column, label=schema.label_column)
        body += CLASSES.format(**options)
    listed = [*given, *((each, {}) for each in functions)]
    return print_functions(*listed, constants="\n".join(constants)) + "\n" + body + LOAD


def _encoding_options(schema: TextSchema) -> dict[str, str]:
    return {"encoding": repr(schema.encoding), "other": repr(schema.other_encoding)}


def table_endings(data: Stored) -> tuple[str, ...]:
    """The endings of files that hold a text in each row: those of tables, and that of the training's table."""
    plain = {ending for reader in READERS.values() for ending in reader.endings} - {*ENDINGS, ""}
    if data.schema.form == "table":
        plain |= {data.data_file.suffix.lower()} - {""}
    return tuple(sorted(plain))


def table_facts(data: Stored) -> dict[str, Any]:
    """How predict.py reads text in columns, and their names, where the texts of the training are a table; else {}."""
    if data.schema.form != "table":
        return {}
    file = data.data_file
    return {
        "new_rows": data.remembered("new_rows", lambda: reader_for(file, data.schema.encoding).new_rows(file)),
        "columns": data.remembered(
            "columns", lambda: tuple(map(str, reader_for(file, data.schema.encoding).preview(file, 1).columns))
        ),
    }


def new_texts_source(data: Stored) -> str:
    """Source of `read_samples(paths, lines)`: new texts as the numbers of their tokens. DataError: there is none."""
    schema = data.schema
    names, column, options = ["text"], "text", dict(NEW_ROWS)
    if schema.form == "table":
        facts = table_facts(data)
        names, column, options = list(facts["columns"]), schema.text_column, options | facts["new_rows"]
    constants = [
        f"TOKENS = {schema.tokens!r}",
        f"LOWER = {schema.lower}",
        f"LENGTH = {schema.length}  # tokens of a text",
        f"TABLES = {pprint.pformat(table_endings(data), width=110, compact=True)}",
        f"COLUMN = {column!r}  # of a table, with the texts",
        f"NAMES = {pprint.pformat(names, width=110, compact=True)}",
        f"WITHOUT_TARGET = {pprint.pformat([name for name in names if name != schema.label_column], width=110)}",
    ]
    functions: list[Any] = [files_at, unique_names, read_rows]
    given: list[tuple[Any, dict[str, str]]] = [(each, {}) for each in functions]
    given.append((new_rows, {name: repr(value) for name, value in options.items()}))
    given += [(each, _encoding_options(schema)) for each in (encoding.text_of, encoding.text_in_file)]
    functions = [cell_values.missing_words, cell_values.words_of, cut, encoding.is_table]
    functions += [encoding.column_of_texts, encoding.tokens_of, encoding.numbers_of_texts]
    printed = print_functions(*given, *((each, {}) for each in functions), constants="\n".join(constants))
    return "import sys\nfrom model import vocabulary\n" + printed + "\n" + READ_SAMPLES
