"""The templates: documents in assets/templates, each with a lesson."""

from __future__ import annotations

import functools
from pathlib import Path

from builder.document.files import load
from builder.document.model import Document
from builder.problems import DocumentError, Problem
from builder.registry import did_you_mean


def folder() -> Path:
    """Where the templates lie: beside this package in a checkout."""
    return Path(__file__).resolve().parents[2] / "assets" / "templates"


@functools.cache
def templates() -> dict[str, Document]:
    """Every template by its file's stem, in the order of the files' names."""
    return {path.stem: load(path) for path in sorted(folder().glob("*.json"))}


def template(name: str) -> Document:
    """One template. DocumentError: there is none of that name; near names are listed."""
    known = {path.stem for path in folder().glob("*.json")}
    if name not in known:
        message = f"There is no template {name!r}.{did_you_mean(name, known)}"
        raise DocumentError([Problem("N001", "error", None, message, category="file")])
    return templates()[name]
