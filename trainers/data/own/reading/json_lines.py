"""JSON: a record on each line, or one list of records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, flat_columns

if TYPE_CHECKING:
    import pandas as pd


TEXTS = (".csv", ".tsv", ".txt", ".data", ".tab", "")  # endings of files whose lines may begin with anything


class JsonLines(Reader):
    """JSON records. What is nested in a cell is left out."""

    name: ClassVar[str] = "json"
    label: ClassVar[str] = "JSON"
    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    def recognises(self, head: bytes, ending: str) -> bool:
        """By the ending; or where a file of another ending begins with a record."""
        return super().recognises(head, ending) or (ending not in TEXTS and head.lstrip()[:2] in (b'{"', b"[{"))

    def read(self, path: Path, **options: object) -> RawTable:
        try:
            frame = read_rows(str(path))
        except UnicodeDecodeError:
            raise DataError("It is not UTF-8, as JSON has to be.") from None
        except json.JSONDecodeError as error:
            raise DataError(f"It is no JSON: {error.msg} in line {error.lineno}.") from None
        except RecursionError:
            raise DataError("It is nested too deeply.") from None
        if not len(frame.columns):
            raise DataError('It holds no records, such as {"age": 3, "name": "Bo"}.')
        return flat_columns(frame, "The records name the columns.")

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"names": "None"}


def read_rows(path: str, names: list[str] | None = None) -> pd.DataFrame:
    """The records of the file as rows; what is no record is left out."""
    import json
    from pathlib import Path

    import pandas as pd

    text = Path(path).read_text(encoding="utf-8-sig").strip()
    found: list[object] = []
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        if text.startswith("["):
            raise
        whole = None  # a record on each line
    if isinstance(whole, list):
        found = whole
    elif isinstance(whole, dict):  # records in one of its fields, such as "results" or "features"
        lists = [each for each in whole.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
        found = lists[0] if len(lists) == 1 else [whole]
        if len(lists) == 1:
            flat = pd.json_normalize([record for record in found if isinstance(record, dict)])
            return flat if names is None else flat.reindex(columns=names)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found.append(json.loads(line))
                except json.JSONDecodeError as error:
                    raise json.JSONDecodeError(error.msg, "\n" * (number - 1) + line, number - 1 + error.pos) from None
    frame = pd.DataFrame([record for record in found if isinstance(record, dict)])
    return frame if names is None else frame.reindex(columns=names)
