"""Edits: each is a value that turns a document into a new one, and knows the edit that takes it back.

An edit that does not fit raises EditError, and the document stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from builder.document import Document, Edge, Node
from builder.document.blocks import refuse_trouble
from builder.document.model import MAX_NODES, name_complaint
from builder.edits.base import GAP_X, GAP_Y, Edit, Restore
from builder.edits.blocks import InBlock, RemoveBlock, RenameBlock
from builder.edits.connect import why_not
from builder.edits.fold import MakeBlock, Unpack
from builder.edits.networks import SetNetwork
from builder.edits.validation import existing, free_name, place_of, valid_field, validated, with_params
from builder.problems import EditError

__all__ = [
    "GAP_X", "GAP_Y", "AddNode", "Bypass", "Connect", "Disconnect", "Edit", "InBlock", "InsertBefore", "MakeBlock",
    "Move", "RemoveBlock", "RemoveNodes", "RenameBlock", "RenameNode", "Restore", "SetNetwork",
    "SetParams", "SetText", "SetTraining", "Together", "Unpack", "apply_all", "fresh_name",
]  # fmt: skip


@dataclass(frozen=True)
class AddNode(Edit):
    """Puts a new node on the canvas."""

    node: Node
    position: tuple[float, float] | None = None

    def apply(self, document: Document) -> Document:
        free_name(document, self.node.name)
        if len(document.nodes) >= MAX_NODES:
            raise EditError(f"A document may have {MAX_NODES:,} nodes at most.")
        validated(self.node)
        place = place_of(self.node.name, self.position or _beside(document))
        layout = {**document.layout, self.node.name: place}
        return _expandable(document, document.changed(nodes=(*document.nodes, self.node), layout=layout), self.node)


@dataclass(frozen=True)
class RemoveNodes(Edit):
    """Takes nodes off the canvas, with every wire that touches them."""

    names: tuple[str, ...]

    def apply(self, document: Document) -> Document:
        gone = {existing(document, name).name for name in self.names}
        return document.changed(
            nodes=tuple(
                _sharing(node, None) if node.shares_weights_with in gone else node
                for node in document.nodes
                if node.name not in gone
            ),
            edges=tuple(edge for edge in document.edges if edge.source not in gone and edge.target not in gone),
            layout={name: place for name, place in document.layout.items() if name not in gone},
        )


@dataclass(frozen=True)
class RenameNode(Edit):
    """Gives a node another name; its wires, its place and nodes that share its weights follow."""

    old: str
    new: str

    def apply(self, document: Document) -> Document:
        node = existing(document, self.old)
        if self.old == self.new:
            return document
        free_name(document, self.new)

        def follow(name: str) -> str:
            return self.new if name == self.old else name

        return document.changed(
            nodes=tuple(
                node.model_copy(update={"name": self.new})
                if item is node
                else _sharing(item, self.new)
                if item.shares_weights_with == self.old
                else item
                for item in document.nodes
            ),
            edges=tuple(
                Edge(source=follow(edge.source), target=follow(edge.target), port=edge.port)
                if self.old in (edge.source, edge.target)
                else edge
                for edge in document.edges
            ),
            layout={follow(name): place for name, place in document.layout.items()},
        )


@dataclass(frozen=True)
class SetParams(Edit):
    """Replaces a node's parameters; `params` holds those that differ from the defaults."""

    name: str
    params: Mapping[str, Any]

    def apply(self, document: Document) -> Document:
        node = existing(document, self.name)
        new = with_params(node, self.params)
        return _expandable(document, _replaced(document, node, new), new)


@dataclass(frozen=True)
class Connect(Edit):
    """Adds a wire, if `connect.why_not` has nothing against it."""

    edge: Edge

    def apply(self, document: Document) -> Document:
        complaint = why_not(document, self.edge)
        if complaint:
            raise EditError(complaint)
        return document.changed(edges=(*document.edges, self.edge))


@dataclass(frozen=True)
class Disconnect(Edit):
    """Takes a wire away."""

    edge: Edge

    def apply(self, document: Document) -> Document:
        if self.edge not in document.edges:
            raise EditError(f"There is no wire {self.edge.source} → {self.edge.target}.")
        index = document.edges.index(self.edge)
        return document.changed(edges=document.edges[:index] + document.edges[index + 1 :])


@dataclass(frozen=True)
class Move(Edit):
    """Places nodes on the canvas, in its pixels; shapes and problems do not depend on it."""

    positions: Mapping[str, tuple[float, float]]

    def apply(self, document: Document) -> Document:
        for name in self.positions:
            existing(document, name)
        moved = {name: place_of(name, place) for name, place in self.positions.items()}
        return document.changed(layout={**document.layout, **moved})


@dataclass(frozen=True)
class SetTraining(Edit):
    """Replaces how the network is to be trained."""

    training: Mapping[str, Any]

    def apply(self, document: Document) -> Document:
        valid_field("training", dict(self.training))
        return document.changed(training=dict(self.training))


@dataclass(frozen=True)
class SetText(Edit):
    """Changes the document's name, description or lesson."""

    field: Literal["name", "description", "lesson"]
    value: str

    def apply(self, document: Document) -> Document:
        valid_field(self.field, self.value)
        return document.changed(**{self.field: self.value})


@dataclass(frozen=True)
class InsertBefore(Edit):
    """Puts a new node into the wires that lead into `target` (one wire, when `port` names it)."""

    node: Node
    target: str
    port: str | None = None

    def apply(self, document: Document) -> Document:
        target = existing(document, self.target)
        wires = [e for e in document.edges if e.target == target.name and (self.port is None or e.port == self.port)]
        if not wires:
            raise EditError(f"No wire leads into {self.target}, so nothing can be put before it.")
        x, y = document.layout.get(self.target, (0.0, 0.0))
        node = self.node.model_copy(update={"network": target.network})
        after = AddNode(node, (x - GAP_X / 2, y + GAP_Y)).apply(document)
        edges: list[Edge] = []
        for edge in after.edges:
            if edge is wires[0]:
                edges.append(Edge(source=edge.source, target=self.node.name))
                edges.append(Edge(source=self.node.name, target=edge.target, port=edge.port))
            else:
                edges.append(edge)
        return after.changed(edges=tuple(edges))


@dataclass(frozen=True)
class Bypass(Edit):
    """Takes out a node with one input and wires its source to everything it fed."""

    name: str

    def apply(self, document: Document) -> Document:
        existing(document, self.name)
        sources = [edge.source for edge in document.edges if edge.target == self.name]
        if len(sources) != 1:
            raise EditError(
                f"{self.name} has {len(sources)} inputs; only a node with one can be taken out of its wire."
            )
        edges = tuple(
            Edge(source=sources[0], target=edge.target, port=edge.port) if edge.source == self.name else edge
            for edge in document.edges
            if edge.target != self.name
        )
        return RemoveNodes((self.name,)).apply(document.changed(edges=edges))


@dataclass(frozen=True)
class Together(Edit):
    """Several edits as one: all of them happen, or none."""

    edits: tuple[Edit, ...] = field(default=())

    def apply(self, document: Document) -> Document:
        return apply_all(document, self.edits)


def apply_all(document: Document, edits: Iterable[Edit]) -> Document:
    """Apply edits one after the other. EditError: one does not fit, and none has happened."""
    for edit in edits:
        document = edit.apply(document)
    return document


def fresh_name(document: Document, type_name: str, taken: Sequence[str] = ()) -> str:
    """A free name for a new node of a type: 'conv1', 'relu2', 'flatten'."""
    letters = re.sub(r"\W", "", re.sub(r"\d+d?$", "", type_name), flags=re.ASCII)
    stem = letters.lower().lstrip("0123456789")[:50] or "node"
    others = set(taken)
    numbered = {name.rstrip("0123456789") for name in others if name[-1:].isdigit()}
    alone = name_complaint(stem) is None
    if alone and not any(stem in names for names in (document.by_name, document.stems, others, numbered)):
        return stem
    number = 1 if not alone else 2
    while f"{stem}{number}" in document.by_name or f"{stem}{number}" in others:
        number += 1
    return f"{stem}{number}"


def _sharing(node: Node, owner: str | None) -> Node:
    return node.model_copy(update={"shares_weights_with": owner})


def _expandable(before: Document, after: Document, node: Node) -> Document:
    """The document itself. EditError: the node stands for a block that is not there, or that is too much."""
    if node.role == "block":
        refuse_trouble(before, after)
    return after


def _replaced(document: Document, old: Node, new: Node) -> Document:
    return document.changed(nodes=tuple(new if node is old else node for node in document.nodes))


def _beside(document: Document) -> tuple[float, float]:
    if not document.layout:
        return (0.0, 0.0)
    bottom = max(y for _, y in document.layout.values())
    left = min(x for x, _ in document.layout.values())
    return (left, bottom + GAP_Y)
