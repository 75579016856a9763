"""Reads rows of new samples in predict.py, with pandas alone: functions that stand on their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.data.own.reading.delimited import read_rows
from trainers.data.own.reading.table import unique_names

if TYPE_CHECKING:
    import pandas as pd

# how `new_rows` reads text in columns where training has read something else
NEW_ROWS: dict[str, object] = {"encoding": "utf-8-sig", "separator": ",", "quote": '"', "skip": 0, "header": True}


def new_rows(
    path: str,
    names: list[str],
    without_target: list[str],
    encoding: str = "utf-8-sig",
    separator: str = ",",
    quote: str = '"',
    skip: int = 0,
    header: bool = True,
) -> pd.DataFrame:
    """The rows of a file: Parquet, JSON and spreadsheets by their endings, everything else as text in columns.

    The first row names the columns, in any order. In files without a header they are named by their places.
    """
    import pandas as pd

    ending = path.lower().rpartition(".")[2]
    if ending in ("parquet", "pq"):
        return pd.read_parquet(path)
    if ending in ("feather", "arrow", "ftr"):
        return pd.read_feather(path)
    if ending in ("json", "jsonl", "ndjson"):
        return pd.read_json(path, lines=ending != "json", convert_dates=False)
    if ending in ("xlsx", "xls", "xlsm", "xlsb", "ods"):
        frame = pd.read_excel(path, header=None, dtype="object")
    else:
        frame = read_rows(path, None, encoding, separator, quote, skip)
    if header:
        return frame.iloc[1:].set_axis(unique_names(frame.iloc[0]), axis=1).reset_index(drop=True)
    return frame.set_axis(names if len(frame.columns) == len(names) else without_target, axis=1)


def together(frames: dict[str, pd.DataFrame], needed: list[str]) -> tuple[dict[str, list[Any]], pd.DataFrame]:
    """The rows of all files one below the other; beside them the number of each row in its file, from 1."""
    import pandas as pd

    for path, frame in frames.items():
        absent = [name for name in needed if name not in frame]
        if absent:
            shown = ", ".join(map(str, frame.columns[:10]))
            raise ValueError(f"{path} has no column {absent[0]!r}. Its columns are: {shown}.")
    about: dict[str, list[Any]] = {"row": [number for frame in frames.values() for number in range(1, len(frame) + 1)]}
    if len(frames) > 1:
        about["file"] = [path for path, frame in frames.items() for _ in range(len(frame))]
    return about, pd.concat(list(frames.values()), ignore_index=True)


def write_rows(frame: pd.DataFrame, path: Path, options: Mapping[str, Any]) -> None:
    """Write rows so that `new_rows` with these options reads the same cells. ValueError: they cannot be written so."""
    import csv

    separator = {r"\s+": " "}.get(options["separator"], options["separator"])
    quoting = {"quotechar": options["quote"]} if options["quote"] else {"quoting": csv.QUOTE_NONE}
    missing = "?" if separator == " " else ""
    try:
        with path.open("w", encoding=options["encoding"], newline="") as opened:
            opened.write("\n" * options["skip"])
            frame.convert_dtypes().to_csv(
                opened, sep=separator, header=options["header"], index=False, na_rep=missing, **quoting
            )
    except (csv.Error, UnicodeEncodeError) as error:
        raise ValueError(f"these rows cannot be written as they were read ({error})") from None
