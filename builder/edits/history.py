"""Undo and redo over every edit."""

from __future__ import annotations

from dataclasses import dataclass, field

from builder.document import Document
from builder.edits.nodes import Edit

LIMIT = 500


@dataclass
class History:
    """A document with the edits that led to it. Each entry is (what was done, the edit that takes it back)."""

    document: Document
    _undo: list[tuple[str, Edit]] = field(default_factory=list)
    _redo: list[tuple[str, Edit]] = field(default_factory=list)

    def apply(self, edit: Edit, label: str = "") -> Document:
        """Do an edit. EditError: it does not fit; nothing has changed. An edit that changes nothing is not kept."""
        after = edit.apply(self.document)
        if after != self.document:
            self._undo.append((label or type(edit).__name__, edit.inverse(self.document)))
            del self._undo[:-LIMIT]
            self._redo.clear()
            self.document = after
        return self.document

    def undo(self) -> Document:
        """Take the last edit back; nothing happens where there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> Document:
        """Do again what was undone last; nothing happens where there is none."""
        return self._step(self._redo, self._undo)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    @property
    def undo_label(self) -> str:
        return self._undo[-1][0] if self._undo else ""

    @property
    def redo_label(self) -> str:
        return self._redo[-1][0] if self._redo else ""

    def _step(self, source: list[tuple[str, Edit]], target: list[tuple[str, Edit]]) -> Document:
        if source:
            label, edit = source.pop()
            target.append((label, edit.inverse(self.document)))
            self.document = edit.apply(self.document)
        return self.document
