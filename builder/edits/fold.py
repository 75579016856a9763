"""Folds nodes into a block, and unpacks a block into its nodes again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.analysis.plan import PortError, ports_taken
from builder.catalogue import type_with_role
from builder.document import MAIN, Block, Document, Edge, Node
from builder.document.blocks import check_expandable
from builder.document.graph import incoming, order
from builder.document.model import MAX_NODES, name_complaint
from builder.edits.base import GAP_X, GAP_Y, Edit
from builder.edits.blocks import check_new_block
from builder.edits.validation import check_new_name, existing
from builder.problems import EditError


@dataclass(frozen=True)
class MakeBlock(Edit):
    """Folds the selected nodes into a new block and replaces them by one node that uses it."""

    names: tuple[str, ...]
    block: str
    node: str

    def apply(self, document: Document) -> Document:
        check_new_block(document, self.block)
        if self.node not in self.names:
            check_new_name(document, self.node)
        chosen = _selected(document, self.names)
        ports = _ports(document, chosen)
        last = _result(document, chosen)
        result = _unique_name("y", {*chosen, *ports.values()})
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
            layout=_inner_layout(document, chosen, list(ports.values()), result),
        )
        after = document.changed(
            nodes=tuple(self._nodes(document, chosen)),
            edges=tuple(self._edges(document, chosen, ports)),
            blocks={**document.blocks, self.block: made},
            layout=self._layout(document, chosen),
        )
        check_expandable(document, after)
        return after

    def _nodes(self, document: Document, chosen: set[str]) -> Iterable[Node]:
        """The other nodes; the new one replaces the first of the selection."""
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
        """The edges outside of the selection; several edges from one source into the selection become one."""
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
        kept = {name: position for name, position in document.layout.items() if name not in chosen}
        positions = [position for name, position in document.layout.items() if name in chosen]
        return {**kept, self.node: _centre(positions)} if positions else kept


@dataclass(frozen=True)
class Unpack(Edit):
    """Replaces a node that uses a block by the block's nodes, once for every repeat; the block itself remains."""

    name: str

    def apply(self, document: Document) -> Document:
        node = existing(document, self.name)
        use = node.use
        if use is None or use.block not in document.blocks:
            raise EditError(f"{self.name} uses no block of this document, so there is nothing to unpack.")
        if node.shares_weights_with or any(other.shares_weights_with == self.name for other in document.nodes):
            raise EditError(f"{self.name} shares its weights with another node. Give each its own weights first.")
        block = document.blocks[use.block]
        if len(document.nodes) + use.repeat * len(block.nodes) > MAX_NODES + 1:
            raise EditError(f"The document would have more than {MAX_NODES:,} nodes: repeat {self.name} less often.")
        try:
            sources = ports_taken(node.spec, incoming(document).get(self.name, []), document.blocks)
        except PortError as error:
            raise EditError(f"{self.name} {error}") from None
        unpacked = _Unpacked(document, node, block, use.repeat, sources)
        after = document.changed(
            nodes=tuple(new for old in document.nodes for new in (unpacked.nodes if old is node else [old])),
            edges=tuple(unpacked.all_edges()),
            layout=unpacked.layout,
        )
        check_expandable(document, after)
        return after


class _Unpacked:
    """The nodes, edges and positions that replace a node."""

    def __init__(self, document: Document, node: Node, block: Block, repeat: int, sources: dict[str, str]) -> None:
        self.document, self.node, self.block = document, node, block
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.layout = {name: position for name, position in document.layout.items() if name != node.name}
        self._taken = set(document.by_name) - {node.name}
        self.result: str | None = None
        inner = [item for item in block.nodes if item.role not in ("input", "output")]
        for number in range(repeat):
            names = {item.name: self._name(item.name, number if repeat > 1 else None) for item in inner}
            self._add_nodes(inner, names)
            self._add_edges(names, sources)
            self._add_layout(inner, names, number)
            if block.ports and self.result is not None:
                sources = {**sources, block.ports[0]: self.result}
            elif block.ports:
                sources = {port: source for port, source in sources.items() if port != block.ports[0]}

    def _name(self, inner: str, number: int | None) -> str:
        wanted = inner if number is None else f"{self.node.name}_{number}_{inner}"
        if number is None and wanted in self._taken:
            wanted = f"{self.node.name}_{inner}"
        name = _unique_name(wanted[:64], self._taken)
        self._taken.add(name)
        return name

    def _add_nodes(self, inner: list[Node], names: dict[str, str]) -> None:
        for item in inner:
            owner = names.get(item.shares_weights_with or "")
            self.nodes.append(_in_network(item, self.node.network, names[item.name], owner))

    def _add_edges(self, names: dict[str, str], sources: dict[str, str]) -> None:
        """Add the edges inside one repeat and into it; its result is the input of the next repeat."""
        values = {**{port: sources[port] for port in self.block.ports if port in sources}, **names}
        for edge in self.block.edges:
            if edge.target in names and edge.source in values:
                self.edges.append(Edge(source=values[edge.source], target=names[edge.target], port=edge.port))
        ends = [edge.source for edge in self.block.edges if edge.target in self.block.results[:1]]
        self.result = values.get(ends[0]) if ends else None

    def _add_layout(self, inner: list[Node], names: dict[str, str], number: int) -> None:
        """Place the nodes of one repeat as in the block, moved to the position of the node that they replace."""
        positions = {item.name: self.block.layout[item.name] for item in inner if item.name in self.block.layout}
        if not positions or self.node.name not in self.document.layout:
            return
        x, y = self.document.layout[self.node.name]
        columns = [column for column, _ in positions.values()]
        width = max(columns) - min(columns) + GAP_X
        centre_x, centre_y = _centre(list(positions.values()))
        for name, (column, row) in positions.items():
            self.layout[names[name]] = (column + x - centre_x + number * width, row + y - centre_y)

    def all_edges(self) -> Iterable[Edge]:
        """The document's edges, with those of the replaced node now at the nodes that replace it."""
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
    """The selection. EditError: it cannot become a block, with the reason."""
    if not names:
        raise EditError("Nothing is selected. Select the nodes that are to become a block.")
    chosen = {existing(document, name).name for name in names}
    for name in names:
        role = document.node(name).role
        if role in ("input", "output"):
            raise EditError(f"{name} is an {role} of the network and cannot be in a block. Select only the layers.")
    networks = sorted({document.node(name).network for name in chosen})
    if len(networks) > 1:
        raise EditError(f"The selection is in several networks: {', '.join(networks)}. A block belongs to one.")
    for node in document.nodes:
        owner = node.shares_weights_with
        if owner in document.by_name and (node.name in chosen) != (owner in chosen):
            raise EditError(f"{node.name} shares the weights of {owner}: select both, or neither.")
    _check_convex(document, chosen)
    return chosen


def _check_convex(document: Document, chosen: set[str]) -> None:
    """EditError: a path leaves the selection and returns to it through other nodes, which would be a cycle."""
    successors: dict[str, list[str]] = {}
    for edge in document.edges:
        successors.setdefault(edge.source, []).append(edge.target)
    first: dict[str, str] = {}  # a node outside → the selected node from which it is reached
    waiting = [(name, target) for name in chosen for target in successors.get(name, []) if target not in chosen]
    while waiting:
        origin, name = waiting.pop()
        if name in first:
            continue
        first[name] = origin
        for target in successors.get(name, []):
            if target in chosen:
                raise EditError(
                    f"A path leaves the selection at {origin} and returns to it from {name} to {target}. "
                    "Select the nodes between them, too."
                )
            waiting.append((origin, target))


def _ports(document: Document, chosen: set[str]) -> dict[str, str]:
    """Each node outside that is an input of the selection → the name of the port for it, in execution order."""
    into = incoming(document)
    ordered = [name for name in dict.fromkeys([*order(document), *document.by_name]) if name in chosen]
    sources = dict.fromkeys(edge.source for name in ordered for edge in into.get(name, []) if edge.source not in chosen)
    if len(sources) == 1:
        return {source: _unique_name("x", chosen) for source in sources}
    return {source: source for source in sources}


def _result(document: Document, chosen: set[str]) -> str:
    """The selected node whose value is used outside. EditError: there is none, or more than one."""
    results = dict.fromkeys(e.source for e in document.edges if e.source in chosen and e.target not in chosen)
    if not results:
        sources = {edge.source for edge in document.edges}
        results = dict.fromkeys(node.name for node in document.nodes if node.name in chosen - sources)
    if len(results) == 1:
        return next(iter(results))
    if not results:
        raise EditError("No value leaves the selection, so the block would have no result.")
    raise EditError(
        f"{len(results)} values leave the selection, from {', '.join(results)}; a block has one result. "
        "Select also the node that merges them."
    )


def _unique_name(wanted: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    name, number = wanted, 2
    while name in taken or name_complaint(name) is not None:
        name, number = f"{wanted[:60]}{number}", number + 1
    return name


def _in_network(node: Node, network: str, name: str | None = None, owner: str | None = None) -> Node:
    """A copy of the node in another network; with a name, the copy has that name and shares weights with `owner`."""
    shares = node.shares_weights_with if name is None else owner
    return Node(name=name or node.name, type=node.type, params=node.params, network=network, shares_weights_with=shares)


def _inner_layout(
    document: Document, chosen: set[str], ports: list[str], result: str
) -> dict[str, tuple[float, float]]:
    """The positions of the selected nodes, the ports to the left of them, the result to the right."""
    positions = {name: position for name, position in document.layout.items() if name in chosen}
    if not positions:
        return {}
    left = min(x for x, _ in positions.values()) - GAP_X
    right = max(x for x, _ in positions.values()) + GAP_X
    _, middle = _centre(list(positions.values()))
    sides = {port: (left, middle + GAP_Y * number) for number, port in enumerate(ports)}
    return {**sides, **positions, result: (right, middle)}


def _centre(positions: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(x for x, _ in positions) / len(positions), sum(y for _, y in positions) / len(positions)
