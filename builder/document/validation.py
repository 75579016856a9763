"""What a file must satisfy to be a document at all: keys, names, types, parameters, edges, limits."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from builder.catalogue import CATALOGUE
from builder.document.blocks import expansion, first_uses
from builder.document.model import MAIN, MAX_NODES, Block, Document, Edge, Graph, Node, name_complaint
from builder.problems import DocumentError, Problem
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences

MAX_REPORTED = 100


def read(data: dict[str, Any]) -> Document:
    """A dictionary → Document. DocumentError lists every key that is missing, unknown or of the wrong kind."""
    blocks = data.get("blocks")
    inner = blocks.items() if isinstance(blocks, dict) else ()
    for name, graph in [("It", data), *((f"The block {clip(name)}", item) for name, item in inner)]:
        for part in ("nodes", "edges") if isinstance(graph, dict) else ():
            size = len(graph[part]) if isinstance(graph.get(part), list | tuple) else 0
            limit = MAX_NODES if part == "nodes" else 5 * MAX_NODES
            if size > limit:
                raise DocumentError([_problem(None, f"{name} has {size:,} {part}; {limit:,} is the limit.")])
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise DocumentError(list(itertools.islice(_validation_problems(error, data), MAX_REPORTED))) from None


def _problem(node: str | None, message: str, code: str = "N002", category: str = "file") -> Problem:
    return Problem(code, "error", node, message, category=category)


def _validation_problems(error: ValidationError, data: dict[str, Any]) -> Iterator[Problem]:
    """Pydantic's errors, grouped by the part of the document they are in, each naming the node where there is one."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for item in error.errors(include_url=False)[: 2 * MAX_REPORTED]:
        place = tuple(item["loc"])
        depth = _depth(place)
        groups.setdefault(place[:depth], []).append({**item, "loc": place[depth:]})
    for place, items in groups.items():
        part = next((key for key in reversed(place) if key in _KNOWN), None)
        for text in _texts(items, _KNOWN[part] if part else Document.model_fields):
            node, where = _where(place, data)
            yield _problem(node, f"{where}{text}")


_KNOWN: dict[Any, Any] = {"nodes": Node.model_fields, "edges": Edge.model_fields, "blocks": Block.model_fields,
                          "layout": ()}  # fmt: skip


def _depth(place: tuple[Any, ...]) -> int:
    """How many steps lead to the smallest part of the document that has a name or a number of its own."""
    if place[:1] == ("blocks",) and len(place) > 3 and place[2] in ("nodes", "edges", "layout"):
        return 4
    return 2 if place[:1] in (("nodes",), ("edges",), ("blocks",), ("layout",)) and len(place) > 1 else 0


def _texts(items: list[Any], known: Any) -> list[str]:
    class _Items:
        @staticmethod
        def errors(include_url: bool) -> list[Any]:
            return items

    return list(sentences(_Items(), known).values())  # type: ignore[arg-type]


def _where(place: tuple[Any, ...], data: dict[str, Any]) -> tuple[str | None, str]:
    if not place:
        return None, ""
    part, index = place[:2]
    item = data[part][index] if part == "nodes" else None
    if isinstance(item, dict) and isinstance(item.get("name"), str):
        return item["name"][:64], ""
    called = ""
    if part == "blocks" and len(place) == 4 and place[2] == "nodes":
        name = data[part][index][place[2]][place[3]]
        called = f" ({clip(name['name'])})" if isinstance(name, dict) and isinstance(name.get("name"), str) else ""
    return None, f"{part}{''.join(f'[{clip(key)}]' for key in place[1:])}{called}: "


def problems(document: Document) -> list[Problem]:
    """Everything about nodes and edges that keeps a document from being read, at most the first hundred."""
    found: list[Problem] = []
    for source in (_name_problems, _node_problems, _edge_problems, _layout_problems):
        found.extend(itertools.islice(source(document), MAX_REPORTED - len(found)))
    if document.blocks or document.composites:
        found.extend(itertools.islice(_block_problems(document), MAX_REPORTED - len(found)))
    return found


def _name_problems(graph: Graph) -> Iterator[Problem]:
    for name, times in Counter(node.name for node in graph.nodes).items():
        if times > 1:
            yield _problem(name, f"{times} nodes are called {name!r}: every node needs a name of its own.")


def _node_problems(graph: Graph) -> Iterator[Problem]:
    """Unknown types and wrong parameters: refused on loading, listed by check for a document made in memory."""
    for node in graph.nodes:
        if node.type not in CATALOGUE:
            message = f"There is no layer type {node.type!r}.{did_you_mean(node.type, CATALOGUE)}"
            yield _problem(node.name, message, "N101", "type")
            continue
        try:
            node.spec  # noqa: B018  (validates and keeps the result)
        except ValidationError as error:
            for message in sentences(error, CATALOGUE[node.type].model_fields).values():
                yield _problem(node.name, message, "N102", "parameter")


def _edge_problems(graph: Graph) -> Iterator[Problem]:
    for edge in graph.edges:
        for end, name in (("starts at", edge.source), ("leads to", edge.target)):
            if name not in graph.by_name:
                wire = f"{edge.source[:64]} → {edge.target[:64]}"
                message = f"The edge {wire} {end} {clip(name)}, which is no node."
                yield _problem(None, message + did_you_mean(name, graph.by_name), "N103", "wiring")


def _layout_problems(graph: Document | Block) -> Iterator[Problem]:
    for name in graph.layout:
        if name not in graph.by_name:
            yield _problem(None, f"The layout places {clip(name)}, which is no node.")


def _network_problems(block: Block) -> Iterator[Problem]:
    for node in block.nodes:
        if node.network != MAIN:
            message = f"A node in a block is in the network that the block is used in: leave out {node.network!r}."
            yield _problem(node.name, message)


def _block_problems(document: Document) -> Iterator[Problem]:
    """The same in every block, names of blocks, and what keeps a block from being expanded."""
    uses = first_uses(document)
    for name, block in document.blocks.items():
        complaint = name_complaint(name)
        if complaint:
            yield _problem(None, f"A block: {complaint}")
            continue
        sources = (_name_problems, _node_problems, _edge_problems, _layout_problems, _network_problems)
        for found in itertools.chain.from_iterable(source(block) for source in sources):
            yield _inside(found, name, uses)
    for block_name, node, message in expansion(document).troubles:
        if block_name is None:
            yield _problem(node, message, "N104", "block")
        elif node is None:
            yield _problem(None, f"The block {clip(block_name)} {message}", "N104", "block")
        else:
            yield _inside(_problem(node, message, "N104", "block"), block_name, uses)


def _inside(problem: Problem, block: str, uses: Mapping[str, str]) -> Problem:
    """The problem of a block's own node, told at the first use of the block; of an unused one, told by name."""
    where = f"In the block {block}"
    if problem.node is None or block not in uses:
        where += f", {problem.node}" if problem.node else ""
        return replace(problem, node=None, message=f"{where}: {problem.message}")
    return replace(problem, node=f"{uses[block]}.{problem.node}", message=f"{where}: {problem.message}")
