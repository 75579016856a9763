"""Some rows of a table as they stand in the file, and as the network gets them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data import dataset
from trainers.data.own.kinds.table.cell_values import words_of
from trainers.data.own.kinds.table.preparing import encode, looked_at, prepared
from trainers.data.own.library import Stored
from trainers.data.own.report import Example
from trainers.data.splits import figures_of, parts_of
from trainers.tasks import TASKS

MEASURED = 100_000  # training rows, at most, that scale the numbers to show
CELLS, NUMBERS = 6, 14  # of a row that are shown


def examples(found: Stored, count: int) -> tuple[Example, ...]:
    """So many rows, of different classes where there are some. DataError: no row can be used."""
    data: Any = dataset({"name": found.full_name})
    raw = looked_at(found)
    rows = prepared(found) if raw.sample is None else encode(raw.frame, found.schema)
    arrays = data.arrays(rows)
    training = parts_of(data, arrays)[0]
    figures = figures_of(data, arrays, np.sort(training[:MEASURED]))
    chosen = TASKS[data.task].examples(arrays.targets, count)
    frame = raw.frame.iloc[rows.rows[chosen]]
    schema = found.schema
    words = {column.name: words_of(frame[column.name]) for column in (*schema.inputs[:CELLS], *schema.targets)}
    made = []
    for place, index in enumerate(chosen):
        cells = [f"{c.name} {_word(words[c.name].iloc[place])}" for c in schema.inputs[:CELLS]]
        more = ", …" if len(schema.inputs) > CELLS else ""
        target = ", ".join(f"{c.name} {_word(words[c.name].iloc[place])}" for c in schema.targets)
        seen: list[str] = []
        for array, figure in zip(arrays.inputs, figures, strict=True):
            sample = np.array(array[index : index + 1])
            if figure is not None:
                if figure.fill is not None:
                    sample = np.where(np.isnan(sample), figure.fill, sample)
                sample = figure.apply(sample)
            seen += _numbers(sample[0])
        shown = " ".join(seen[:NUMBERS]) + (" …" if len(seen) > NUMBERS else "")
        made.append(Example(target, ", ".join(cells) + more, f"[{shown}]"))
    return tuple(made)


def _word(cell: object) -> str:
    return "missing" if cell is None or cell != cell else str(cell)[:40]


def _numbers(sample: NDArray[np.generic]) -> list[str]:
    """The numbers of one input; those of a category are its place in the embedding."""
    if sample.dtype.kind in "iu":
        return [f"#{int(number)}" for number in sample.ravel()[:NUMBERS]]
    return [f"{float(number):.2f}".replace("-", "−") for number in sample.ravel()[: NUMBERS + 1]]
