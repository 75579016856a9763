"""What a user may change of a table's schema: role, type, missing rule, encoding of a column; the split; the task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trainers.data.base import DataError
from trainers.data.own.kinds.table.guessing import check_weight, with_roles
from trainers.data.own.kinds.table.looking.types import retyped
from trainers.data.own.kinds.table.schema import ENCODINGS, MISSING, Column, TableSchema
from trainers.data.own.kinds.table.tasks import predicts_classes, tasks_of_tables
from trainers.data.own.report import Setting
from trainers.data.own.schema import Splitting
from trainers.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd

MOST_CHOICES = 200  # columns to split by that are offered


def settings(schema: TableSchema) -> tuple[Setting, ...]:
    """What was guessed about the table as a whole: how it is split, and what is predicted."""
    splitting = schema.splitting
    column = next((c.name for c in schema.of_role(splitting.how)), "") if splitting.how in ("group", "time") else ""
    value = f"{splitting.how}:{column}" if column else splitting.how
    groups = [c for c in schema.columns if c.role != "target" and c.type in ("number", "category")][:MOST_CHOICES]
    times = [c for c in schema.columns if c.role != "target" and c.type in ("date", "number")][:MOST_CHOICES]
    choices = (
        ("random", "at random"),
        *((f"group:{c.name}", f"rows of one {c.name} stay together") for c in groups),
        *((f"time:{c.name}", f"in time, by {c.name}") for c in sorted(times, key=lambda c: c.type != "date")),
    )
    found = [Setting("splitting", "Split", value, splitting.reason, choices)]
    if len(schema.targets) == 1:
        target = schema.targets[0]
        suitable = [
            (name, TASKS[name].label)
            for name in tasks_of_tables()
            if predicts_classes(name) or target.type in ("number", "date") or name == schema.task
        ]
        if len(suitable) > 1:
            found.append(Setting("task", "What is predicted", schema.task, schema.task_reason, tuple(suitable)))
    return tuple(found)


def changed(schema: TableSchema, frame: pd.DataFrame, key: str, value: Any) -> TableSchema:
    """The schema with one of `settings` changed. DataError: that is not possible."""
    if key == "task":
        return with_roles(schema, frame, {}, str(value), schema.splitting.how)
    if key != "splitting":
        raise DataError(f"A table has no setting {key!r}.")
    how, _, name = str(value).partition(":")
    if how not in ("group", "time"):
        return _split(schema, [_with(column, "ignored") for column in _ordering(schema)], "random")
    return _with_role(schema, frame, schema.column(name), how)


def changed_column(schema: TableSchema, frame: pd.DataFrame, name: str, field: str, value: str) -> TableSchema:
    """The schema with something about a column changed: its role, type, missing or encoding.

    A new target takes the place of the one before, which becomes an input; a column that says the group or the time
    changes the split; another type brings the encoding and the missing rule that are usual for it.

    Raises:
        DataError: there is no such column or field, or the value does not suit the column.
    """
    column = schema.column(name)
    if field == "role":
        return schema if value == column.role else _with_role(schema, frame, column, value)
    if field == "type":
        if column.type == value:
            return schema
        made = schema.changed([retyped(column, value, frame[name])])  # type: ignore[arg-type]
        return with_roles(made, frame, {}, None, made.splitting.how) if column.role == "target" else made
    known: dict[str, Mapping[Any, tuple[str, ...]]] = {"missing": MISSING, "encoding": ENCODINGS}
    allowed = known.get(field, {}).get(column.type, ())
    if value not in allowed:
        raise DataError(f"The {field} of {name} is one of: {', '.join(allowed) or 'nothing'}.")
    return schema.changed([column.model_copy(update={field: value})])


def _with_role(schema: TableSchema, frame: pd.DataFrame, column: Column, role: str) -> TableSchema:
    """The schema with another role of a column. What the user has chosen of the task stays, as long as the target."""
    if "target" in (role, column.role):
        return with_roles(schema, frame, {column.name: role}, None, None)
    if role == "time" and column.type not in ("date", "number"):
        raise DataError(f"{column.name} cannot say the time: it must hold dates or numbers.")
    before = _ordering(schema) if role in ("group", "time") else ()
    if role == "weight":
        before = schema.of_role("weight")
    others = [_with(each, "ignored") for each in before if each.name != column.name]
    made = schema.changed([*others, _with(column, role)])
    check_weight(made)
    how = next((each.role for each in _ordering(made)), "random")
    return _split(made, (), how) if how != schema.splitting.how or before else made


def _ordering(schema: TableSchema) -> tuple[Column, ...]:
    """The columns that say how rows are split."""
    return (*schema.of_role("group"), *schema.of_role("time"))


def _with(column: Column, role: Any) -> Column:
    return column.model_copy(update={"role": role, "role_reason": ""})


def _split(schema: TableSchema, columns: Iterable[Column], how: Any) -> TableSchema:
    return schema.changed(columns, splitting=Splitting(how=how))
