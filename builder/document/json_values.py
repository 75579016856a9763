"""Plain values: what JSON can hold and give back unchanged, so that a document that was read can be written again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 8


def plain(value: Any) -> Any:
    """The value itself. ValueError, in a sentence, if writing and reading it would change it, fail or never end."""
    complaint = _complaint(value, ())
    if complaint:
        raise ValueError(complaint)
    return value


def _complaint(value: Any, path: tuple[str, ...]) -> str | None:
    where = ".".join(path)[:60] or "A value"
    if isinstance(value, dict | list | tuple):
        if len(path) == MAX_DEPTH:
            return f"{where}: values are nested deeper than {MAX_DEPTH}, which no setting needs."
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
        return None if _encodable(value) else f"{where} holds half of a character (a lone surrogate): type it anew."
    if value is None or (isinstance(value, int) and value.bit_length() <= 1024):
        return None
    kind = "whole number of that size" if isinstance(value, int) else type(value).__name__
    return f"{where}: a {kind} cannot be kept in a document; use numbers, text, lists, true or false."


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
