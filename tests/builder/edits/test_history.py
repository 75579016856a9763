"""Undo and redo, with labels; an edit that changes nothing is not recorded. Random edits: test_edits.py."""

from __future__ import annotations

from collections.abc import Callable

from builder.document import Document
from builder.edits import RemoveNodes, SetText
from builder.edits.history import LIMIT, History

Make = Callable[..., Document]


def test_history_tells_what_it_undoes_and_forgets_the_undone(make: Make) -> None:
    history = History(make(("image", "Input"), ("act", "ReLU"), ("end", "Output")))
    assert not history.can_undo and history.undo_label == "" and history.undo() == history.redo() == history.document
    history.apply(SetText("name", "first"), "Rename the network")
    history.apply(RemoveNodes(("act",)))
    assert (history.undo_label, history.redo_label) == ("RemoveNodes", "")
    history.undo()
    assert (history.undo_label, history.redo_label) == ("Rename the network", "RemoveNodes")
    history.apply(SetText("name", "first"))
    assert history.can_redo, "an edit that changes nothing is not kept, and forgets nothing"
    history.apply(SetText("name", "second"))
    assert not history.can_redo and history.document.name == "second"


def test_history_keeps_the_last_edits_only() -> None:
    history = History(Document())
    for index in range(LIMIT + 20):
        history.apply(SetText("name", f"name {index}"))
    undone = 0
    while history.can_undo:
        history.undo()
        undone += 1
    assert undone == LIMIT and history.document.name == "name 19"
