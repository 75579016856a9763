"""Makes arrays of the rows of a data set of one's own, once, and keeps them in files that are mapped into memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.kinds.table.encoding import encode_inputs, groups_of, used_rows, weights_of
from trainers.data.own.kinds.table.schema import TableSchema
from trainers.data.own.library import Stored, check_files, make_folder
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.table import RawTable
from trainers.runs.files import write_text

try:
    import fcntl
except ImportError:  # Windows: two processes that prepare the same table at once would disturb each other there
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import pandas as pd

PREPARED = "netloom-prepared/1"
_preparing = threading.Lock()
MOST_KEPT = 400 << 20  # bytes of a table that stays in memory, since each choice on the page looks at it again
_kept: dict[tuple[str, ...], RawTable] = {}  # the last one
HEAD = 128  # bytes of the head of a .npy file that is written piece by piece


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
    weights: NDArray[np.float32] | None = None  # how much each counts in the loss


def raw_rows(data: Stored) -> pd.DataFrame:
    """The table as it stands in the file. DataError: the file is gone, or another one than was added."""
    check_files(data)
    try:
        table = _kept.get(_kept_key(data))
        if table is None or table.sample is not None:
            table = reader_named(data.source.reader, data.schema.encoding).read(data.data_file)
        return table.frame
    except OSError as error:
        raise DataError(f"The file of {data.full_name} cannot be read: {error.strerror or error}.") from None


def looked_at(data: Stored) -> RawTable:
    """The table to look at: all rows, or of a very large one some. DataError: the file is gone, or another one."""
    check_files(data)
    key = _kept_key(data)
    if (kept := _kept.get(key)) is not None:
        return kept
    try:
        table = reader_named(data.source.reader, data.schema.encoding).look(data.data_file)
        _kept.clear()
        if table.frame.memory_usage(deep=True).sum() <= MOST_KEPT:
            _kept[key] = table
        return table
    except OSError as error:
        raise DataError(f"The file of {data.full_name} cannot be read: {error.strerror or error}.") from None


def _kept_key(data: Stored) -> tuple[str, ...]:
    return str(data.data_file), data.source.sha256, data.source.reader, data.schema.encoding


def prepared(data: Stored) -> PreparedRows:
    """The arrays of a data set, made on the first call."""
    folder = data.folder / "prepared"
    key = _key(data)
    found = _load(folder, key)
    if found is not None:
        return found
    if not data.schema.of_role("group") and not data.schema.of_role("time"):  # these need all rows at once
        check_files(data)
        pieces = reader_named(data.source.reader, data.schema.encoding).chunks(data.data_file)
        if pieces is not None:
            with _alone(data.folder / f".preparing-{key[:16]}"):
                if _load(folder, key) is None:  # another thread or process may have been faster
                    _by_pieces(data, key, pieces)
            found = _load(folder, key)
            if found is not None:
                return found
    rows = encode(raw_rows(data), data.schema)
    # where the disk is full, or another process was faster, the arrays are used as they are in memory
    with contextlib.suppress(OSError):
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder, lambda temporary: _save(temporary, key, rows))
    return _load(folder, key) or rows


def _by_pieces(data: Stored, key: str, pieces: Iterator[pd.DataFrame]) -> None:
    """Prepare a very large table piece by piece, each added to the files of arrays. What was done by a process that was
    stopped is kept, and the next one goes on after it."""
    folder = data.folder / f".preparing-{key[:16]}"
    state = folder / "state.json"
    done: dict[str, Any] = {"pieces": 0, "seen": 0, "rows": 0, "arrays": {}}
    with contextlib.suppress(OSError, ValueError):
        done = json.loads(state.read_text(encoding="utf-8"))
    for name, (_, shape) in done["arrays"].items():  # a piece that was half written is written again
        os.truncate(folder / f"{name}.npy", HEAD + done["rows"] * _bytes_of(done["arrays"][name][0], shape))
    for number, frame in enumerate(pieces):
        if number < done["pieces"]:
            continue
        stages.say("Preparing rows", done["seen"], data.source.rows)
        rows = encode(frame, data.schema)
        arrays = {**_arrays(rows), "rows": rows.rows + done["seen"]}
        for name, array in arrays.items():
            with (folder / f"{name}.npy").open("ab") as file:
                if not file.tell():
                    file.write(bytes(HEAD))
                file.write(np.ascontiguousarray(array).tobytes())
                file.flush()
                os.fsync(file.fileno())
        facts = {name: (array.dtype.str, array.shape[1:]) for name, array in arrays.items()}
        done = {
            "pieces": number + 1,
            "seen": done["seen"] + len(frame),
            "rows": done["rows"] + len(rows.rows),
            "arrays": facts,
        }
        write_text(state, json.dumps(done))
    for name, (kind, shape) in done["arrays"].items():
        with (folder / f"{name}.npy").open("r+b") as file:
            file.write(_head(kind, (done["rows"], *shape)))
    _write_about(folder, key, len(rows.embedded), False, done["seen"] - done["rows"])
    state.unlink()
    target = data.folder / "prepared"
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Work in a folder that no other thread or process works in."""
    folder.mkdir(exist_ok=True)
    with _preparing, (folder.parent / f"{folder.name}.lock").open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bytes_of(kind: str, shape: Sequence[int]) -> int:
    return np.dtype(kind).itemsize * math.prod(shape)


def _head(kind: str, shape: tuple[int, ...]) -> bytes:
    """The beginning of a .npy file, always of the same length: the number of rows is known last."""
    text = repr({"descr": kind, "fortran_order": False, "shape": shape})
    head = b"\x93NUMPY\x01\x00" + (HEAD - 10).to_bytes(2, "little")
    return head + text.encode("latin-1").ljust(HEAD - 11) + b"\n"


def encode(frame: pd.DataFrame, schema: TableSchema) -> PreparedRows:
    """The rows of a table as arrays, without those that have no target or that the schema leaves out."""
    columns = [column.model_dump() for column in schema.columns]
    used, targets = used_rows(frame.reset_index(drop=True), columns)
    numbers, embedded = encode_inputs(used, columns)
    groups = groups_of(used, columns) if schema.of_role("group") else None
    rows = used.index.to_numpy("int64")
    weights = weights_of(used, columns) if schema.of_role("weight") else None
    return PreparedRows(numbers, tuple(embedded), targets, groups, rows, len(frame) - len(rows), weights)


def _key(data: Stored) -> str:
    """Names what the arrays are made of: the file and the schema."""
    text = json.dumps([PREPARED, data.source.sha256, data.schema.model_dump(mode="json")])
    return hashlib.sha256(text.encode()).hexdigest()


def _save(folder: Path, key: str, rows: PreparedRows) -> None:
    for name, array in _arrays(rows).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    _write_about(folder, key, len(rows.embedded), rows.groups is not None, rows.left_out)


def _arrays(rows: PreparedRows) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"numbers": rows.numbers, "targets": rows.targets, "rows": rows.rows}
    arrays |= {f"embedded_{place}": codes for place, codes in enumerate(rows.embedded)}
    arrays |= {} if rows.weights is None else {"weights": rows.weights}
    return arrays if rows.groups is None else {**arrays, "groups": rows.groups}


def _write_about(folder: Path, key: str, embedded: int, groups: bool, left_out: int) -> None:
    about = {"key": key, "embedded": embedded, "groups": groups, "left_out": left_out}
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
            array("weights") if (folder / "weights.npy").is_file() else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
