"""Folds nodes into a block, and unpacks a block into its nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from builder.analysis.plan import PortError, ports_taken
from builder.catalogue import type_with_role
from builder.document import MAIN, Block, Document, Edge, Node
from builder.document.blocks import refuse_trouble
from builder.document.graph import incoming, order
from builder.document.model import MAX_NODES, name_complaint
from builder.edits.base import GAP_X, Edit
from builder.edits.blocks import free_block
from builder.edits.validation import existing, free_name
from builder.problems import EditError


@dataclass(frozen=True)
class MakeBlock(Edit):
    """Folds the selected nodes into a new block, and puts one node that stands for it in their place."""

    names: tuple[str, ...]
    block: str
    node: str

    def apply(self, document: Document) -> Document:
        free_block(document, self.block)
        if self.node not in self.names:
            free_name(document, self.node)
        chosen = _selected(document, self.names)
        ports = _ports(document, chosen)
        last = _result(document, chosen)
        result = _fresh("y", {*chosen, *ports.values()})
        made = Block(
            nodes=(
                *(Node(name=port, type=type_with_role("input")) for port in ports.values()),
                *(_in_network(node, MAIN) for node in document.nodes if node.name in chosen),
                Node(name=result, type=type_with_role("output")),
            ),
            edges=(
                *(
                    Edge(source=ports.get(edge.source, edge.source), target=edge.target, port=edge.port)
                    for edge in document.edges
                    if edge.target in chosen
                ),
                Edge(source=last, target=result),
            ),
            layout=_around(document, chosen, list(ports.values()), result),
        )
        after = document.changed(
            nodes=tuple(self._nodes(document, chosen)),
            edges=tuple(self._edges(document, chosen, ports)),
            blocks={**document.blocks, self.block: made},
            layout=self._layout(document, chosen),
        )
        refuse_trouble(document, after)
        return after

    def _nodes(self, document: Document, chosen: set[str]) -> Iterable[Node]:
        """The other nodes; the new one stands where the first of the selection stood."""
        network = next(node.network for node in document.nodes if node.name in chosen)
        new = Node(name=self.node, type=type_with_role("block"), params={"block": self.block}, network=network)
        placed = False
        for node in document.nodes:
            if node.name not in chosen:
                yield node
            elif not placed:
                placed = True
                yield new

    def _edges(self, document: Document, chosen: set[str], ports: dict[str, str]) -> Iterable[Edge]:
        """The wires outside, each in its place; those of one source into the selection become one."""
        wired: set[str] = set()
        for edge in document.edges:
            if edge.source in chosen and edge.target in chosen:
                continue
            if edge.target in chosen:
                if edge.source not in wired:
                    port = ports[edge.source] if len(ports) > 1 else None
                    yield Edge(source=edge.source, target=self.node, port=port)
                wired.add(edge.source)
            elif edge.source in chosen:
                yield Edge(source=self.node, target=edge.target, port=edge.port)
            else:
                yield edge

    def _layout(self, document: Document, chosen: set[str]) -> dict[str, tuple[float, float]]:
        kept = {name: place for name, place in document.layout.items() if name not in chosen}
        places = [place for name, place in document.layout.items() if name in chosen]
        if not places:
            return kept
        middle = (sum(x for x, _ in places) / len(places), sum(y for _, y in places) / len(places))
        return {**kept, self.node: middle}


@dataclass(frozen=True)
class Unpack(Edit):
    """Puts the nodes of one use of a block back in its place, once for every repeat; the block itself stays."""

    name: str

    def apply(self, document: Document) -> Document:
        node = existing(document, self.name)
        use = node.use
        if use is None or use.block not in document.blocks:
            raise EditError(f"{self.name} stands for no block of this document, so there is nothing to unpack.")
        if node.shares_weights_with or any(other.shares_weights_with == self.name for other in document.nodes):
            raise EditError(f"{self.name} shares its weights with another node. Let each have its own first.")
        block = document.blocks[use.block]
        if len(document.nodes) + use.repeat * len(block.nodes) > MAX_NODES + 1:
            raise EditError(f"That would make more than {MAX_NODES:,} nodes: repeat {self.name} less often.")
        try:
            sources = ports_taken(node.spec, incoming(document).get(self.name, []), document.blocks)
        except PortError as error:
            raise EditError(f"{self.name} {error}") from None
        unpacked = _Unpacked(document, node, block, use.repeat, sources)
        after = document.changed(
            nodes=tuple(new for old in document.nodes for new in (unpacked.nodes if old is node else [old])),
            edges=tuple(unpacked.wires()),
            layout=unpacked.layout,
        )
        refuse_trouble(document, after)
        return after


class _Unpacked:
    """The nodes, wires and places that come in place of a node."""

    def __init__(self, document: Document, node: Node, block: Block, repeat: int, sources: dict[str, str]) -> None:
        self.document, self.node, self.block = document, node, block
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.layout = {name: place for name, place in document.layout.items() if name != node.name}
        self._taken = set(document.by_name) - {node.name}
        self.result: str | None = None
        inner = [item for item in block.nodes if item.role not in ("input", "output")]
        for number in range(repeat):
            self._place(number, inner)
            self._add(inner, [self._name(item.name, number if repeat > 1 else None) for item in inner], sources)
            if block.ports and self.result is not None:
                sources = {**sources, block.ports[0]: self.result}
            elif block.ports:
                sources = {port: source for port, source in sources.items() if port != block.ports[0]}

    def _name(self, inner: str, number: int | None) -> str:
        wanted = inner if number is None else f"{self.node.name}_{number}_{inner}"
        if number is None and wanted in self._taken:
            wanted = f"{self.node.name}_{inner}"
        name = _fresh(wanted[:64], self._taken)
        self._taken.add(name)
        return name

    def _place(self, number: int, inner: list[Node]) -> None:
        """Where the nodes of one repeat stand: as in the block, moved to where the node was."""
        known = [self.block.layout[item.name] for item in inner if item.name in self.block.layout]
        if not known or self.node.name not in self.document.layout:
            self._offset = None
            return
        x, y = self.document.layout[self.node.name]
        width = max(place[0] for place in known) - min(place[0] for place in known) + GAP_X
        middle = (sum(place[0] for place in known) / len(known), sum(place[1] for place in known) / len(known))
        self._offset = (x - middle[0] + number * width, y - middle[1])

    _offset: tuple[float, float] | None = None

    def _add(self, inner: list[Node], names: list[str], sources: dict[str, str]) -> None:
        new = {item.name: name for item, name in zip(inner, names, strict=True)}
        values: dict[str, str] = {**{port: sources[port] for port in self.block.ports if port in sources}, **new}
        for item in inner:
            owner = new.get(item.shares_weights_with or "")
            self.nodes.append(_in_network(item, self.node.network, new[item.name], owner))
            if self._offset is not None and item.name in self.block.layout:
                x, y = self.block.layout[item.name]
                self.layout[new[item.name]] = (x + self._offset[0], y + self._offset[1])
        for edge in self.block.edges:
            if edge.target in new and edge.source in values:
                self.edges.append(Edge(source=values[edge.source], target=new[edge.target], port=edge.port))
        ends = [edge.source for edge in self.block.edges if edge.target in self.block.results[:1]]
        self.result = values.get(ends[0]) if ends else None

    def wires(self) -> Iterable[Edge]:
        """The document's wires, those of the node led to what came in its place."""
        yielded = False
        for edge in self.document.edges:
            if self.node.name not in (edge.source, edge.target):
                yield edge
            elif not yielded:
                yielded = True
                yield from self.edges
            if edge.source == self.node.name and self.result is not None:
                yield Edge(source=self.result, target=edge.target, port=edge.port)
        if not yielded:
            yield from self.edges


def _selected(document: Document, names: tuple[str, ...]) -> set[str]:
    """The selection, if it can be a block. EditError: in words, why it cannot."""
    if not names:
        raise EditError("Nothing is selected. Select the nodes that shall become a block.")
    chosen = {existing(document, name).name for name in names}
    for name in names:
        role = document.node(name).role
        if role in ("input", "output"):
            way = "enters" if role == "input" else "leaves"
            raise EditError(f"{name} is where data {way} the network, and stays outside. Select the layers without it.")
    networks = sorted({document.node(name).network for name in chosen})
    if len(networks) > 1:
        raise EditError(f"The selection is in several networks: {', '.join(networks)}. A block is part of one.")
    for node in document.nodes:
        owner = node.shares_weights_with
        if owner in document.by_name and (node.name in chosen) != (owner in chosen):
            raise EditError(f"{node.name} shares the weights of {owner}: both belong in the block, or neither.")
    _refuse_a_way_back(document, chosen)
    return chosen


def _refuse_a_way_back(document: Document, chosen: set[str]) -> None:
    """EditError: a value leaves the selection and, through other nodes, comes back into it."""
    leaving: dict[str, list[str]] = {}
    for edge in document.edges:
        leaving.setdefault(edge.source, []).append(edge.target)
    first: dict[str, str] = {}  # a node outside → the selected node whose value gets there
    waiting = [(name, target) for name in chosen for target in leaving.get(name, []) if target not in chosen]
    while waiting:
        origin, name = waiting.pop()
        if name in first:
            continue
        first[name] = origin
        for target in leaving.get(name, []):
            if target in chosen:
                raise EditError(
                    f"A wire leaves the selection at {origin} and comes back from {name} to {target}. "
                    f"Select what lies between, too."
                )
            waiting.append((origin, target))


def _ports(document: Document, chosen: set[str]) -> dict[str, str]:
    """Each node outside whose value enters → the name of the port for it, in running order."""
    into = incoming(document)
    running = [name for name in dict.fromkeys([*order(document), *document.by_name]) if name in chosen]
    sources = dict.fromkeys(edge.source for name in running for edge in into.get(name, []) if edge.source not in chosen)
    if len(sources) == 1:
        return {source: _fresh("x", chosen) for source in sources}
    return {source: source for source in sources}


def _result(document: Document, chosen: set[str]) -> str:
    """The selected node whose value leaves. EditError: there is none, or more than one."""
    leaving = dict.fromkeys(e.source for e in document.edges if e.source in chosen and e.target not in chosen)
    if not leaving:
        feeding = {edge.source for edge in document.edges}
        leaving = dict.fromkeys(node.name for node in document.nodes if node.name in chosen - feeding)
    if len(leaving) == 1:
        return next(iter(leaving))
    if not leaving:
        raise EditError("No value leaves the selection, so the block would have no result.")
    raise EditError(
        f"{len(leaving)} values leave the selection, from {', '.join(leaving)}; a block has one result. "
        "Select the nodes up to where they come together."
    )


def _fresh(wanted: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    name, number = wanted, 2
    while name in taken or name_complaint(name) is not None:
        name, number = f"{wanted[:60]}{number}", number + 1
    return name


def _in_network(node: Node, network: str, name: str | None = None, owner: str | None = None) -> Node:
    """A new node like this one in another network; with a name, also under that name and sharing with `owner`."""
    shares = node.shares_weights_with if name is None else owner
    return Node(name=name or node.name, type=node.type, params=node.params, network=network, shares_weights_with=shares)


def _around(document: Document, chosen: set[str], ports: list[str], result: str) -> dict[str, tuple[float, float]]:
    """The selection's own places, its ports to the left of them, its result to the right."""
    places = {name: place for name, place in document.layout.items() if name in chosen}
    if not places:
        return {}
    left = min(x for x, _ in places.values()) - GAP_X
    right = max(x for x, _ in places.values()) + GAP_X
    top = sum(y for _, y in places.values()) / len(places)
    sides = {port: (left, top + 100.0 * number) for number, port in enumerate(ports)}
    return {**sides, **places, result: (right, top)}
