"""What an edit is: a value that turns a document into a new one and has an inverse edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.document import Document
from builder.problems import EditError

GAP_X, GAP_Y = 190.0, 100.0  # distance between nodes on the canvas, in pixels


@dataclass(frozen=True)
class Edit:
    """Base of every edit."""

    def apply(self, document: Document) -> Document:
        """The document after the edit. EditError: the edit cannot be applied to it."""
        raise EditError(f"{type(self).__name__} changes nothing.")

    def inverse(self, document: Document) -> Edit:
        """The edit that turns `apply(document)` back into `document`.

        Documents share their unchanged parts, so the inverse only keeps references to the old parts. It works for every
        edit, so no edit needs an inverse of its own that could be wrong.
        """
        after = self.apply(document)
        fields = Document.model_fields
        # by identity: two equal dictionaries may still differ in the order of their keys
        changed = [name for name in fields if getattr(document, name) is not getattr(after, name)]
        return Restore({name: getattr(document, name) for name in changed})


@dataclass(frozen=True)
class Restore(Edit):
    """Sets whole fields of the document to earlier values; returned by `inverse`."""

    fields: Mapping[str, Any]

    def apply(self, document: Document) -> Document:
        return document.changed(**self.fields)
