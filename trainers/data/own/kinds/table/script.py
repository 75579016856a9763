"""The part of train.py that reads a table of one's own: the functions that training uses, and the schema."""

from __future__ import annotations

import json
import pprint
from typing import Any

from trainers.data.own.kinds.table import cell_values, encoding
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.delimited import read_rows
from trainers.data.own.reading.new_rows import NEW_ROWS, new_rows, together
from trainers.data.own.reading.table import unique_names
from trainers.script.sources import print_functions

CELLS = (
    cell_values.missing_words,
    cell_values.words_of,
    cell_values.numbers_of,
    cell_values.yes_or_no_of,
    cell_values.categories_of,
    cell_values.label_parts,
    cell_values.labels_of,
    cell_values.month_names,
    cell_values.dates_of,
    cell_values.date_parts_of,
    encoding.dates_per_second,
    encoding.encode_column,
)
INPUTS = (*CELLS, encoding.encode_inputs)
FUNCTIONS = (*INPUTS, encoding.encode_target, encoding.used_rows)
WANTED = (
    "name", "type", "role", "missing", "encoding", "categories", "yes", "no", "delimiter", "notation", "date_format",
    "parts", "may_be_missing",
)  # fmt: skip


def table_source(data: Stored) -> str:
    """Source of `load_data()`: the rows of the file as inputs and targets; and of `load_groups()`, if any."""
    reader, options = reader_named(data.source.reader, data.schema.encoding).script(data.data_file)
    columns = [_short(column.model_dump()) for column in data.schema.columns]
    shown = pprint.pformat(columns, width=118, sort_dicts=False, compact=True)
    about = "# what each column is, and how it becomes numbers"
    constants = f"FILE = {json.dumps(data.source.title)}  # beside this script\n\n{about}\nCOLUMNS = {shown}"
    functions: list[tuple[Any, dict[str, str]]] = [(reader, options), *((each, {}) for each in FUNCTIONS)]
    grouped = data.schema.splitting.how == "group"
    functions += [(encoding.groups_of, {})] if grouped else []
    weighted = bool(data.schema.of_role("weight"))
    functions += [(encoding.weights_of, {})] if weighted else []
    text = LOAD_DATA + (LOAD_GROUPS if grouped else "") + (LOAD_WEIGHTS if weighted else "")
    return print_functions(*functions, constants=constants) + "\n" + text


def reading_of(data: Stored) -> dict[str, Any]:
    """How predict.py reads text in columns: arguments of `new_rows`."""
    return data.remembered(
        "new_rows", lambda: reader_named(data.source.reader, data.schema.encoding).new_rows(data.data_file)
    )


def new_rows_source(data: Stored) -> str:
    """Source of `read_samples(paths)`: the rows of new files as the network's inputs, before they are scaled."""
    options = reading_of(data)
    columns = [_short(column.model_dump()) for column in data.schema.columns if column.role != "target"]
    names = [column.name for column in data.schema.columns]
    without = [column.name for column in data.schema.columns if column.role != "target"]
    shown = [
        f"{name} = {pprint.pformat(value, width=118, sort_dicts=False, compact=True)}"
        for name, value in (("NAMES", names), ("WITHOUT_TARGET", without), ("COLUMNS", columns))
    ]
    constants = f"{shown[0]}\n{shown[1]}\n\n# what each column is, and how it becomes numbers\n{shown[2]}"
    printed = {name: repr(value) for name, value in {**NEW_ROWS, **options}.items()}
    functions: list[tuple[Any, dict[str, str]]] = [(unique_names, {}), (read_rows, {}), (new_rows, printed)]
    functions.append((together, {}))
    functions += [(each, {}) for each in INPUTS]
    return print_functions(*functions, constants=constants) + "\n" + READ_SAMPLES


def _short(column: dict[str, Any]) -> dict[str, Any]:
    if column["role"] == "ignored":
        return {"name": column["name"], "type": column["type"], "role": "ignored", "missing": column["missing"]}
    return {name: column[name] for name in WANTED if name in column}


READ_SAMPLES = '''
def read_samples(paths):
    """The number of each row, and the inputs of the network for the rows; NaN where a number is missing."""
    frames = {path: new_rows(path, NAMES, WITHOUT_TARGET) for path in paths}
    about, frame = together(frames, [column["name"] for column in COLUMNS if column["role"] == "input"])
    numbers, embedded = encode_inputs(frame, COLUMNS)
    return about, ([numbers] if numbers.shape[1] else []) + embedded
'''
LOAD_DATA = '''
def load_data():
    """The inputs and the targets of the rows that are learned from; NaN where a number is missing."""
    frame, targets = used_rows(read_rows(FILE, [column["name"] for column in COLUMNS]), COLUMNS)
    numbers, embedded = encode_inputs(frame, COLUMNS)
    inputs = ([numbers] if numbers.shape[1] else []) + embedded
    return (inputs if len(inputs) > 1 else inputs[0]), targets
'''
LOAD_WEIGHTS = '''

def load_weights():
    """How much every row counts in the loss."""
    frame, _ = used_rows(read_rows(FILE, [column["name"] for column in COLUMNS]), COLUMNS)
    return weights_of(frame, COLUMNS)
'''
LOAD_GROUPS = '''

def load_groups():
    """The number of the group of every row; rows of one group stay in one part of the data."""
    frame, _ = used_rows(read_rows(FILE, [column["name"] for column in COLUMNS]), COLUMNS)
    return groups_of(frame, COLUMNS)
'''
