"""Adds files to the library: finds out what they are, and keeps them with the schema that was guessed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainers.data.base import DataError
from trainers.data.own import library
from trainers.data.own.bringing import foreign
from trainers.data.own.bringing.unpacking import unpacked
from trainers.data.own.files import Files
from trainers.data.own.kind import Wishes, recognised
from trainers.data.own.library import Stored


def add_data(
    path: str | Path,
    name: str | None = None,
    target: str | None = None,
    task: str | None = None,
    roles: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    split: str | None = None,
    *,
    kind: str | None = None,
    settings: Mapping[str, Any] | None = None,
    copy: bool = False,
    title: str | None = None,
    finish: Callable[[Stored], None] | None = None,
) -> str:
    """Add a file or a folder of one's own to the data sets; its name, "own/…".

    Parameters:
        path: a table (CSV and other text, Excel, Parquet, JSON lines), or a folder or file of another kind.
        name: what to call it; by default like the file.
        target: the column to predict. None: found by looking.
        task: the name of a task that predicts a column, see trainers/tasks. None: by the target.
        roles: for some columns (by name; "column_0", … where the file has no header) what they are for: "input",
            "target", "group", "time", "weight" … types: "number", "category", "yes_no", "labels", "date", "text".
        split: "random", "group" or "time".
        kind: the kind of data, see trainers/data/own/kinds. None: found by looking.
        settings: fields of the kind's schema, such as the size of images.
        copy: keep a copy of the files, as of an upload. By default they are read where they lie.
        title: the file's name for people, where `path` is a temporary one.
        finish: is called with the data set before it is listed, to prepare it. What it raises takes it out again.

    Raises:
        DataError: the file cannot be read, or a column, role or type does not exist; the message says which ones do.
    """
    given = Path(path).expanduser()
    shown = title or given.name
    if not given.exists():
        raise DataError(f"There is no file {given}.")
    plain = re.sub(r"\.(tar\.\w+|\w+)$", "", Path(shown).name)
    chosen = library.checked_name(name) if name is not None else library.free_name(plain)
    wishes = Wishes(target, task, roles or {}, types or {}, split, settings or {})
    try:
        with library.unlisted(chosen):
            with unpacked(given, shown) as files:
                added = _added(chosen, files, kind, wishes, copy)
            return _finish(added, finish)
    except DataError as error:
        raise DataError(f"{shown} cannot be used. {error}") from None
    except (OSError, UnicodeError) as error:
        raise DataError(f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _finish(added: Stored, finish: Callable[[Stored], None] | None) -> str:
    try:
        if finish is not None:
            finish(added)
    except BaseException:
        shutil.rmtree(added.folder, ignore_errors=True)
        raise
    return added.full_name


def _added(name: str, files: Files, wanted: str | None, wishes: Wishes, copy: bool) -> Stored:
    if files.only is not None:
        foreign.refuse(files.only)
    try:
        kind, reason = recognised(files, wanted, wishes)
    except DataError as error:
        raise DataError(foreign.advice(files) or str(error)) from None
    looked = kind.look(files, wishes)
    if not files.single:
        files = replace(files, left_out=foreign.explained((*files.left_out, *looked.left_out)))
    return library.keep(name, files, looked.reader, looked.samples, looked.schema, copy, reason)
