"""Blocks: a block opened as a document and put back, which blocks can be expanded, and what expanding them comes to.

Nothing here expands anything: sizes are added up block by block, so that a file of a few lines which stands for more
nodes than there are atoms is refused as quickly as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from builder.document.graph import closed_paths, sorted_names
from builder.document.model import MAX_NODES, Block, Document, Edge, Graph
from builder.problems import EditError
from builder.registry import did_you_mean
from builder.validation_messages import clip

G = TypeVar("G", Block, Document)
MAX_DEPTH = 8
MAX_WIRES = 5 * MAX_NODES  # also of ports: what a document's edges may be


def opened(document: Document, block: str) -> Document:
    """A block as a document of its own, to be shown, checked and edited like any other. KeyError: there is none."""
    inner = document.blocks[block]
    return Document.model_construct(
        format=document.format, name=block, description=inner.description, lesson="", nodes=inner.nodes,
        edges=inner.edges, blocks=document.blocks, layout=inner.layout, training={},
    )  # fmt: skip


def closed(document: Document, block: str, inner: Document) -> Document:
    """The document with that block as it was edited. Wires to its uses follow ports that were renamed or removed."""
    made = Block.model_construct(
        nodes=inner.nodes, edges=inner.edges, layout=inner.layout, description=inner.description
    )
    before = document.blocks[block]
    after = document.changed(blocks={**inner.blocks, block: made})
    if before.ports == made.ports:
        return after
    moved = _moved(before, made)
    blocks = {name: _followed(item, item, block, before, moved) for name, item in after.blocks.items()}
    return _followed(after.changed(blocks=blocks), document, block, before, moved)


def _moved(before: Block, after: Block) -> dict[str, str | None]:
    """Each old port → its name now, or None where it is gone. A node in the same place was renamed."""
    place = {node.name: index for index, node in enumerate(before.nodes)}
    moved: dict[str, str | None] = {}
    for port in before.ports:
        index = place[port]
        moved[port] = port if port in after.ports else None
        if moved[port] is None and len(after.nodes) == len(before.nodes):
            node = after.nodes[index]
            moved[port] = node.name if node.role == "input" and node.name not in place else None
    return moved


def _followed(graph: G, old: Graph, block: str, before: Block, moved: Mapping[str, str | None]) -> G:
    """The graph with the wires into uses of a block renamed, or cut, as its ports were."""
    uses = {name for name, use in old.composites.items() if use.block == block}
    if not uses:
        return graph
    taken = {(name, id(edge)): port for name in uses for edge, port in _landing(graph, name, before.ports)}
    edges = []
    for edge in graph.edges:
        port = taken.get((edge.target, id(edge)), edge.port) if edge.target in uses else None
        if port is not None and port in moved and moved[port] is None:
            continue
        if edge.port is not None and port is not None and port in moved:
            edge = Edge(source=edge.source, target=edge.target, port=moved[port])
        edges.append(edge)
    fields = {"edges": tuple(edges)}
    return graph.changed(**fields) if isinstance(graph, Document) else graph.model_copy(update=fields)


def _landing(graph: Graph, target: str, ports: tuple[str, ...]) -> Iterator[tuple[Edge, str]]:
    """Each wire into a node with the port it lands on; one too many lands on none."""
    into = [edge for edge in graph.edges if edge.target == target]
    free = [port for port in ports if port not in {edge.port for edge in into}]
    for edge in into:
        if edge.port is not None:
            yield edge, edge.port
        elif free:
            yield edge, free.pop(0)


class Trouble(NamedTuple):
    """Why a block cannot be expanded: the block it is found in (None: the document), the node, and the words."""

    block: str | None
    node: str | None
    message: str


@dataclass(frozen=True)
class Expansion:
    """Which blocks can be expanded, and for the others why not."""

    sound: frozenset[str]
    troubles: tuple[Trouble, ...]


class _Size(NamedTuple):
    """What one use of a block comes to: nodes that compute, all nodes with ports and results, wires, levels."""

    nodes: int
    places: int
    wires: int
    depth: int


NOTHING = Expansion(frozenset(), ())


def expansion(document: Document) -> Expansion:
    """What can be expanded of a document, without expanding it."""
    blocks = document.blocks
    if not blocks and not document.composites:
        return NOTHING
    troubles = [*_unknown(document), *_within_themselves(blocks)]
    inside = {name: [use.block for use in block.composites.values()] for name, block in blocks.items()}
    ordered = sorted_names(blocks, ((part, name) for name, parts in inside.items() for part in parts if part in blocks))
    sizes: dict[str, _Size] = {}
    for name in ordered:  # every block after those that it contains
        block = blocks[name]
        if not all(part in sizes for part in inside[name]):
            continue
        size = _size(block, sizes)
        if size.depth > MAX_DEPTH:  # those that contain it are not measured, and not told of again
            message = f"is nested {size.depth} blocks deep; {MAX_DEPTH} is the limit. Unpack one of those inside it."
            troubles.append(Trouble(name, None, message))
            continue
        sizes[name] = size
    whole = _size(document, sizes)
    if whole.nodes > MAX_NODES or whole.wires > MAX_WIRES or whole.places > MAX_WIRES:
        return Expansion(frozenset(), (*troubles, Trouble(None, None, _too_many(document, sizes, whole))))
    return Expansion(frozenset(sizes), tuple(troubles))


def _size(graph: Graph, sizes: Mapping[str, _Size]) -> _Size:
    """Numbers stop growing far above the limits: repeats of repeats of repeats must stay small numbers."""
    nodes = places = depth = 0
    wires = len(graph.edges)
    for node in graph.nodes:
        use = node.use
        if use is None:
            nodes += isinstance(graph, Document) or node.role not in ("input", "output")
            places += 1
        elif use.block in sizes:
            one = sizes[use.block]
            nodes += max(1, one.nodes) * use.repeat
            places += (1 + one.places) * use.repeat
            wires += one.wires * use.repeat
            depth = max(depth, one.depth)
    most = 10**12
    return _Size(min(nodes, most), min(places, most), min(wires, most), depth + isinstance(graph, Block))


def _too_many(document: Document, sizes: Mapping[str, _Size], whole: _Size) -> str:
    largest, most = "", 0
    for name, use in document.composites.items():
        if use.block in sizes and sizes[use.block].nodes * use.repeat >= most:
            largest, most = name, sizes[use.block].nodes * use.repeat
    what = f"{whole.nodes:,} nodes" if whole.nodes > MAX_NODES else f"{max(whole.wires, whole.places):,} wires"
    limit = MAX_NODES if whole.nodes > MAX_NODES else MAX_WIRES
    which = f" Most of them are in {largest}: repeat it less often." if largest else ""
    return f"With its blocks unpacked it has {'about ' * (whole.nodes >= 10**12)}{what}; {limit:,} is the limit.{which}"


def _unknown(document: Document) -> Iterator[Trouble]:
    graphs: list[tuple[str | None, Graph]] = [(None, document), *document.blocks.items()]
    for place, graph in graphs:
        for name, use in graph.composites.items():
            if use.block not in document.blocks:
                near = did_you_mean(use.block, document.blocks)
                known = "" if near else f" Its blocks: {', '.join(document.blocks) or 'none'}."
                yield Trouble(place, name, f"There is no block {clip(use.block)} in this document.{near}{known[:300]}")


def _within_themselves(blocks: Mapping[str, Block]) -> Iterator[Trouble]:
    wires = [
        (name, use.block) for name, block in blocks.items() for use in block.composites.values() if use.block in blocks
    ]
    if not wires:
        return
    for names in closed_paths(blocks, wires):
        shown = names if len(names) < 10 else [*names[:5], "…", *names[-3:]]
        around = " → ".join([*shown, names[0]])
        second = names[1] if len(names) > 1 else names[0]
        node = next(name for name, use in blocks[names[0]].composites.items() if use.block == second)
        yield Trouble(names[0], node, f"would put the block {names[0]} inside itself: {around}. Take one of them out.")


def refuse_trouble(before: Document, after: Document) -> None:
    """EditError: an edit would leave blocks that cannot be expanded, which the document could not be opened with."""
    known = None
    for trouble in expansion(after).troubles:
        known = expansion(before).troubles if known is None else known
        if trouble not in known:
            where = f"In the block {trouble.block}: " if trouble.block and trouble.node else ""
            which = f"{trouble.node}: " if trouble.node else f"The block {trouble.block} " if trouble.block else ""
            raise EditError(f"{where}{which}{trouble.message}")


def first_uses(document: Document) -> dict[str, str]:
    """Each block that is used → the dotted name of its first use: {"residual": "stage1.0"}."""
    found: dict[str, str] = {}
    waiting: list[tuple[Graph, str]] = [(document, "")]
    for _ in range(MAX_DEPTH + 1):  # what is nested deeper is refused, and its names would be as long as it is deep
        inside: list[tuple[Graph, str]] = []
        for graph, prefix in waiting:
            for name, use in graph.composites.items():
                if use.block in document.blocks and use.block not in found:
                    found[use.block] = f"{prefix}{name}.0"
                    inside.append((document.blocks[use.block], f"{prefix}{name}.0."))
        waiting = inside
    return found
