"""The templates: documents in assets/templates, each with a lesson."""

from __future__ import annotations

import functools
from pathlib import Path

from builder.document.files import load
from builder.document.model import Document
from builder.problems import DocumentError, Problem
from builder.registry import did_you_mean


def folder() -> Path:
    """The folder of the templates: beside this package in a checkout."""
    return Path(__file__).resolve().parents[2] / "assets" / "templates"


@functools.cache
def templates() -> dict[str, Document]:
    """Every template by its file name without the extension, in alphabetical order."""
    return {path.stem: load(path) for path in sorted(folder().glob("*.json"))}


def template(name: str) -> Document:
    """One template. DocumentError: there is none with that name; similar names are listed."""
    known = {path.stem for path in folder().glob("*.json")}
    if name not in known:
        message = f"There is no template {name!r}.{did_you_mean(name, known)}"
        raise DocumentError([Problem("N001", "error", None, message, category="file")])
    return templates()[name]
