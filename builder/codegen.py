"""Python source of a document's networks."""

from __future__ import annotations

from builder.document import Document


def to_python(document: Document) -> str:
    raise RuntimeError
