"""Makes arrays of the rows of a data set of one's own, once, and keeps them in files that are mapped into memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataError
from trainers.data.own.kinds.table.encoding import encode_inputs, groups_of, used_rows
from trainers.data.own.kinds.table.schema import TableSchema
from trainers.data.own.library import Stored, check_files, make_folder
from trainers.data.own.reading import reader_named

if TYPE_CHECKING:
    import pandas as pd

PREPARED = "netloom-prepared/1"


class PreparedRows(NamedTuple):
    """The rows of a data set as arrays; every array has one entry for each row that is used.

    `numbers` float32 (rows, features), NaN where a value is missing; `embedded` int64 (rows, 1) each; `targets` as
    `encode_target` gives them; `rows` int64, the place of each in the file.
    """

    numbers: NDArray[np.float32]
    embedded: tuple[NDArray[np.int64], ...]
    targets: NDArray[Any]
    groups: NDArray[np.int64] | None
    rows: NDArray[np.int64]
    left_out: int  # rows without a target, or without a value that must be there


def raw_rows(data: Stored) -> pd.DataFrame:
    """The table as it stands in the file. DataError: the file is gone, or another one than was added."""
    check_files(data)
    try:
        return reader_named(data.source.reader).read(data.data_file).frame
    except OSError as error:
        raise DataError(f"The file of {data.full_name} cannot be read: {error.strerror or error}.") from None


def prepared(data: Stored) -> PreparedRows:
    """The arrays of a data set, made on the first call."""
    folder = data.folder / "prepared"
    key = _key(data)
    found = _load(folder, key)
    if found is None:
        rows = encode(raw_rows(data), data.schema)
        # where the disk is full, or another process was faster, the arrays are used as they are in memory
        with contextlib.suppress(OSError):
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder, lambda temporary: _save(temporary, key, rows))
        found = _load(folder, key) or rows
    return found


def encode(frame: pd.DataFrame, schema: TableSchema) -> PreparedRows:
    """The rows of a table as arrays, without those that have no target or that the schema leaves out."""
    columns = [column.model_dump() for column in schema.columns]
    used, targets = used_rows(frame.reset_index(drop=True), columns)
    numbers, embedded = encode_inputs(used, columns)
    groups = groups_of(used, columns) if schema.of_role("group") else None
    rows = used.index.to_numpy("int64")
    return PreparedRows(numbers, tuple(embedded), targets, groups, rows, len(frame) - len(rows))


def _key(data: Stored) -> str:
    """Names what the arrays are made of: the file and the schema."""
    text = json.dumps([PREPARED, data.source.sha256, data.schema.model_dump(mode="json")])
    return hashlib.sha256(text.encode()).hexdigest()


def _save(folder: Path, key: str, rows: PreparedRows) -> None:
    arrays = {"numbers": rows.numbers, "targets": rows.targets, "rows": rows.rows}
    arrays |= {f"embedded_{place}": codes for place, codes in enumerate(rows.embedded)}
    if rows.groups is not None:
        arrays["groups"] = rows.groups
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    about = {"key": key, "embedded": len(rows.embedded), "groups": rows.groups is not None, "left_out": rows.left_out}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _load(folder: Path, key: str) -> PreparedRows | None:
    """The arrays, mapped into memory; None: there are none, or they are of another file or schema, or damaged."""
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["key"] != key:
            return None

        def array(name: str) -> NDArray[Any]:
            loaded: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            return loaded

        return PreparedRows(
            array("numbers"),
            tuple(array(f"embedded_{place}") for place in range(about["embedded"])),
            array("targets"),
            array("groups") if about["groups"] else None,
            array("rows"),
            about["left_out"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
