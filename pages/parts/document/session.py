"""The only reader and writer of st.session_state: the open document, its history, what is selected, what to say.

Pages call `start()` first; it finds the document again after a reload and returns the session.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

import builder
from builder.document import Document, Edge
from builder.edits import Edit, InBlock
from builder.edits.history import History
from builder.problems import DocumentError, EditError
from pages.parts.canvas.canvas_state import CanvasMemory
from pages.parts.canvas.positions import placed
from pages.parts.document import block_path, snapshot_facts, workspace
from pages.parts.document import document_facts as views
from pages.parts.document.block_path import TOP, Place
from pages.parts.theme import entry_guard

FIRST_TEMPLATE = "digits_cnn"
_KEY = "netloom"
ADDRESS, INSIDE = "document", "inside"


@dataclass
class Session:
    """One browser tab's work on one document."""

    history: History
    id: str
    revision: str | None = None
    save_error: str = ""
    conflict: str = ""
    chosen: tuple[str, ...] = ()  # the nodes that are selected; none where an edge is
    edge: Edge | None = None
    canvas: CanvasMemory = field(default_factory=CanvasMemory)
    command: dict[str, Any] | None = None  # the last thing asked of the canvas's view
    messages: list[tuple[str, str]] = field(default_factory=list)  # (icon, sentence), said once
    drafts: dict[str, tuple[Any, str]] = field(default_factory=dict)  # widget → what was typed wrongly, and why
    generations: dict[str, int] = field(default_factory=dict)  # widget → how often it had to start anew
    runs: dict[str, str] = field(default_factory=dict)  # document id → id of the run that this tab looks at
    place: Place = TOP  # what the canvas shows: the whole network, or the inside of a block
    _scene: tuple[Document, Place, Document] | None = None

    @property
    def document(self) -> Document:
        return self.history.document

    @property
    def view(self) -> views.View:
        return views.look(self.document)

    @property
    def scene(self) -> Document:
        """What lies on the canvas: the document, or the inside of the block that is open, as a document."""
        if self._scene is None or self._scene[0] is not self.document or self._scene[1] != self.place:
            self._scene = self.document, self.place, block_path.scene(self.document, self.place)
        return self._scene[2]

    @property
    def sight(self) -> snapshot_facts.Sight:
        """What is known of the nodes on the canvas."""
        return snapshot_facts.look(self.document, self.view, self.place, self.scene)

    @property
    def node(self) -> str | None:
        """The selected node, where just one is selected."""
        return self.chosen[0] if len(self.chosen) == 1 else None

    # ---- editing ------------------------------------------------------------------------------------------------

    def apply(self, edit: Edit, label: str) -> bool:
        """Do an edit and save. False, and a sentence for the user, if it does not fit."""
        try:
            before = self.document
            if self.history.apply(edit, label) is not before:
                self._changed()
        except EditError as error:
            self.say(str(error), "warning")
            return False
        return True

    def edit(self, edit: Edit, label: str) -> bool:
        """Do an edit to what lies on the canvas: to the document, or to the block that is open."""
        return self.apply(self.here(edit), label)

    def here(self, edit: Edit) -> Edit:
        """An edit to what lies on the canvas as an edit to the document."""
        block = block_path.block_at(self.document, self.place)
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
        there = block_path.kept(self.document, self.place)
        if there != self.place:
            self.go(there)
        self.chosen = tuple(name for name in self.chosen if name in self.scene.by_name)
        if self.edge is not None and self.edge not in self.scene.edges:
            self.edge = None
        self.drafts.clear()
        self.save()

    # ---- keeping ------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the document; what keeps it from being written is told, and the document stays open."""
        if self.conflict:
            return
        try:
            self.revision = workspace.save(self.id, self.document, self.revision)
            self.save_error = ""
        except workspace.ConflictError as error:
            self.conflict = str(error)
        except workspace.SaveError as error:
            self.save_error = str(error)

    def open(self, document: Document, message: str = "") -> None:
        """Take another document as a new one, beside those that were saved before."""
        self._take(workspace.fresh_id(), document, None)
        self.save()
        if message:
            self.say(message, "check")

    def follow(self, document_id: str) -> None:
        """Go to another saved document."""
        try:
            saved = workspace.read(document_id)
        except (workspace.MissingError, workspace.BrokenError) as error:
            self.say(str(error), "warning")
            return
        self._take(saved.id, saved.document, saved.revision)

    def load_theirs(self) -> None:
        """The end of a conflict: go on with what the other tab wrote."""
        self.follow(self.id)

    def keep_mine(self) -> None:
        """The end of a conflict: go on with this tab's document under a new id."""
        document = self.document.changed(name=f"{self.document.name[:190]} (copy)")
        self._take(workspace.fresh_id(), document, None)
        self.save()

    def _take(self, document_id: str, document: Document, revision: str | None) -> None:
        self.history = History(placed(document))
        self.id, self.revision, self.conflict, self.save_error = document_id, revision, "", ""
        self.place, self.chosen, self.edge = TOP, (), None
        self.drafts.clear()
        st.query_params[ADDRESS] = self.id
        self.ask_view("open")

    # ---- saying and showing -------------------------------------------------------------------------------------

    def select(self, *nodes: str, edge: Edge | None = None) -> None:
        """Select nodes, or a wire, or nothing."""
        self.chosen, self.edge = nodes, edge
        self.drafts.clear()

    def go(self, place: Place, *nodes: str) -> None:
        """Show the inside of a block, or come back out of it, with nodes selected there."""
        self.place = block_path.kept(self.document, place)
        self.select(*(name for name in nodes if name in self.scene.by_name))
        self.ask_view("enter", self.node)

    def show_node(self, dotted: str) -> None:
        """Select a node wherever it stands, opening the blocks on the way: 'stage1.0.conv1'."""
        found = block_path.find(self.document, dotted)
        if found is None:
            return
        place, name = found
        if place == self.place:
            self.select(name)
            self.ask_view("reveal", name)
        else:
            self.go(place, name)

    def say(self, sentence: str, icon: str = "info") -> None:
        """A sentence that is shown once, at the next drawing."""
        self.messages.append((icon, sentence))

    def ask_view(self, kind: str, node: str | None = None) -> None:
        """Ask the canvas to "open" (a readable view of a fresh document), "fit" everything, "reveal" a node, or
        "enter" another place, where it goes back to the view that it had there."""
        self.command = {
            "id": uuid.uuid4().hex, "kind": kind, "node": node, "nodes": len(self.scene.nodes),
            "scene": self.place.mark,
        }  # fmt: skip


def start() -> Session:
    """The session of this tab; made on its first run from the address, else from the last document, else a template."""
    entry_guard.through_app()
    wanted = st.query_params.get(ADDRESS)
    session: Session | None = st.session_state.get(_KEY)
    if session is None:
        session = st.session_state[_KEY] = _first(wanted)
        if session.id == wanted:
            session.place = block_path.kept(session.document, block_path.read(st.query_params.get(INSIDE, "")))
        session.ask_view("open")
    elif wanted and wanted != session.id:
        session.follow(wanted)
    if st.query_params.get(ADDRESS) != session.id:
        st.query_params[ADDRESS] = session.id
    return session


def tell_address(session: Session) -> None:
    """Write into the page's address which block is open, so that a reload comes back to it."""
    inside = str(session.place)
    if st.query_params.get(INSIDE, "") != inside:
        if inside:
            st.query_params[INSIDE] = inside
        else:
            del st.query_params[INSIDE]


def _first(wanted: str | None) -> Session:
    said: list[tuple[str, str]] = []
    for candidate in dict.fromkeys((wanted, workspace.newest())):
        if candidate is None:
            continue
        try:
            saved = workspace.read(candidate)
        except (workspace.MissingError, workspace.BrokenError) as error:
            said.append(("warning", str(error)))
            continue
        return Session(History(placed(saved.document)), saved.id, saved.revision, messages=said)
    session = Session(History(placed(first_document())), workspace.fresh_id(), messages=said)
    session.save()
    return session


def first_document() -> Document:
    """What a new user finds on the canvas: a small network that can be trained as it is."""
    try:
        return builder.template(FIRST_TEMPLATE)
    except DocumentError:
        return Document()


# ---- widgets: the values that streamlit itself keeps ----------------------------------------------------------------


def widget(key: str) -> Any:
    """What a widget or component holds now; None before it was drawn."""
    return st.session_state.get(key)


def key_for(session: Session, key: str, value: Any) -> str:
    """The key of a widget that shall show `value`; draw it with that value as its default.

    A widget keeps its own state, which is right while a person uses it, and wrong after an undo. So a widget whose
    state is another than the document's gets a new key, and with it starts from the default; else its key stays, and
    with it the cursor.

    Its on_change must do nothing when the widget holds `value`: streamlit calls it, too, for a widget that has just
    gone from the page when an event of another component overtakes the news of that.
    """
    number = session.generations.get(key, 0)
    held = f"{key}~{number}"
    if held in st.session_state and st.session_state[held] != value:
        number += 1
        session.generations[key] = number
    return f"{key}~{number}"


def now() -> int:
    """Milliseconds, as browsers count them."""
    return int(time.time() * 1000)
