"""The part of train.py that reads a series of one's own: the functions that training uses, and the schema."""

from __future__ import annotations

import json
import pprint
from typing import Any

from trainers.data.own.kinds.series import steps
from trainers.data.own.kinds.table.script import CELLS, WANTED
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_named
from trainers.script.sources import print_functions

FUNCTIONS = (
    *CELLS,
    steps.moments_of,
    steps.at_equal_steps,
    steps.carried_on,
    steps.calendar_of,
    steps.starts_of,
    steps.windows_of,
    steps.encoded_series,
)
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
    reader, options = reader_named(data.source.reader).script(data.data_file)
    schema = data.schema
    used = [column.model_dump() for column in schema.columns if column.role != "ignored"]
    columns = [{name: column[name] for name in WANTED if name in column} for column in used]
    about = "# what each column is, and how it becomes numbers"
    lines = [
        f"FILE = {json.dumps(data.source.title)}  # beside this script",
        f"WINDOW, HORIZON, STRIDE = {schema.window}, {schema.horizon}, {schema.stride}",
        f"NAMES = {_shown([column.name for column in schema.columns])}",
        f"\n{about}\nCOLUMNS = {_shown(columns)}",
    ]
    functions: list[tuple[Any, dict[str, str]]] = [(reader, options), *((each, {}) for each in FUNCTIONS)]
    width = {role: sum(_width(column) for column in schema.of_role(role)) for role in ("target", "input", "known")}
    load = LOAD_DATA.format(
        unit=schema.step_unit,
        step=schema.step,
        cycles=schema.cycles,
        targets=width["target"],
        seen=sum(width.values()),
    )
    return print_functions(*functions, constants="\n".join(lines)) + "\n" + load


def _width(column: Any) -> int:
    return len(column.categories) if column.type == "category" else 1


def _shown(value: Any) -> str:
    return pprint.pformat(value, width=118, sort_dicts=False, compact=True)
