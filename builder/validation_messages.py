"""Turns pydantic's validation errors into sentences: what was expected and what was received."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from builder.registry import did_you_mean
from builder.synonyms import advice, meaning

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
    """A value's repr, cut off at 60 characters; a document has lists, and no tuples."""
    text = _SHORT.repr(list(value) if isinstance(value, tuple) else value)
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


def sentences(
    error: ValidationError | Sequence[Any], known: Iterable[str] = (), inferred: Collection[str] | None = None
) -> dict[str, str]:
    """One sentence for each wrong field, by the field's name ('' for the whole), with similar names suggested.

    A union of types gives one error for each of its members; the errors of a field become one sentence.

    Parameters:
        error: the exception, or some of the entries of its `errors()`.
        known: the names of the fields.
        inferred: of a layer, the arguments of torch that follow from its inputs; None: these are not a layer's fields.
    """
    errors = error.errors(include_url=False) if isinstance(error, ValidationError) else error
    known = list(known)
    expected: dict[str, list[str]] = {}
    received: dict[str, Any] = {}
    found: dict[str, str] = {}
    for item in errors[:MAX_SENTENCES]:
        name = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            better = advice(name, known, inferred)
            found[name] = f"There is no {clip(name)} here.{f' {better}' if better else did_you_mean(name, known)}"
        elif item["type"] == "invalid_key":
            found[name] = f"{name} is used as a name: names must be text."
        elif item["type"] == "missing":
            found[name] = f"{name} is missing; it has no default."
        elif item["type"] in ("value_error", "assertion_error"):
            found[name] = str(item["ctx"]["error"])
        else:
            phrase = _expected(item) or item["msg"].lower()
            if phrase not in expected.setdefault(name, []):
                expected[name].append(phrase)
            received.setdefault(name, item["input"])
    for name, phrases in expected.items():
        text = f"{name or 'It'} must be {' or '.join(phrases)}, got {clip(received[name])}."
        value = received[name]
        if isinstance(value, str) and value != value.lower() and repr(value.lower()) in text:
            better = f"Did you mean {value.lower()!r}?"
        else:
            better = meaning(name, value) if inferred is not None else ""
        found.setdefault(name, f"{text} {better}".rstrip())
    return found
