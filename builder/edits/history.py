"""Undo and redo over every edit."""

from __future__ import annotations

from dataclasses import dataclass, field

from builder.document import Document
from builder.edits.base import Edit

LIMIT = 500


@dataclass
class History:
    """A document with the edits that led to it. Each entry is (label, the inverse edit)."""

    document: Document
    _undo: list[tuple[str, Edit]] = field(default_factory=list)
    _redo: list[tuple[str, Edit]] = field(default_factory=list)

    def apply(self, edit: Edit, label: str = "") -> Document:
        """Apply an edit; without a change it gets no entry. EditError: it cannot be applied; nothing is changed."""
        after = edit.apply(self.document)
        if after != self.document:
            self._undo.append((label or type(edit).__name__, edit.inverse(self.document)))
            del self._undo[:-LIMIT]
            self._redo.clear()
            self.document = after
        return self.document

    def undo(self) -> Document:
        """Undo the last edit, if there is one."""
        return self._step(self._undo, self._redo)

    def redo(self) -> Document:
        """Redo the edit that was undone last, if there is one."""
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
