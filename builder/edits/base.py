"""What an edit is: a value that turns a document into a new one, and knows the edit that takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.document import Document
from builder.problems import EditError

GAP_X, GAP_Y = 190.0, 100.0  # distance between nodes on the canvas, in its pixels


@dataclass(frozen=True)
class Edit:
    """Base of every edit."""

    def apply(self, document: Document) -> Document:
        """The document after the edit. EditError: it does not fit."""
        raise EditError(f"{type(self).__name__} changes nothing.")

    def inverse(self, document: Document) -> Edit:
        """The edit that leads from `apply(document)` back to `document`.

        Documents share what they have in common, so remembering the old parts costs a few references. That holds for
        every edit, so none of them needs an inverse of its own that could be wrong.
        """
        after = self.apply(document)
        fields = Document.model_fields
        # by identity: two dictionaries that are equal may still be written in another order
        changed = [name for name in fields if getattr(document, name) is not getattr(after, name)]
        return Restore({name: getattr(document, name) for name in changed})


@dataclass(frozen=True)
class Restore(Edit):
    """Puts whole fields of the document back; what `inverse` returns."""

    fields: Mapping[str, Any]

    def apply(self, document: Document) -> Document:
        return document.changed(**self.fields)
