"""The part of train.py that reads a series of one's own: the functions that training uses, and the schema."""

from __future__ import annotations

import json
import pprint
from typing import Any

from trainers.data.own.kinds.series import moments, steps
from trainers.data.own.kinds.table.script import CELLS, WANTED, reading_of
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.delimited import read_rows
from trainers.data.own.reading.new_rows import NEW_ROWS, new_rows, together
from trainers.data.own.reading.table import unique_names
from trainers.script.sources import print_functions

FUNCTIONS = (
    *CELLS,
    steps.part_of_date,
    steps.moments_of,
    steps.moments_of_rows,
    steps.at_equal_steps,
    steps.carried_on,
    steps.calendar_of,
    steps.encoded_series,
)
WINDOWS = (steps.starts_of, steps.windows_of)
ABOUT = "# what each column is, and how it becomes numbers"
READ_SAMPLES = '''
def read_samples(paths):
    """The steps after the last row of each file that has values, and the inputs of the network to forecast them."""
    about, samples = {}, []
    for path in paths:
        _, frame = together({path: new_rows(path, NAMES, NAMES)}, [column["name"] for column in COLUMNS])
        inputs, last = last_window(frame, COLUMNS, UNIT, STEP, CYCLES, WINDOW, HORIZON)
        about.setdefault(NAMED, []).extend(words_ahead(last, HORIZON, STEP, UNIT, DATES, NUMBERED))
        if len(paths) > 1:
            about.setdefault("file", []).extend([path] * HORIZON)
        samples.append(inputs)
    return about, [np.concatenate(arrays) for arrays in zip(*samples, strict=True)]
'''
LOAD_DATA = '''
def load_data():
    """The windows that are seen, what is known in advance if anything is, and the steps to forecast."""
    frame = read_rows(FILE, NAMES)
    values, known, _ = encoded_series(frame, COLUMNS, {unit!r}, {step!r}, {cycles!r})
    starts = starts_of(known, WINDOW, HORIZON, STRIDE)
    inputs, targets = windows_of(values, starts, (WINDOW, HORIZON), {targets}, {seen})
    return (inputs if len(inputs) > 1 else inputs[0]), targets
'''


def series_source(data: Stored) -> str:
    """Source of `load_data()`: the windows of the file, and the steps after each."""
    reader, options = reader_named(data.source.reader, data.schema.encoding).script(data.data_file)
    schema = data.schema
    lines = [
        f"FILE = {json.dumps(data.source.title)}  # beside this script",
        f"WINDOW, HORIZON, STRIDE = {schema.window}, {schema.horizon}, {schema.stride}",
        f"NAMES = {_shown([column.name for column in schema.columns])}",
        f"\n{ABOUT}\nCOLUMNS = {_shown(_columns(data))}",
    ]
    functions: list[tuple[Any, dict[str, str]]] = [(reader, options), *((each, {}) for each in (*FUNCTIONS, *WINDOWS))]
    width = {role: sum(_width(column) for column in schema.of_role(role)) for role in ("target", "input", "known")}
    load = LOAD_DATA.format(
        unit=schema.step_unit,
        step=schema.step,
        cycles=schema.cycles,
        targets=width["target"],
        seen=sum(width.values()),
    )
    return print_functions(*functions, constants="\n".join(lines)) + "\n" + load


def new_rows_source(data: Stored) -> str:
    """Source of `read_samples(paths)`: the last window of each new file, before it is scaled."""
    schema = data.schema
    unit, dates, numbered = moments.written(schema)
    lines = [
        f"WINDOW, HORIZON = {schema.window}, {schema.horizon}",
        f"UNIT = {unit!r}",
        f"STEP = {schema.step}  # {'' if unit == 'rows' else unit}".rstrip("# "),
        f"CYCLES = {schema.cycles!r}",
        f"NAMED = {schema.time.name if schema.time else 'step'!r}  # what names the steps",
        f"DATES = {dates}",
        f"NUMBERED = {numbered}",
        f"NAMES = {_shown([column.name for column in schema.columns])}",
        f"\n{ABOUT}\nCOLUMNS = {_shown(_columns(data))}",
    ]
    options = NEW_ROWS | reading_of(data)
    reading: list[tuple[Any, dict[str, str]]] = [(unique_names, {}), (read_rows, {})]
    reading += [(new_rows, {name: repr(value) for name, value in options.items()}), (together, {})]
    made = (*FUNCTIONS, steps.check_span, steps.known_from, steps.last_window, moments.words_of_moments)
    functions = [*reading, *((each, {}) for each in (*made, moments.words_ahead))]
    return print_functions(*functions, constants="\n".join(lines)) + "\n" + READ_SAMPLES


def _columns(data: Stored) -> list[dict[str, Any]]:
    used = [column.model_dump() for column in data.schema.columns if column.role != "ignored"]
    return [{name: column[name] for name in WANTED if name in column} for column in used]


def _width(column: Any) -> int:
    return len(column.categories) if column.type == "category" else 1


def _shown(value: Any) -> str:
    return pprint.pformat(value, width=118, sort_dicts=False, compact=True)
