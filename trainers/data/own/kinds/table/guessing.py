"""The schema of a table as it seems to be, with what the user has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainers.data.base import DataError
from trainers.data.own.kinds.table.looking.roles import guess_schema, task_of, unusable, with_uses
from trainers.data.own.kinds.table.looking.types import guess_column, retyped
from trainers.data.own.kinds.table.schema import ROLES, TYPES, Column, TableSchema
from trainers.data.own.kinds.table.tasks import predicts_classes, predicts_labels, task_for, tasks_of_tables
from trainers.data.own.reading.table import RawTable, Sample
from trainers.data.own.schema import Splitting


def look(
    table: RawTable, named: str = "", target: str | None = None, types: Mapping[str, str] | None = None
) -> TableSchema:
    """The schema of a table as it seems to be. DataError: it has no row, or a name or type that does not exist."""
    frame = table.frame
    if not len(frame.columns):
        raise DataError(f"It has no column of single values. {table.found.get('nested', '')}".strip())
    if not len(frame):
        raise DataError("It has a header and no row.")
    european = "semicolon" in table.found.get("delimiter", "")
    columns = [guess_column(str(column), frame[column], european) for column in frame.columns]
    if table.sample is not None:  # a category has the values of all rows
        columns = [
            retyped(column, column.type, table.sample.values(column.name))
            if column.type in ("category", "labels")
            else column
            for column in columns
        ]
        columns = [c.model_copy(update={"may_be_missing": _may_be_missing(c, table.sample)}) for c in columns]
    plain = TableSchema(columns=tuple(columns))
    for column, kind in (types or {}).items():
        if kind not in TYPES:
            raise DataError(f"There is no type {kind!r} for {column}. The types are: {', '.join(TYPES)}.")
        plain = plain.changed([retyped(plain.column(column), kind, frame[column])])
    if target is not None:
        plain.column(target)
    return guess_schema(frame, plain.columns, named, target)


def _may_be_missing(column: Column, sample: Sample) -> bool:
    """Whether a cell of all rows may be missing: the file says so, or says nothing of it."""
    return column.may_be_missing or sample.missing.get(column.name, 1) > 0


def with_roles(
    schema: TableSchema,
    frame: pd.DataFrame,
    roles: Mapping[str, str],
    task: str | None = None,
    split: str | None = None,
) -> TableSchema:
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
    if any(column.role == "weight" for column in chosen):  # in the place of another one, which only counts rows
        names = {column.name for column in chosen}
        others = (column for column in schema.of_role("weight") if column.name not in names)
        chosen += [column.model_copy(update={"role": "ignored", "role_reason": ""}) for column in others]
    before, schema = schema.targets, schema.changed(chosen)
    check_weight(schema)
    made = _with_task(schema, frame, task)
    if {column.name for column in made.targets} != {column.name for column in before}:
        made = _for_another_target(made, frame, roles)
    return _with_splitting(made, split)


def check_weight(schema: TableSchema) -> None:
    """DataError: the column that says how much rows count is no number, or there are several."""
    weights = schema.of_role("weight")
    if len(weights) > 1:
        raise DataError(f"Only one column can say how much a row counts, not {weights[0].name} and {weights[1].name}.")
    if weights and weights[0].type != "number":
        raise DataError(f"{weights[0].name} cannot say how much a row counts: it must hold numbers.")


def _for_another_target(schema: TableSchema, frame: pd.DataFrame, roles: Mapping[str, str]) -> TableSchema:
    """The schema with the guessed roles guessed again: what gave the one target away may well help to predict another.

    Roles that the user has chosen stay: those of `roles`, and columns that are ignored without a reason.
    """
    open_roles = [
        column
        for column in schema.columns
        if column.name not in roles and (column.role == "input" or (column.role == "ignored" and column.role_reason))
    ]
    uses = {column.name: unusable(column, frame[column.name]) for column in open_roles}
    return schema.changed(with_uses(frame, schema.columns, schema.task, uses))


def _with_task(schema: TableSchema, frame: pd.DataFrame, task: str | None) -> TableSchema:
    """The schema with the task that its targets say, or the chosen one where they allow it."""
    targets = schema.targets
    if not targets:
        return schema.changed(task=None, task_reason="")
    known = tasks_of_tables()
    if task is not None and task not in known:
        raise DataError(f"There is no task {task!r} for a table. The tasks are: {', '.join(known)}.")
    if len(targets) > 1:
        kinds = {column.type for column in targets}
        if kinds == {"yes_no"} and task in (None, task_for("yes_no")):
            return schema.changed(task=task_for("yes_no"), task_reason="Several answers of yes or no are predicted.")
        if not kinds <= {"number", "date"} or task not in (None, task_for("number")):
            raise DataError("Several columns can be predicted together only if all are numbers, or all are yes or no.")
        return schema.changed(task=task_for("number"), task_reason="Several numbers are predicted.")
    target = targets[0]
    if predicts_labels(task) and target.type != "labels":
        raise DataError(
            f"The task {task} predicts several columns of yes and no, or one of several labels in a cell; "
            f"{target.name} is of the type {target.type}."
        )
    if task is None:
        found, reason, target = task_of(target, frame[target.name])
        return schema.changed([target], task=found, task_reason=reason)
    types_of: dict[bool, tuple[str, ...]] = {True: ("category", "yes_no"), False: ("number", "date")}
    suitable = ("labels",) if predicts_labels(task) else types_of[predicts_classes(task)]
    if target.type not in suitable:
        target = retyped(target, "category" if predicts_classes(task) else "number", frame[target.name])
    return schema.changed([target], task=task, task_reason="")


def _with_splitting(schema: TableSchema, split: str | None) -> TableSchema:
    how: Any = split or ("group" if schema.of_role("group") else "time" if schema.of_role("time") else "random")
    if how not in ("random", "group", "time"):
        raise DataError(f"There is no split {how!r}. Rows are split: random, group, time.")
    if how in ("group", "time") and not schema.of_role(how):
        raise DataError(f"To split by {how}, give a column the role {how!r}.")
    if how == "time" and any(column.type not in ("date", "number") for column in schema.of_role("time")):
        raise DataError("The column that says the time must hold dates or numbers.")
    return schema.changed(splitting=Splitting(how=how)) if how != schema.splitting.how else schema
