"""Edits of nodes, wires, positions, texts and training settings, and several edits as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from builder.document import Document, Edge, Node
from builder.document.blocks import check_expandable
from builder.document.graph import connected
from builder.document.model import MAX_NODES, name_complaint
from builder.edits.base import GAP_X, GAP_Y, Edit
from builder.edits.connect import why_not
from builder.edits.validation import check_new_name, existing, valid_field, valid_position, validated, with_params
from builder.problems import EditError


@dataclass(frozen=True)
class AddNode(Edit):
    """Adds a new node."""

    node: Node
    position: tuple[float, float] | None = None

    def apply(self, document: Document) -> Document:
        check_new_name(document, self.node.name)
        if len(document.nodes) >= MAX_NODES:
            raise EditError(f"A document may have {MAX_NODES:,} nodes at most.")
        validated(self.node)
        position = valid_position(self.node.name, self.position or _free_position(document))
        layout = {**document.layout, self.node.name: position}
        return _checked(document, document.changed(nodes=(*document.nodes, self.node), layout=layout), self.node)


@dataclass(frozen=True)
class RemoveNodes(Edit):
    """Removes nodes and all of their wires."""

    names: tuple[str, ...]

    def apply(self, document: Document) -> Document:
        removed = {existing(document, name).name for name in self.names}
        return document.changed(
            nodes=tuple(
                _sharing(node, None) if node.shares_weights_with in removed else node
                for node in document.nodes
                if node.name not in removed
            ),
            edges=tuple(e for e in document.edges if e.source not in removed and e.target not in removed),
            layout={name: position for name, position in document.layout.items() if name not in removed},
        )


@dataclass(frozen=True)
class RenameNode(Edit):
    """Renames a node, also in its wires, in the layout and in the nodes that share its weights."""

    old: str
    new: str

    def apply(self, document: Document) -> Document:
        node = existing(document, self.old)
        if self.old == self.new:
            return document
        check_new_name(document, self.new)

        def renamed(name: str) -> str:
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
                Edge(source=renamed(edge.source), target=renamed(edge.target), port=edge.port)
                if self.old in (edge.source, edge.target)
                else edge
                for edge in document.edges
            ),
            layout={renamed(name): position for name, position in document.layout.items()},
        )


@dataclass(frozen=True)
class SetNetwork(Edit):
    """Moves nodes to the network with that name, which is created if it does not exist. A GAN has two networks.

    Nodes that are connected to them, by wires or by shared weights, move along: no wire connects two networks.
    """

    names: tuple[str, ...]
    network: str

    def apply(self, document: Document) -> Document:
        complaint = name_complaint(self.network)
        if complaint:
            raise EditError(f"The name of a network: {complaint}")
        moving = connected(document, [existing(document, name).name for name in self.names])
        if all(document.node(name).network == self.network for name in moving):
            return document
        return document.changed(
            nodes=tuple(
                node.model_copy(update={"network": self.network}) if node.name in moving else node
                for node in document.nodes
            )
        )


@dataclass(frozen=True)
class SetParams(Edit):
    """Replaces a node's parameters; `params` contains those that differ from the defaults."""

    name: str
    params: Mapping[str, Any]

    def apply(self, document: Document) -> Document:
        node = existing(document, self.name)
        new = with_params(node, self.params)
        nodes = tuple(new if item is node else item for item in document.nodes)
        return _checked(document, document.changed(nodes=nodes), new)


@dataclass(frozen=True)
class Connect(Edit):
    """Adds a wire, if `connect.why_not` allows it."""

    edge: Edge

    def apply(self, document: Document) -> Document:
        complaint = why_not(document, self.edge)
        if complaint:
            raise EditError(complaint)
        return document.changed(edges=(*document.edges, self.edge))


@dataclass(frozen=True)
class Disconnect(Edit):
    """Removes a wire."""

    edge: Edge

    def apply(self, document: Document) -> Document:
        if self.edge not in document.edges:
            raise EditError(f"There is no wire {self.edge.source} → {self.edge.target}.")
        index = document.edges.index(self.edge)
        return document.changed(edges=document.edges[:index] + document.edges[index + 1 :])


@dataclass(frozen=True)
class Move(Edit):
    """Moves nodes on the canvas, in pixels; shapes and problems do not depend on it."""

    positions: Mapping[str, tuple[float, float]]

    def apply(self, document: Document) -> Document:
        for name in self.positions:
            existing(document, name)
        moved = {name: valid_position(name, position) for name, position in self.positions.items()}
        return document.changed(layout={**document.layout, **moved})


@dataclass(frozen=True)
class SetTraining(Edit):
    """Replaces the training settings."""

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
    """Inserts a new node into the first wire to `target`, or into the one to its port `port` or from `source`."""

    node: Node
    target: str
    port: str | None = None
    source: str | None = None

    def apply(self, document: Document) -> Document:
        target = existing(document, self.target)
        wires = [
            edge
            for edge in document.edges
            if edge.target == target.name
            and (self.port is None or edge.port == self.port)
            and (self.source is None or edge.source == self.source)
        ]
        if not wires:
            raise EditError(f"{self.target} has no input, so nothing can be inserted before it.")
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
class InsertAfter(Edit):
    """Inserts a new node behind `source`: all wires that started there start at the new node."""

    node: Node
    source: str

    def apply(self, document: Document) -> Document:
        source = existing(document, self.source)
        if not any(edge.source == source.name for edge in document.edges):
            raise EditError(f"{self.source} leads nowhere, so nothing can be inserted behind it.")
        x, y = document.layout.get(self.source, (0.0, 0.0))
        node = self.node.model_copy(update={"network": source.network})
        after = AddNode(node, (x + GAP_X / 2, y + GAP_Y)).apply(document)
        edges = tuple(
            Edge(source=node.name, target=edge.target, port=edge.port) if edge.source == source.name else edge
            for edge in after.edges
        )
        return after.changed(edges=(*edges, Edge(source=source.name, target=node.name)))


@dataclass(frozen=True)
class ChangeType(Edit):
    """Replaces a node's type and parameters; its name and its wires stay."""

    name: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, document: Document) -> Document:
        node = existing(document, self.name)
        new = Node(name=node.name, type=self.type, params=dict(self.params), network=node.network)
        validated(new)
        nodes = tuple(new if item is node else item for item in document.nodes)
        return _checked(document, document.changed(nodes=nodes), new)


@dataclass(frozen=True)
class Bypass(Edit):
    """Removes a node with one input and wires its source to the node's successors."""

    name: str

    def apply(self, document: Document) -> Document:
        existing(document, self.name)
        sources = [edge.source for edge in document.edges if edge.target == self.name]
        if len(sources) != 1:
            raise EditError(f"{self.name} has {len(sources)} inputs; only a node with one input can be bypassed.")
        edges = tuple(
            Edge(source=sources[0], target=edge.target, port=edge.port) if edge.source == self.name else edge
            for edge in document.edges
            if edge.target != self.name
        )
        return RemoveNodes((self.name,)).apply(document.changed(edges=edges))


@dataclass(frozen=True)
class Together(Edit):
    """Several edits as one: all are applied, or none."""

    edits: tuple[Edit, ...] = field(default=())

    def apply(self, document: Document) -> Document:
        return apply_all(document, self.edits)


def apply_all(document: Document, edits: Iterable[Edit]) -> Document:
    """Apply edits one after the other. EditError: one cannot be applied; the document is unchanged."""
    for edit in edits:
        document = edit.apply(document)
    return document


def fresh_name(document: Document, type_name: str, taken: Sequence[str] = ()) -> str:
    """An unused name for a new node of a type: 'flatten', 'conv', 'relu2'."""
    letters = re.sub(r"\W", "", re.sub(r"\d+d?$", "", type_name), flags=re.ASCII)
    stem = letters.lower().lstrip("0123456789")[:50] or "node"
    others = set(taken)
    numbered = {name.rstrip("0123456789") for name in others if name[-1:].isdigit()}
    valid = name_complaint(stem) is None
    if valid and not any(stem in names for names in (document.by_name, document.stems, others, numbered)):
        return stem
    number = 2 if valid else 1
    while f"{stem}{number}" in document.by_name or f"{stem}{number}" in others:
        number += 1
    return f"{stem}{number}"


def _sharing(node: Node, owner: str | None) -> Node:
    return node.model_copy(update={"shares_weights_with": owner})


def _checked(before: Document, after: Document, node: Node) -> Document:
    """The document after the edit. EditError: the node uses a block that does not exist or cannot be expanded."""
    if node.role == "block":
        check_expandable(before, after)
    return after


def _free_position(document: Document) -> tuple[float, float]:
    """Below all other nodes."""
    if not document.layout:
        return (0.0, 0.0)
    bottom = max(y for _, y in document.layout.values())
    left = min(x for x, _ in document.layout.values())
    return (left, bottom + GAP_Y)
