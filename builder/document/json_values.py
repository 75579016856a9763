"""Values that JSON can hold and return unchanged, so that a document that was read can be written again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 8


def json_value(value: Any) -> Any:
    """The value itself. ValueError, with a sentence, if writing and reading it as JSON would fail or change it."""
    complaint = _complaint(value, ())
    if complaint:
        raise ValueError(complaint)
    return value


def _complaint(value: Any, path: tuple[str, ...]) -> str | None:
    where = ".".join(path)[:60] or "A value"
    if isinstance(value, dict | list | tuple):
        if len(path) == MAX_DEPTH:
            return f"{where}: values are nested deeper than {MAX_DEPTH}; no setting needs that."
        pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if isinstance(value, dict) and not (isinstance(key, str) and _encodable(key)):
                return f"{str(key)[:60]!a} is used as a name: names must be text."
            complaint = _complaint(item, (*path, str(key)))
            if complaint:
                return complaint
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{where} must be a finite number, got {value}."
    if isinstance(value, str):
        return None if _encodable(value) else f"{where} contains half of a character (a lone surrogate): retype it."
    if value is None or (isinstance(value, int) and value.bit_length() <= 1024):
        return None
    kind = "an integer of that size" if isinstance(value, int) else f"a value of type {type(value).__name__}"
    return f"{where}: {kind} cannot be stored in a document; use numbers, text, lists, true or false."


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
