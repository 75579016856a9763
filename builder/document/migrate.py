"""Upgrades documents of older formats, so that a file of any released version can be loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builder.document.model import FORMAT
from builder.problems import DocumentError, Problem
from builder.validation_messages import clip

# From a format to the next one. A new format adds one function here and never changes an old one.
STEPS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    # Only training options and metrics were renamed, which trainers/migrate.py reads; the graph is unchanged.
    "netloom/1": lambda data: {**data, "format": "netloom/2"},
}


def upgrade(data: dict[str, Any]) -> dict[str, Any]:
    """The same document in the current format. DocumentError: the format is missing or unknown."""
    found = data.get("format")
    while isinstance(found, str) and found in STEPS:
        data = STEPS[found](data)
        found = data.get("format")
    if found == FORMAT:
        return data
    if found is None:
        message = f'This is not a Netloom document: it has no "format". Expected "format": "{FORMAT}".'
    else:
        message = f"The format {clip(found)} is unknown. This version of Netloom reads {FORMAT!r} and older."
    raise DocumentError([Problem("N001", "error", None, message, category="file")])
