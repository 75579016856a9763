"""What a person can do to the document, each as one undoable step. Pages call these; they decide names and places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import builder
from builder.document import Document, Edge, Node
from builder.document.graph import connected
from builder.edits import (
    GAP_X,
    GAP_Y,
    AddNode,
    Connect,
    Disconnect,
    Edit,
    Move,
    RemoveNodes,
    SetNetwork,
    Together,
    fresh_name,
)
from builder.edits.connect import occupant, why_not
from builder.problems import Problem
from pages.parts.canvas import network_frames
from pages.parts.document.session import Session

Place = tuple[float, float]


def add(session: Session, type_name: str, place: Place | None = None, params: Mapping[str, Any] | None = None) -> None:
    """Put a layer where it was dropped; without a place, beside the selected node and wired to it."""
    if type_name not in builder.CATALOGUE:
        session.say(f"There is no layer type {type_name!r}.", "warning")
        return
    document = session.scene
    made = Node(name="new", type=type_name, params=dict(params or {}))
    name = fresh_name(document, made.use.block if made.use else type_name)
    before = None if place else _append_to(session)
    where = place or free_place(document, before)
    network = document.node(before).network if before else network_frames.network_at(document, where)
    edits: list[Edit] = [AddNode(made.model_copy(update={"name": name, "network": network}), where)]
    if before is not None:
        wire = Edge(source=before, target=name)
        if why_not(edits[0].apply(document), wire) is None:
            edits.append(Connect(wire))
    if session.edit(Together(tuple(edits)), f"Add {name}"):
        session.select(name)
        if place is None:
            session.ask_view("reveal", name)


def _append_to(session: Session) -> str | None:
    """The node to go on from: the selected one, else the only loose end there is."""
    document = session.scene
    if session.chosen:
        return session.chosen[-1] if len(session.chosen) == 1 else None
    feeding = {edge.source for edge in document.edges}
    loose = [node.name for node in document.nodes if node.name not in feeding and not _is_end(node)]
    return loose[0] if len(loose) == 1 else None


def _is_end(node: Node) -> bool:
    return node.role == "output"


def free_place(document: Document, beside: str | None) -> Place:
    """A place right of a node, or the nearest free one below that; without a node, under everything."""
    if beside is None or beside not in document.layout:
        if not document.layout:
            return (0.0, 0.0)
        return (min(x for x, _ in document.layout.values()), max(y for _, y in document.layout.values()) + GAP_Y)
    x, y = document.layout[beside]
    x += GAP_X
    taken = list(document.layout.values())
    while any(abs(x - left) < GAP_X * 0.8 and abs(y - top) < GAP_Y * 0.7 for left, top in taken):
        y += GAP_Y
    return (x, y)


def connect(session: Session, source: str, target: str, port: str | None = None) -> None:
    """Wire two nodes; a wire at an only port is replaced. What cannot be wired is told in a sentence."""
    document = session.scene
    if source not in document.by_name or target not in document.by_name:
        return
    wire = Edge(source=source, target=target, port=port)
    joining = _joining(document, wire)
    after = joining.apply(document) if joining else document
    refused = why_not(after, wire)
    if refused is None:
        session.edit(Together((joining, Connect(wire))) if joining else Connect(wire), f"Wire {source} to {target}")
        return
    there = None if document.node(target).type not in builder.CATALOGUE else occupant(document, wire)
    if there is not None and there.source != source:
        swap = Together(tuple(filter(None, (joining, Disconnect(there), Connect(wire)))))
        if why_not(Disconnect(there).apply(after), wire) is None:
            session.edit(swap, f"Wire {source} to {target} instead of {there.source}")
            return
    session.say(refused, "block")


def _joining(document: Document, wire: Edge) -> SetNetwork | None:
    """How a node without wires gets into the network of the one that it is wired to; None where it need not."""
    source, target = document.node(wire.source), document.node(wire.target)
    if source.network == target.network:
        return None
    for alone, other in ((source, target), (target, source)):
        if connected(document, [alone.name]) == {alone.name}:
            return SetNetwork((alone.name,), other.network)
    return None


def move(session: Session, places: dict[str, Place]) -> None:
    known = {name: place for name, place in places.items() if name in session.scene.by_name}
    if any(session.scene.layout.get(name) != place for name, place in known.items()):
        session.edit(Move(known), f"Move {_list(list(known))}")


def delete(session: Session, nodes: list[str], edges: list[Edge]) -> None:
    """Take nodes and wires away together."""
    document = session.scene
    names = tuple(name for name in nodes if name in document.by_name)
    wires = [edge for edge in edges if edge in document.edges and not {edge.source, edge.target} & set(names)]
    edits: list[Edit] = [Disconnect(edge) for edge in wires]
    if names:
        edits.append(RemoveNodes(names))
    if edits:
        what = _list(list(names)) if names else f"the wire {wires[0].source} → {wires[0].target}"
        session.edit(Together(tuple(edits)), f"Delete {what}")


def duplicate(session: Session, nodes: list[str]) -> None:
    """Copies of nodes with the wires between them, a little to the right and below."""
    document = session.scene
    chosen = [document.node(name) for name in nodes if name in document.by_name]
    if not chosen:
        return
    names: dict[str, str] = {}
    edits: list[Edit] = []
    for node in chosen:
        stem = node.use.block if node.use else node.type
        names[node.name] = fresh_name(document, stem, tuple(names.values()))
        x, y = document.layout.get(node.name, (0.0, 0.0))
        copy = Node(name=names[node.name], type=node.type, params=node.params, network=node.network)
        edits.append(AddNode(copy, free_place(document, node.name) if len(chosen) == 1 else (x + 30, y + GAP_Y)))
    edits += [
        Connect(Edge(source=names[edge.source], target=names[edge.target], port=edge.port))
        for edge in document.edges
        if edge.source in names and edge.target in names
    ]
    if session.edit(Together(tuple(edits)), f"Duplicate {_list(list(names))}"):
        session.select(*names.values())
        session.ask_view("reveal", names[chosen[0].name])


def fix(session: Session, problem: Problem) -> None:
    """Apply a problem's fix as one step."""
    if problem.fix is not None:
        session.apply(Together(problem.fix), problem.fix_label or "Fix")


def _list(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} nodes"
