"""Keeps the arrays that are made of one's own data in files, from where they are mapped into memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.library import Stored, make_folder

PREPARED = "netloom-prepared/1"
Named = dict[str, NDArray[Any]]


def key_of(data: Stored, *parts: object) -> str:
    """Names what arrays are made of: the files, the schema, and further parts."""
    schema = data.schema.model_dump(mode="json")
    text = json.dumps([PREPARED, data.source.sha256, schema, *map(str, parts)])
    return hashlib.sha256(text.encode()).hexdigest()


def kept(data: Stored, make: Callable[[], Named]) -> Named:
    """The arrays of a data set by name, made on the first call, and again when its files or its schema are others.

    Where they cannot be kept (the disk is full, another process was faster) they are used as they are in memory.
    """
    folder, key = data.folder / "prepared", key_of(data)
    found = _load(folder, key)
    if found is None:
        made = make()
        with contextlib.suppress(OSError):
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder, lambda temporary: _save(temporary, key, made))
        found = _load(folder, key) or made
    return found


def _save(folder: Path, key: str, arrays: Named) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / "about.json").write_text(json.dumps({"key": key, "arrays": list(arrays)}), encoding="utf-8")


def _load(folder: Path, key: str) -> Named | None:
    """The arrays, mapped into memory; None: there are none, or they are of other files, or damaged."""
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["key"] != key:
            return None
        names = [str(name) for name in about["arrays"]]
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    except (OSError, ValueError, KeyError, TypeError):
        return None
