"""Edits as JSON: {"kind": "SetParams", "name": "fc", "params": {"out_features": 64}}. Every edit can be written.

Nothing in it is executed: the class is looked up among the edits, and every field is validated by its type.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from builder.edits.base import Edit, Restore
from builder.problems import EditError
from builder.registry import did_you_mean
from builder.validation_messages import clip

KIND = "kind"  # the key that names the class; no field of an edit has this name
MAX_DEPTH = 8  # edits inside edits


def from_json(data: Any, depth: int = 0) -> Edit:
    """An edit from a dictionary. EditError: it names no edit, or a field is missing, unknown or of the wrong type."""
    if not isinstance(data, dict):
        raise EditError(f"An edit is an object with the key {KIND!r}, such as 'SetParams'; got {clip(data)}.")
    if depth > MAX_DEPTH:
        raise EditError(f"Edits are nested deeper than {MAX_DEPTH}.")
    name, kinds = data.get(KIND), _kinds()
    if not isinstance(name, str) or name not in kinds:
        hint = did_you_mean(str(name), kinds)
        raise EditError(f"There is no edit {clip(name)}.{hint} There are {', '.join(sorted(kinds))}.")
    return _made(kinds[name], {key: value for key, value in data.items() if key != KIND}, depth)


def _made(kind: type[Edit], given: dict[str, Any], depth: int) -> Edit:
    hints, fields = _hints(kind), {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise EditError(f"{kind.__name__} has no field {clip(unknown[0])}; its fields are {', '.join(fields)}.")
    needed = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING and name not in given
    ]
    if needed:
        raise EditError(f"{kind.__name__} needs the field {needed[0]!r}.")
    return kind(**{name: _value(kind, name, hints[name], value, depth) for name, value in given.items()})


def _value(kind: type[Edit], name: str, hint: Any, value: Any, depth: int) -> Any:
    if hint is Edit:
        return from_json(value, depth + 1)
    if hint == tuple[Edit, ...]:
        if not isinstance(value, list | tuple):
            raise EditError(f"{kind.__name__}.{name} is a list of edits; got {clip(value)}.")
        return tuple(from_json(item, depth + 1) for item in value)
    try:
        return _adapter(hint).validate_python(value)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise EditError(f"{kind.__name__}.{name} cannot be {clip(value)}: {reason[:1].lower()}{reason[1:]}.") from None


def to_json(edit: Edit) -> dict[str, Any]:
    """The dictionary that `from_json` reads; fields that have their default are left out."""
    written: dict[str, Any] = {KIND: type(edit).__name__}
    hints = _hints(type(edit))
    for field in dataclasses.fields(edit):
        value = getattr(edit, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        if isinstance(value, Edit):
            written[field.name] = to_json(value)
        elif hints[field.name] == tuple[Edit, ...]:
            written[field.name] = [to_json(item) for item in value]
        else:
            written[field.name] = _adapter(hints[field.name]).dump_python(value, mode="json", exclude_defaults=True)
    return written


@functools.cache
def _kinds() -> dict[str, type[Edit]]:
    """Every public class of edit by its name; Restore holds whole parts of a document, and is only made by undo."""
    return {kind.__name__: kind for kind in _below(Edit) if kind is not Restore and not kind.__name__.startswith("_")}


def _below(kind: type[Edit]) -> Iterator[type[Edit]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def _hints(kind: type[Edit]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)
