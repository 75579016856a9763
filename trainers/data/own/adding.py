"""Adds a file to the library: reads it, looks at it, and keeps it with the schema that was guessed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trainers.data.base import DataError
from trainers.data.own import library
from trainers.data.own.looking.roles import guess_schema, task_of
from trainers.data.own.looking.types import guess_column, retyped
from trainers.data.own.reading import reader_for
from trainers.data.own.reading.table import RawTable
from trainers.data.own.schema import ROLES, TYPES, Column, Schema, Splitting
from trainers.data.own.tasks import predicts_classes, task_for, tasks_of_tables

LARGEST = 2 << 30  # bytes of an upload


def add_data(
    path: str | Path,
    name: str | None = None,
    target: str | None = None,
    task: str | None = None,
    roles: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    split: str | None = None,
    *,
    copy: bool = False,
    title: str | None = None,
) -> str:
    """Add a file of one's own to the data sets; its name, "own/…".

    Parameters:
        path: a table (CSV and other text, Excel, Parquet, JSON lines).
        name: what to call it; by default like the file.
        target: the column to predict. None: found by looking.
        task: the name of a task that predicts a column, see trainers/tasks. None: by the target.
        roles: for some columns (by name; "column_0", … where the file has no header) what they are for: "input",
            "target", "group", "time" or "ignored". types: "number", "category", "yes_no", "date", "text".
        split: "random", "group" or "time".
        copy: keep a copy of the file, as of an upload. By default it is read where it lies.
        title: the file's name for people, where `path` is a temporary one.

    Raises:
        DataError: the file cannot be read, or a column, role or type does not exist; the message says which ones do.
    """
    file = Path(path).expanduser()
    shown = title or file.name
    if not file.exists():
        raise DataError(f"There is no file {file}.")
    if file.is_dir():
        raise DataError(f"{file} is a folder; a table is one file.")
    chosen = library.checked_name(name) if name is not None else library.free_name(Path(shown).stem)
    try:
        reader = reader_for(file)
        table = reader.read(file)
        schema = look(table, Path(shown).stem, target, types)
    except DataError as error:
        raise DataError(f"{shown} cannot be used. {error}") from None
    except (OSError, UnicodeError) as error:
        raise DataError(f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    schema = with_roles(schema, table.frame, roles or {}, task, split)
    return library.keep(chosen, file, shown, reader.name, len(table.frame), schema, copy).full_name


def look(table: RawTable, named: str = "", target: str | None = None, types: Mapping[str, str] | None = None) -> Schema:
    """The schema of a table as it seems to be. DataError: it has no row, or a name or type that does not exist."""
    frame = table.frame
    if not len(frame):
        raise DataError("It has a header and no row.")
    european = "semicolon" in table.found.get("delimiter", "")
    columns = [guess_column(str(column), frame[column], european) for column in frame.columns]
    plain = Schema(columns=tuple(columns))
    for column, kind in (types or {}).items():
        if kind not in TYPES:
            raise DataError(f"There is no type {kind!r} for {column}. The types are: {', '.join(TYPES)}.")
        plain = plain.changed([retyped(plain.column(column), kind, frame[column])])
    if target is not None:
        plain.column(target)
    return guess_schema(frame, plain.columns, named, target)


def with_roles(
    schema: Schema, frame: pd.DataFrame, roles: Mapping[str, str], task: str | None = None, split: str | None = None
) -> Schema:
    """The schema with roles, a task and a way to split that the user has chosen."""
    chosen: list[Column] = []
    for column, role in roles.items():
        if role not in ROLES:
            raise DataError(f"There is no role {role!r} for {column}. The roles are: {', '.join(ROLES)}.")
        chosen.append(schema.column(column).model_copy(update={"role": role, "role_reason": ""}))
    if any(column.role == "target" for column in chosen):
        given = {column.name for column in chosen}
        chosen += [
            column.model_copy(update={"role": "input", "role_reason": ""})
            for column in schema.targets
            if column.name not in given
        ]
    schema = schema.changed(chosen)
    return _with_splitting(_with_task(schema, frame, task), split)


def _with_task(schema: Schema, frame: pd.DataFrame, task: str | None) -> Schema:
    """The schema with the task that its targets say, or the chosen one where they allow it."""
    targets = schema.targets
    if not targets:
        return schema.changed(task=None, task_reason="")
    known = tasks_of_tables()
    if task is not None and task not in known:
        raise DataError(f"There is no task {task!r} for a table. The tasks are: {', '.join(known)}.")
    if len(targets) > 1:
        if predicts_classes(task) or any(column.type not in ("number", "date") for column in targets):
            raise DataError("Several columns can be predicted together only if they are numbers.")
        return schema.changed(task=task_for("number"), task_reason="Several numbers are predicted.")
    target = targets[0]
    if task is None:
        found, reason, target = task_of(target, frame[target.name])
        return schema.changed([target], task=found, task_reason=reason)
    suitable = ("category", "yes_no") if predicts_classes(task) else ("number", "date")
    if target.type not in suitable:
        target = retyped(target, "category" if predicts_classes(task) else "number", frame[target.name])
    return schema.changed([target], task=task, task_reason="")


def _with_splitting(schema: Schema, split: str | None) -> Schema:
    how: Any = split or ("group" if schema.of_role("group") else "time" if schema.of_role("time") else "random")
    if how not in ("random", "group", "time"):
        raise DataError(f"There is no split {how!r}. Rows are split: random, group, time.")
    if how in ("group", "time") and not schema.of_role(how):
        raise DataError(f"To split by {how}, give a column the role {how!r}.")
    if how == "time" and any(column.type not in ("date", "number") for column in schema.of_role("time")):
        raise DataError("The column that says the time must hold dates or numbers.")
    return schema.changed(splitting=Splitting(how=how)) if how != schema.splitting.how else schema
