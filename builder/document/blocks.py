"""Blocks: a block opened as a document and closed again, and which blocks can be expanded within the limits.

Nothing is expanded here: sizes are added up block by block, so that a small file whose nested repeats would give
billions of nodes is refused as quickly as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from builder.document.graph import closed_paths, topological_order
from builder.document.model import MAX_NODES, Block, Document, Edge, Graph
from builder.problems import EditError
from builder.registry import did_you_mean
from builder.validation_messages import clip

G = TypeVar("G", Block, Document)
MAX_DEPTH = 8
MAX_WIRES = 5 * MAX_NODES  # after expansion; the same limit holds for the ports and results of blocks
MAX_COUNT = 10**12  # sizes are not counted beyond this


def opened(document: Document, block: str) -> Document:
    """A block as a document, to be shown, checked and edited like any other. KeyError: there is no such block."""
    inner = document.blocks[block]
    return document.changed(
        name=block,
        description=inner.description,
        lesson="",
        nodes=inner.nodes,
        edges=inner.edges,
        layout=inner.layout,
        training={},
    )


def closed(document: Document, block: str, inner: Document) -> Document:
    """The document with the edited block in it. Edges to its uses follow ports that were renamed or removed."""
    made = Block.model_construct(
        nodes=inner.nodes, edges=inner.edges, layout=inner.layout, description=inner.description
    )
    before = document.blocks[block]
    after = document.changed(blocks={**inner.blocks, block: made})
    if before.ports == made.ports:
        return after
    renamed = _renamed_ports(before, made)
    blocks = {name: _with_edges(item, item, block, before, renamed) for name, item in after.blocks.items()}
    return _with_edges(after.changed(blocks=blocks), document, block, before, renamed)


def _renamed_ports(before: Block, after: Block) -> dict[str, str | None]:
    """Each old port → its new name, or None if it was removed. A new name at the same index is a renamed node."""
    index = {node.name: number for number, node in enumerate(before.nodes)}
    renamed: dict[str, str | None] = {}
    for port in before.ports:
        renamed[port] = port if port in after.ports else None
        if renamed[port] is None and len(after.nodes) == len(before.nodes):
            node = after.nodes[index[port]]
            renamed[port] = node.name if node.role == "input" and node.name not in index else None
    return renamed


def _with_edges(graph: G, old: Graph, block: str, before: Block, renamed: Mapping[str, str | None]) -> G:
    """The graph with the edges to uses of a block changed or removed, as its ports were."""
    uses = {name for name, use in old.composites.items() if use.block == block}
    if not uses:
        return graph
    ports = {(name, id(edge)): port for name in uses for edge, port in _bound_ports(graph, name, before.ports)}
    edges = []
    for edge in graph.edges:
        port = ports.get((edge.target, id(edge)), edge.port) if edge.target in uses else None
        if port is not None and port in renamed and renamed[port] is None:
            continue
        if edge.port is not None and port is not None and port in renamed:
            edge = Edge(source=edge.source, target=edge.target, port=renamed[port])
        edges.append(edge)
    fields = {"edges": tuple(edges)}
    return graph.changed(**fields) if isinstance(graph, Document) else graph.model_copy(update=fields)


def _bound_ports(graph: Graph, target: str, ports: tuple[str, ...]) -> Iterator[tuple[Edge, str]]:
    """Each edge into a node with the port it is bound to; edges for which no port is free are left out."""
    into = [edge for edge in graph.edges if edge.target == target]
    free = [port for port in ports if port not in {edge.port for edge in into}]
    for edge in into:
        if edge.port is not None:
            yield edge, edge.port
        elif free:
            yield edge, free.pop(0)


class ExpansionProblem(NamedTuple):
    """Why a block cannot be expanded: the block that has the problem (None: the document), the node, the message."""

    block: str | None
    node: str | None
    message: str


@dataclass(frozen=True)
class Expansion:
    """The blocks that can be expanded, and the problems of the others."""

    expandable: frozenset[str]
    problems: tuple[ExpansionProblem, ...]


class _Size(NamedTuple):
    """The size of one use of a block: nodes that compute, all nodes with ports and results, wires, levels."""

    nodes: int
    all_nodes: int
    wires: int
    depth: int


NOTHING_TO_EXPAND = Expansion(frozenset(), ())


def expansion(document: Document) -> Expansion:
    """Which blocks of a document can be expanded, found without expanding them."""
    blocks = document.blocks
    if not blocks and not document.composites:
        return NOTHING_TO_EXPAND
    problems = [*_unknown_blocks(document), *_recursive_blocks(blocks)]
    inside = {name: [use.block for use in block.composites.values()] for name, block in blocks.items()}
    edges = ((part, name) for name, parts in inside.items() for part in parts if part in blocks)
    sizes: dict[str, _Size] = {}
    for name in topological_order(blocks, edges):  # every block after those that it contains
        if not all(part in sizes for part in inside[name]):
            continue
        size = _size(blocks[name], sizes)
        if size.depth > MAX_DEPTH:  # those that contain it are not measured: the problem is reported once
            message = f"is nested {size.depth} blocks deep; {MAX_DEPTH} is the limit. Unpack one of those inside it."
            problems.append(ExpansionProblem(name, None, message))
            continue
        sizes[name] = size
    total = _size(document, sizes)
    if total.nodes > MAX_NODES or total.wires > MAX_WIRES or total.all_nodes > MAX_WIRES:
        too_large = ExpansionProblem(None, None, _too_large(document, sizes, total))
        return Expansion(frozenset(), (*problems, too_large))
    return Expansion(frozenset(sizes), tuple(problems))


def _size(graph: Graph, sizes: Mapping[str, _Size]) -> _Size:
    """The size of a graph with its blocks expanded. Numbers stop at MAX_COUNT: nested repeats multiply quickly."""
    nodes = all_nodes = depth = 0
    wires = len(graph.edges)
    for node in graph.nodes:
        use = node.use
        if use is None:
            nodes += isinstance(graph, Document) or node.role not in ("input", "output")
            all_nodes += 1
        elif use.block in sizes:
            one = sizes[use.block]
            nodes += max(1, one.nodes) * use.repeat
            all_nodes += (1 + one.all_nodes) * use.repeat
            wires += one.wires * use.repeat
            depth = max(depth, one.depth)
    nodes, all_nodes, wires = (min(number, MAX_COUNT) for number in (nodes, all_nodes, wires))
    return _Size(nodes, all_nodes, wires, depth + isinstance(graph, Block))


def _too_large(document: Document, sizes: Mapping[str, _Size], total: _Size) -> str:
    largest, nodes = "", 0
    for name, use in document.composites.items():
        if use.block in sizes and sizes[use.block].nodes * use.repeat >= nodes:
            largest, nodes = name, sizes[use.block].nodes * use.repeat
    what = f"{total.nodes:,} nodes" if total.nodes > MAX_NODES else f"{max(total.wires, total.all_nodes):,} wires"
    limit = MAX_NODES if total.nodes > MAX_NODES else MAX_WIRES
    which = f" Most of them are in {largest}: repeat it less often." if largest else ""
    about = "about " if total.nodes >= MAX_COUNT else ""
    return f"With its blocks unpacked it has {about}{what}; {limit:,} is the limit.{which}"


def _unknown_blocks(document: Document) -> Iterator[ExpansionProblem]:
    graphs: list[tuple[str | None, Graph]] = [(None, document), *document.blocks.items()]
    for block, graph in graphs:
        for name, use in graph.composites.items():
            if use.block not in document.blocks:
                near = did_you_mean(use.block, document.blocks)
                known = "" if near else f" Its blocks: {', '.join(document.blocks) or 'none'}."
                message = f"There is no block {clip(use.block)} in this document.{near}{known[:300]}"
                yield ExpansionProblem(block, name, message)


def _recursive_blocks(blocks: Mapping[str, Block]) -> Iterator[ExpansionProblem]:
    wires = [
        (name, use.block) for name, block in blocks.items() for use in block.composites.values() if use.block in blocks
    ]
    if not wires:
        return
    for names in closed_paths(blocks, wires):
        shown = names if len(names) < 10 else [*names[:5], "…", *names[-3:]]
        cycle = " → ".join([*shown, names[0]])
        second = names[1] if len(names) > 1 else names[0]
        node = next(name for name, use in blocks[names[0]].composites.items() if use.block == second)
        message = f"would put the block {names[0]} inside itself: {cycle}. Remove one of them."
        yield ExpansionProblem(names[0], node, message)


def check_expandable(before: Document, after: Document) -> None:
    """EditError: the edit would add a block that cannot be expanded; such a document could not be loaded again."""
    known = None
    for problem in expansion(after).problems:
        known = expansion(before).problems if known is None else known
        if problem not in known:
            where = f"In the block {problem.block}: " if problem.block and problem.node else ""
            which = f"{problem.node}: " if problem.node else f"The block {problem.block} " if problem.block else ""
            raise EditError(f"{where}{which}{problem.message}")


def first_uses(document: Document) -> dict[str, str]:
    """Each block that is used → the dotted name of its first use: {"residual": "stage1.0"}."""
    found: dict[str, str] = {}
    waiting: list[tuple[Graph, str]] = [(document, "")]
    for _ in range(MAX_DEPTH + 1):  # deeper nesting is refused; its names would be too long
        inside: list[tuple[Graph, str]] = []
        for graph, prefix in waiting:
            for name, use in graph.composites.items():
                if use.block in document.blocks and use.block not in found:
                    found[use.block] = f"{prefix}{name}.0"
                    inside.append((document.blocks[use.block], f"{prefix}{name}.0."))
        waiting = inside
    return found
