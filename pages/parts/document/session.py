"""The only reader and writer of st.session_state: the open document, its history, the selection, the messages.

Pages call `start()` first; it finds the document again after a reload and returns the session.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from builder.document import Document, Edge
from builder.edits import Edit, InBlock
from builder.edits.history import History
from builder.problems import EditError, NetloomError
from pages.parts.canvas.canvas_state import CanvasState
from pages.parts.canvas.positions import with_positions
from pages.parts.data.data_work import DataWork
from pages.parts.document import block_path, workspace
from pages.parts.document.block_path import TOP, BlockPath
from pages.parts.document.document_facts import DocumentFacts, facts_of
from pages.parts.document.snapshot_facts import SnapshotFacts, facts_at
from pages.parts.theme import entry_guard

_KEY = "netloom"
ADDRESS, INSIDE = "document", "inside"  # what the page's address says: the document, the path of the open block


@dataclass
class Session:
    """One browser tab's work on one document."""

    history: History
    id: str
    revision: str | None = None
    save_error: str = ""
    conflict: str = ""  # another tab changed the document, so this one went on with a copy
    left: str = ""  # the id of the document that it is a copy of
    chosen: tuple[str, ...] = ()  # the selected nodes; none where an edge is selected
    edge: Edge | None = None
    canvas_state: CanvasState = field(default_factory=CanvasState)
    command: dict[str, Any] | None = None  # the last request to the canvas to move its view
    messages: list[tuple[str, str]] = field(default_factory=list)  # (icon, sentence), shown once
    drafts: dict[str, tuple[Any, str]] = field(default_factory=dict)  # widget → a refused input, and why
    generations: dict[str, int] = field(default_factory=dict)  # widget → how often it got a new key
    runs: dict[str, str] = field(default_factory=dict)  # document id → id of the run that this tab shows
    left_gallery: bool = False  # a template was opened from the list of templates, which is to be left
    data: DataWork = field(default_factory=DataWork)  # what the Data page shows
    path: BlockPath = TOP  # what the canvas shows: the whole network, or the inside of a block
    _graph: tuple[Document, BlockPath, Document] | None = None

    @property
    def document(self) -> Document:
        return self.history.document

    @property
    def document_facts(self) -> DocumentFacts:
        """What follows from the document: shapes, problems, costs."""
        return facts_of(self.document)

    @property
    def graph(self) -> Document:
        """What the canvas shows: the document, or the inside of the open block as a document."""
        if self._graph is None or self._graph[0] is not self.document or self._graph[1] != self.path:
            self._graph = self.document, self.path, block_path.graph_at(self.document, self.path)
        return self._graph[2]

    @property
    def snapshot_facts(self) -> SnapshotFacts:
        """What is known of the nodes on the canvas."""
        return facts_at(self.document, self.document_facts, self.path, self.graph)

    @property
    def node(self) -> str | None:
        """The selected node, where just one is selected."""
        return self.chosen[0] if len(self.chosen) == 1 else None

    # ---- editing ------------------------------------------------------------------------------------------------

    def apply(self, edit: Edit, label: str) -> bool:
        """Apply an edit to the document and save it. False, and a message for the user, if it is refused."""
        try:
            before = self.document
            if self.history.apply(edit, label) is not before:
                self._changed()
        except EditError as error:
            self.notify(str(error), "warning")
            return False
        return True

    def edit(self, edit: Edit, label: str) -> bool:
        """Apply an edit to what the canvas shows: to the document, or to the open block."""
        return self.apply(self.here(edit), label)

    def here(self, edit: Edit) -> Edit:
        """An edit to what the canvas shows as an edit to the document."""
        block = block_path.block_at(self.document, self.path)
        return InBlock(block, edit) if block is not None else edit

    def undo(self) -> None:
        if self.history.can_undo:
            self.history.undo()
            self._changed()

    def redo(self) -> None:
        if self.history.can_redo:
            self.history.redo()
            self._changed()

    def _changed(self) -> None:
        path = block_path.existing(self.document, self.path)
        if path != self.path:
            self.open_path(path)
        self.chosen = tuple(name for name in self.chosen if name in self.graph.by_name)
        if self.edge is not None and self.edge not in self.graph.edges:
            self.edge = None
        self.drafts.clear()
        self.save()

    # ---- saving -------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the document. Where that fails, the error is shown and the document stays open. Where another tab has
        changed the document since, this tab goes on with a copy, with every edit and its undo history."""
        try:
            self.revision = workspace.save(self.id, self.document, self.revision)
            self.save_error = ""
        except workspace.ConflictError as error:
            self._go_on_with_a_copy(str(error))
        except workspace.SaveError as error:
            self.save_error = str(error)

    def _go_on_with_a_copy(self, reason: str) -> None:
        self.left, self.id, self.revision = self.id, workspace.fresh_id(), None
        name = workspace.copy_name(self.document.name)
        self.history.document = self.document.changed(name=name)
        if self.left in self.runs:
            self.runs[self.id] = self.runs[self.left]
        self.conflict = f"{reason} Nothing is lost: your version is saved as “{name}”, and this tab goes on with it."
        self.save()

    def open(self, document: Document, message: str = "") -> None:
        """Open a document as a new one, beside those that were saved before."""
        self._load(workspace.fresh_id(), document, None)
        self.save()
        if message:
            self.notify(message, "check")

    def open_saved(self, document_id: str) -> None:
        """Open another saved document."""
        try:
            saved = workspace.read(document_id)
        except (workspace.MissingError, workspace.BrokenError) as error:
            self.notify(str(error), "warning")
            return
        self._load(saved.id, saved.document, saved.revision)

    def load_other_version(self) -> None:
        """After a conflict: open what the other tab wrote. The copy stays among the saved documents."""
        self.open_saved(self.left)

    def keep_copy(self) -> None:
        """After a conflict: the message was read."""
        self.conflict = ""

    def _load(self, document_id: str, document: Document, revision: str | None) -> None:
        self.history = History(with_positions(document))
        self.id, self.revision, self.conflict, self.save_error = document_id, revision, "", ""
        self.path, self.chosen, self.edge = TOP, (), None
        self.drafts.clear()
        st.query_params[ADDRESS] = self.id
        self.move_view("open")

    # ---- selection, view and messages ---------------------------------------------------------------------------

    def select(self, *nodes: str, edge: Edge | None = None) -> None:
        """Select nodes, or an edge, or nothing."""
        self.chosen, self.edge = nodes, edge
        self.drafts.clear()

    def open_path(self, path: BlockPath, *nodes: str) -> None:
        """Show the inside of a block, or a graph further out, with nodes selected there."""
        self.path = block_path.existing(self.document, path)
        self.select(*(name for name in nodes if name in self.graph.by_name))
        self.move_view("enter", self.node)

    def show_node(self, full_name: str) -> None:
        """Select a node wherever it is, and open the blocks that it is in: 'stage1.0.conv1'."""
        found = block_path.find(self.document, full_name)
        if found is None:
            return
        path, name = found
        if path == self.path:
            self.select(name)
            self.move_view("reveal", name)
        else:
            self.open_path(path, name)

    def notify(self, sentence: str, icon: str = "info") -> None:
        """Show a sentence once, when the page is drawn next."""
        self.messages.append((icon, sentence))

    def attempt(self, action: Callable[[], object]) -> None:
        """Do something; where it is not possible, say why when the page is drawn next."""
        try:
            action()
        except (NetloomError, OSError) as error:
            self.notify(str(error), "warning")

    def move_view(self, kind: str, node: str | None = None) -> None:
        """Ask the canvas to "open" (fit a new document), "fit" everything, "reveal" a node, bring an "added" node into
        view together with the others, or "enter" another graph, with the view that it had there."""
        self.command = {
            "id": uuid.uuid4().hex,
            "kind": kind,
            "node": node,
            "nodes": len(self.graph.nodes),
            "path": self.path.css_class,
        }


def start() -> Session:
    """The session of this tab; first made from the address, else from the last document, else from a template."""
    entry_guard.through_app()
    wanted = st.query_params.get(ADDRESS)
    session: Session | None = st.session_state.get(_KEY)
    if session is None:
        session = st.session_state[_KEY] = _first(wanted)
        if session.id == wanted:
            path = block_path.parse(st.query_params.get(INSIDE, ""))
            session.path = block_path.existing(session.document, path)
        session.move_view("open")
    elif wanted and wanted not in (session.id, session.left):
        session.open_saved(wanted)
    if st.query_params.get(ADDRESS) != session.id:
        st.query_params[ADDRESS] = session.id
    return session


def write_address(session: Session) -> None:
    """Write into the page's address which block is open, so that it is open again after a reload."""
    inside = str(session.path)
    if st.query_params.get(INSIDE, "") != inside:
        if inside:
            st.query_params[INSIDE] = inside
        else:
            del st.query_params[INSIDE]


def _first(wanted: str | None) -> Session:
    messages: list[tuple[str, str]] = []
    for candidate in dict.fromkeys((wanted, workspace.newest())):
        if candidate is None:
            continue
        try:
            saved = workspace.read(candidate)
        except (workspace.MissingError, workspace.BrokenError) as error:
            messages.append(("warning", str(error)))
            continue
        return Session(History(with_positions(saved.document)), saved.id, saved.revision, messages=messages)
    first = with_positions(workspace.first_document())
    session = Session(History(first), workspace.fresh_id(), messages=messages)
    session.save()
    return session


# ---- widgets: the values that streamlit itself keeps ----------------------------------------------------------------


def widget(key: str) -> Any:
    """The value of a widget or component now; None before it was drawn."""
    return st.session_state.get(key)


def key_for(session: Session, key: str, value: Any) -> str:
    """The key of a widget that has to show `value`; draw it with that value as its default.

    A widget keeps its own state, which is right while a person uses it, and wrong after an undo. So a widget whose
    state differs from the document gets a new key, and with it starts from the default; else its key stays, and with
    it the cursor.

    Its on_change must do nothing when the widget's value is `value`: streamlit also calls it for a widget that has
    just left the page when an event of another component arrives before that is known.
    """
    number = session.generations.get(key, 0)
    widget_key = f"{key}~{number}"
    if widget_key in st.session_state and st.session_state[widget_key] != value:
        number += 1
        session.generations[key] = number
    return f"{key}~{number}"


def now() -> int:
    """Milliseconds, as browsers count them."""
    return int(time.time() * 1000)
