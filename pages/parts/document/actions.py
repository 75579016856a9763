"""The edits of a document that pages offer, each as one undoable step; they choose names and positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import builder
from builder.document import Document, Edge, Node
from builder.document.graph import connected, networks
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
from pages.parts.canvas.positions import Position
from pages.parts.document.session import Session

COLUMNS = 4  # nodes in a row before a new one begins, as where the canvas arranges them


def add(
    session: Session, type_name: str, position: Position | None = None, params: Mapping[str, Any] | None = None
) -> None:
    """Add a layer where it was dropped; without a position, beside the selected node and wired to it."""
    if type_name not in builder.CATALOGUE:
        session.notify(f"There is no layer type {type_name!r}.", "warning")
        return
    document = session.graph
    made = Node(name="new", type=type_name, params=dict(params or {}))
    name = fresh_name(document, made.use.block if made.use else type_name)
    before = None if position else _append_to(session)
    where = position or free_position(document, before)
    network = document.node(before).network if before else network_frames.network_at(document, where)
    edits: list[Edit] = [AddNode(made.model_copy(update={"name": name, "network": network}), where)]
    if before is not None:
        wire = Edge(source=before, target=name)
        if why_not(edits[0].apply(document), wire) is None:
            edits.append(Connect(wire))
    if session.edit(Together(tuple(edits)), f"Add {name}"):
        session.select(name)
        if position is None:
            session.move_view("added", name)


def _append_to(session: Session) -> str | None:
    """The node that a new one is appended to: the selected one, else the only one whose output is not used."""
    document = session.graph
    if session.chosen:
        return session.chosen[-1] if len(session.chosen) == 1 else None
    feeding = {edge.source for edge in document.edges}
    unused = [node.name for node in document.nodes if node.name not in feeding and node.role != "output"]
    return unused[0] if len(unused) == 1 else None


def free_position(document: Document, beside: str | None) -> Position:
    """A position right of a node, or the nearest free one below that; without a node, below everything.

    Where the row is full (as wide as the widest one, at least COLUMNS nodes) a new row begins below everything,
    so that a network built by clicks stays in view. Several networks have a frame each, which only grows to the right.
    """
    if not document.layout:
        return (0.0, 0.0)
    left, right = (choose(x for x, _ in document.layout.values()) for choose in (min, max))
    below = (left, max(y for _, y in document.layout.values()) + GAP_Y)
    if beside is None or beside not in document.layout:
        return below
    x, y = document.layout[beside]
    x += GAP_X
    if x > max(right, left + (COLUMNS - 1) * GAP_X) and len(networks(document)) < 2:
        return below
    taken = list(document.layout.values())
    while any(abs(x - left) < GAP_X * 0.8 and abs(y - top) < GAP_Y * 0.7 for left, top in taken):
        y += GAP_Y
    return (x, y)


def connect(session: Session, source: str, target: str, port: str | None = None) -> None:
    """Wire two nodes; the wire at an only port is replaced. Where they cannot be wired, a message says why."""
    document = session.graph
    if source not in document.by_name or target not in document.by_name:
        return
    wire = Edge(source=source, target=target, port=port)
    join = _join_networks(document, wire)
    joined = join.apply(document) if join else document
    refused = why_not(joined, wire)
    if refused is None:
        session.edit(Together((join, Connect(wire))) if join else Connect(wire), f"Wire {source} to {target}")
        return
    old = None if document.node(target).type not in builder.CATALOGUE else occupant(document, wire)
    if old is not None and old.source != source:
        replace = Together(tuple(filter(None, (join, Disconnect(old), Connect(wire)))))
        if why_not(Disconnect(old).apply(joined), wire) is None:
            session.edit(replace, f"Wire {source} to {target} instead of {old.source}")
            return
    session.notify(refused, "block")


def _join_networks(document: Document, wire: Edge) -> SetNetwork | None:
    """Moves a node without wires into the network of the node that it is wired to; None where it is in it already."""
    source, target = document.node(wire.source), document.node(wire.target)
    if source.network == target.network:
        return None
    for alone, other in ((source, target), (target, source)):
        if connected(document, [alone.name]) == {alone.name}:
            return SetNetwork((alone.name,), other.network)
    return None


def move(session: Session, positions: dict[str, Position]) -> None:
    known = {name: position for name, position in positions.items() if name in session.graph.by_name}
    if any(session.graph.layout.get(name) != position for name, position in known.items()):
        session.edit(Move(known), f"Move {_list(list(known))}")


def delete(session: Session, nodes: list[str], edges: list[Edge]) -> None:
    """Delete nodes and wires together."""
    document = session.graph
    names = tuple(name for name in nodes if name in document.by_name)
    wires = [edge for edge in edges if edge in document.edges and not {edge.source, edge.target} & set(names)]
    edits: list[Edit] = [Disconnect(edge) for edge in wires]
    if names:
        edits.append(RemoveNodes(names))
    if edits:
        what = _list(list(names)) if names else f"the wire {wires[0].source} → {wires[0].target}"
        session.edit(Together(tuple(edits)), f"Delete {what}")


def duplicate(session: Session, nodes: list[str]) -> None:
    """Copy nodes with the wires between them; the copies are a little to the right and below."""
    document = session.graph
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
        edits.append(AddNode(copy, free_position(document, node.name) if len(chosen) == 1 else (x + 30, y + GAP_Y)))
    edits += [
        Connect(Edge(source=names[edge.source], target=names[edge.target], port=edge.port))
        for edge in document.edges
        if edge.source in names and edge.target in names
    ]
    if session.edit(Together(tuple(edits)), f"Duplicate {_list(list(names))}"):
        session.select(*names.values())
        session.move_view("added", names[chosen[0].name])


def fix(session: Session, problem: Problem) -> None:
    """Apply a problem's fix as one step."""
    if problem.fix is not None:
        session.apply(Together(problem.fix), problem.fix_label or "Fix")


def _list(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} nodes"
