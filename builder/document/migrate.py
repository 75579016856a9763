"""Upgrades documents of older formats, so that a released file loads for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builder.document.model import FORMAT
from builder.problems import DocumentError, Problem
from builder.validation_messages import clip

# From an older format to the next one. A new format adds one function here and never changes an old one.
STEPS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    # Options and metrics were renamed, which trainers/migrate.py reads; the graph is as it was.
    "netloom/1": lambda data: {**data, "format": "netloom/2"},
}


def upgrade(data: dict[str, Any]) -> dict[str, Any]:
    """The same document in today's format. DocumentError: the format is missing or unknown."""
    seen = data.get("format")
    while isinstance(seen, str) and seen in STEPS:
        data = STEPS[seen](data)
        seen = data.get("format")
    if seen == FORMAT:
        return data
    if seen is None:
        message = f'This is not a Netloom document: it has no "format". Expected "format": "{FORMAT}".'
    else:
        message = f"The format {clip(seen)} is not known here. This version of Netloom reads {FORMAT!r} and older."
    raise DocumentError([Problem("N001", "error", None, message, category="file")])
