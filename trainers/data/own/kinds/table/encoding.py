"""What a schema does to the rows of a raw table: the numbers and the categories that a network gets, and the targets.

The functions stand on their own, with those of cell_values.py: training, `run.predict` and the exported predict.py use
the same ones. They take the columns of a schema as dictionaries, as they are in schema.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.data.own.kinds.table.cell_values import (
    categories_of,
    date_parts_of,
    dates_of,
    labels_of,
    numbers_of,
    words_of,
    yes_or_no_of,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["encode_inputs", "encode_target", "words_of"]


def encode_inputs(
    frame: pd.DataFrame, columns: list[dict[str, Any]]
) -> tuple[NDArray[np.float32], list[NDArray[np.int64]]]:
    """The numbers (rows, features), NaN where something is missing, and one array (rows, 1) for each embedded category.

    Number 0 of an embedded category stands for a value that is missing, or that training has not seen.
    """
    import numpy as np

    features, embedded = [], []
    for column in columns:
        if column["role"] != "input":
            continue
        cells = frame[column["name"]]
        if column["type"] == "category" and column["encoding"] == "embedding":
            embedded.append(categories_of(cells, tuple(column["categories"]))[:, None] + 1)
        else:
            features.append(encode_column(cells, column))
    numbers = np.concatenate(features, axis=1) if features else np.zeros((len(frame), 0))
    return numbers.astype(np.float32), embedded


def encode_column(cells: pd.Series, column: dict[str, Any]) -> NDArray[np.float64]:
    """The numbers (rows, features) that a column becomes."""
    import numpy as np

    if column["type"] == "category":
        place = categories_of(cells, tuple(column["categories"]))
        found = (place[:, None] == np.arange(len(column["categories"]))).astype(float)
        return np.column_stack([found, place < 0]) if column["may_be_missing"] else found
    if column["type"] == "yes_no":
        values = yes_or_no_of(cells, tuple(column["yes"]), tuple(column["no"]))[:, None]
    elif column["type"] == "labels":
        values = labels_of(cells, tuple(column["categories"]), column["delimiter"])
        if column["missing"] == "no_label":
            held = np.nan_to_num(values)
            return np.column_stack([held, np.isnan(values).any(axis=1)]) if column["may_be_missing"] else held
    elif column["type"] == "date":
        dates = dates_of(cells, column["date_format"])
        days = np.where(dates.isna(), np.nan, dates.asi8 / (86_400 * dates_per_second(dates)))
        values = days[:, None] if column["encoding"] == "standardise" else date_parts_of(dates, tuple(column["parts"]))
    else:
        values = numbers_of(cells, **column["notation"])[:, None]
        if column["encoding"] == "log":
            values = np.sign(values) * np.log1p(np.abs(values))
    if column["may_be_missing"]:
        values = np.column_stack([values, np.isnan(values).any(axis=1)])
    return values


def dates_per_second(dates: pd.DatetimeIndex) -> int:
    """How many units of a date's whole numbers a second has: pandas keeps dates in s, ms, us or ns."""
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[dates.unit]


def encode_target(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> NDArray[Any]:
    """The targets: the number of the class (-1: unknown), or the numbers to predict (rows, targets), NaN: unknown.

    Several columns of yes and no are numbers, 1 and 0, and so are several labels in one cell.
    """
    import numpy as np

    targets = [column for column in columns if column["role"] == "target"]
    found: list[NDArray[Any]] = []
    for column in targets:
        cells = frame[column["name"]]
        if column["type"] in ("category", "text"):
            found.append(categories_of(cells, tuple(column["categories"])))
        elif column["type"] == "yes_no":
            answer = yes_or_no_of(cells, tuple(column["yes"]), tuple(column["no"]))
            found.append(np.where(np.isnan(answer), -1, answer).astype(np.int64))
        elif column["type"] == "labels":
            found += list(encode_column(cells, {**column, "may_be_missing": False}).T)
        else:
            # in its own unit (of a date: days), whatever its encoding as an input would be: predictions are in it, too
            plain = {**column, "encoding": "standardise", "may_be_missing": False}
            found.append(encode_column(cells, plain)[:, 0])
    if len(found) == 1 and found[0].dtype == np.int64:
        return found[0]
    return np.stack([np.where(each < 0, np.nan, each) if each.dtype == np.int64 else each for each in found], axis=1)


def used_rows(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> tuple[pd.DataFrame, NDArray[Any]]:
    """The rows that are learned from, with their targets: those with a target, a weight that is not negative where a
    column says it, and every value that must be there.

    Where a column says the time, they are in its order.
    """
    import numpy as np

    targets = encode_target(frame, columns)
    known = targets >= 0 if targets.ndim == 1 else np.isfinite(targets).all(axis=1)
    for column in columns:
        if column["role"] == "input" and column["missing"] == "drop_row" and column["may_be_missing"]:
            known &= encode_column(frame[column["name"]], column)[:, -1] == 0
        if column["role"] == "weight":
            weights = numbers_of(frame[column["name"]], **column["notation"])
            known &= np.isfinite(weights) & (weights >= 0)
    places = np.flatnonzero(known)
    for column in columns:
        if column["role"] == "time":  # the first rows train, the last ones test; rows without a time come last
            cells = frame[column["name"]].iloc[places]
            dates = column["type"] == "date"
            times = dates_of(cells, column["date_format"]) if dates else numbers_of(cells, **column["notation"])
            places = places[np.argsort(np.asarray(times), kind="stable")]
    return frame.iloc[places], targets[places]


def weights_of(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> NDArray[np.float32]:
    """How much every row counts in the loss."""
    import numpy as np

    (column,) = [column for column in columns if column["role"] == "weight"]
    return numbers_of(frame[column["name"]], **column["notation"]).astype(np.float32)


def groups_of(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> NDArray[np.int64]:
    """The number of the group of every row."""
    import pandas as pd

    names = [column["name"] for column in columns if column["role"] == "group"]
    return pd.factorize(pd.MultiIndex.from_frame(frame[names].astype("str")))[0].astype("int64")


def feature_names(columns: list[dict[str, Any]]) -> list[str]:
    """What each number of `encode_inputs` is, in the same order."""
    names: list[str] = []
    for column in columns:
        if column["role"] != "input" or (column["type"] == "category" and column["encoding"] == "embedding"):
            continue
        name = column["name"]
        if column["type"] == "category":
            names += [f"{name} = {category}" for category in column["categories"]]
        elif column["type"] == "labels":
            names += [f"{name}: {label}" for label in column["categories"]]
        elif column["type"] == "date" and column["encoding"] == "cyclic":
            for part in column["parts"]:
                names += [f"{name}: year"] if part == "year" else [f"{name}: {part} (sine)", f"{name}: {part} (cosine)"]
        else:
            names.append(name)
        if column["may_be_missing"]:
            names.append(f"{name} is missing")
    return names
