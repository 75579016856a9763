"""Turns pydantic's validation errors into sentences: what happened, what was expected, what was received."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from builder.registry import did_you_mean

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "text",
    "tuple_type": "a list of numbers",
    "list_type": "a list",
    "dict_type": "an object with names and values",
    "model_type": "an object with names and values",
    "mapping_type": "an object with names and values",
    "none_required": "nothing (null)",
}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 60
MAX_SENTENCES = 100


def clip(value: Any) -> str:
    """A value as a short piece of a sentence, however long or deep it is."""
    text = _SHORT.repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _expected(error: Any) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "greater_than":
            return f"more than {context['gt']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "less_than":
            return f"less than {context['lt']}"
        case "literal_error" | "enum":
            return f"one of {context['expected']}"
        case "too_short":
            return f"at least {context['min_length']} values"
        case "too_long":
            return f"at most {context['max_length']} values"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case kind if kind in _EXPECTED:
            return _EXPECTED[kind]
    return ""


def sentences(error: ValidationError, known: Iterable[str] = ()) -> dict[str, str]:
    """One sentence for each field that is wrong, by the field's name ('' for the whole), near names suggested.

    A union of types fails once for each of its members; the sentences of one field are merged into one.
    """
    known = list(known)
    expected: dict[str, list[str]] = {}
    received: dict[str, Any] = {}
    whole: dict[str, str] = {}
    for item in error.errors(include_url=False)[:MAX_SENTENCES]:
        name = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            whole[name] = f"There is no {clip(name)} here.{did_you_mean(name, known)}"
        elif item["type"] == "invalid_key":
            whole[name] = f"{name} is used as a name: names must be text."
        elif item["type"] == "missing":
            whole[name] = f"{name} is missing; it has no default."
        elif item["type"] in ("value_error", "assertion_error"):
            whole[name] = str(item["ctx"]["error"])
        else:
            phrase = _expected(item) or item["msg"].lower()
            if phrase not in expected.setdefault(name, []):
                expected[name].append(phrase)
            received.setdefault(name, item["input"])
    for name, phrases in expected.items():
        value = clip(received[name])
        whole.setdefault(name, f"{name or 'It'} must be {' or '.join(phrases)}, got {value}.")
    return whole
