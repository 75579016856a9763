"""What makes a file a valid document: keys, names, types, parameters, edges and limits."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from builder.catalogue import CATALOGUE, instead_of
from builder.document.blocks import MAX_WIRES, expansion, first_uses
from builder.document.lesson import EXPECTATIONS, LESSON_KINDS, Lesson, LessonStep
from builder.document.model import MAIN, MAX_NODES, Block, Document, Edge, Graph, Node, name_complaint
from builder.problems import DocumentError, Problem
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences

MAX_REPORTED = 100


def read(data: dict[str, Any]) -> Document:
    """A dictionary → Document. DocumentError lists every key that is missing, unknown or of the wrong type."""
    blocks = data.get("blocks")
    inner = blocks.items() if isinstance(blocks, dict) else ()
    for name, graph in [("It", data), *((f"The block {clip(name)}", item) for name, item in inner)]:
        for part in ("nodes", "edges") if isinstance(graph, dict) else ():
            size = len(graph[part]) if isinstance(graph.get(part), list | tuple) else 0
            limit = MAX_NODES if part == "nodes" else MAX_WIRES
            if size > limit:
                raise DocumentError([_problem(None, f"{name} has {size:,} {part}; {limit:,} is the limit.")])
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise DocumentError(list(itertools.islice(_validation_problems(error, data), MAX_REPORTED))) from None


def _problem(node: str | None, message: str, code: str = "N002", category: str = "file") -> Problem:
    return Problem(code, "error", node, message, category=category)


def _validation_problems(error: ValidationError, data: dict[str, Any]) -> Iterator[Problem]:
    """Pydantic's errors, grouped by the part of the document that they are in; each names the node if there is one."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    kinds: dict[tuple[Any, ...], Any] = {}  # of the claims of a lesson
    for item in error.errors(include_url=False)[: 2 * MAX_REPORTED]:
        path = tuple(item["loc"])
        if path[:1] == ("lesson",) and path[1:2] and path[1] in LESSON_KINDS:
            path = ("lesson", *path[2:])
        kind = path[5] if path[0] == "lesson" and path[3:4] == ("expect",) and len(path) > 5 else None
        path = (*path[:5], *path[6:]) if kind else path  # the tag of a claim is no key of the document
        depth = _depth(path)
        kinds[path[:depth]] = kind
        groups.setdefault(path[:depth], []).append({**item, "loc": path[depth:]})
    for path, items in groups.items():
        part = kinds[path] or next((key for key in reversed(path) if key in _FIELDS), None)
        for text in sentences(items, _FIELDS[part] if part else Document.model_fields).values():
            node, where = _where(path, data)
            yield _problem(node, f"{where}{text}")


_FIELDS: dict[Any, Any] = {
    "nodes": Node.model_fields,
    "edges": Edge.model_fields,
    "blocks": Block.model_fields,
    "layout": (),
    "lesson": Lesson.model_fields,
    "steps": LessonStep.model_fields,
    **{kind: claim.model_fields for kind, claim in EXPECTATIONS.items()},
}


def _depth(path: tuple[Any, ...]) -> int:
    """How many keys of the path lead to the smallest part of the document that has a name or an index."""
    if path[:1] == ("blocks",) and len(path) > 3 and path[2] in ("nodes", "edges", "layout"):
        return 4
    if path[:1] == ("lesson",):
        return min(len(path) - 1, 5)  # lesson, steps, an index, expect, an index
    return 2 if path[:1] in (("nodes",), ("edges",), ("blocks",), ("layout",)) and len(path) > 1 else 0


def _where(path: tuple[Any, ...], data: dict[str, Any]) -> tuple[str | None, str]:
    """The node with the error, or None and the path as text: 'edges[3]: '."""
    if not path:
        return None, ""
    if path[0] == "lesson":
        return None, f"{''.join(f'[{key}]' if isinstance(key, int) else f'.{key}' for key in path).lstrip('.')}: "
    part, index = path[:2]
    item = data[part][index] if part == "nodes" else None
    if isinstance(item, dict) and isinstance(item.get("name"), str):
        return item["name"][:64], ""
    name = ""
    if part == "blocks" and len(path) == 4 and path[2] == "nodes":
        node = data[part][index][path[2]][path[3]]
        name = f" ({clip(node['name'])})" if isinstance(node, dict) and isinstance(node.get("name"), str) else ""
    return None, f"{part}{''.join(f'[{clip(key)}]' for key in path[1:])}{name}: "


def problems(document: Document) -> list[Problem]:
    """Everything wrong with nodes, edges and blocks for which loading refuses a document, at most the first hundred."""
    found: list[Problem] = []
    for source in (_name_problems, _node_problems, _edge_problems, _layout_problems):
        found.extend(itertools.islice(source(document), MAX_REPORTED - len(found)))
    if document.blocks or document.composites:
        found.extend(itertools.islice(_block_problems(document), MAX_REPORTED - len(found)))
    return found


def _name_problems(graph: Graph) -> Iterator[Problem]:
    for name, times in Counter(node.name for node in graph.nodes).items():
        if times > 1:
            yield _problem(name, f"{times} nodes have the name {name!r}: names must be unique.")


def _node_problems(graph: Graph) -> Iterator[Problem]:
    """Unknown types and wrong parameters: loading refuses them; a check reports them for a document made in memory."""
    for node in graph.nodes:
        if node.type not in CATALOGUE:
            message = f"There is no layer type {node.type!r}.{instead_of(node.type)}"
            yield _problem(node.name, message, "N101", "type")
            continue
        try:
            node.spec  # noqa: B018  (validates the parameters and caches the result)
        except ValidationError as error:
            layer = CATALOGUE[node.type]
            for message in sentences(error, layer.model_fields, layer.inferred_names()).values():
                yield _problem(node.name, message, "N102", "parameter")


def _edge_problems(graph: Graph) -> Iterator[Problem]:
    for edge in graph.edges:
        for end, name in (("starts at", edge.source), ("leads to", edge.target)):
            if name not in graph.by_name:
                wire = f"{edge.source[:64]} → {edge.target[:64]}"
                message = f"The edge {wire} {end} {clip(name)}, but there is no node with that name."
                yield _problem(None, message + did_you_mean(name, graph.by_name), "N103", "wiring")


def _layout_problems(graph: Document | Block) -> Iterator[Problem]:
    for name in graph.layout:
        if name not in graph.by_name:
            yield _problem(None, f"The layout has a position for {clip(name)}, but there is no node with that name.")


def _network_problems(block: Block) -> Iterator[Problem]:
    for node in block.nodes:
        if node.network != MAIN:
            message = (
                f"A node in a block belongs to the network of the block's use: remove the network {node.network!r}."
            )
            yield _problem(node.name, message)


def _block_problems(document: Document) -> Iterator[Problem]:
    """The same problems inside every block, wrong names of blocks, and blocks that cannot be expanded."""
    uses = first_uses(document)
    for name, block in document.blocks.items():
        complaint = name_complaint(name)
        if complaint:
            yield _problem(None, f"A block: {complaint}")
            continue
        sources = (_name_problems, _node_problems, _edge_problems, _layout_problems, _network_problems)
        for found in itertools.chain.from_iterable(source(block) for source in sources):
            yield _inside(found, name, uses)
    for block_name, node, message in expansion(document).problems:
        if block_name is None:
            yield _problem(node, message, "N104", "block")
        elif node is None:
            yield _problem(None, f"The block {clip(block_name)} {message}", "N104", "block")
        else:
            yield _inside(_problem(node, message, "N104", "block"), block_name, uses)


def _inside(problem: Problem, block: str, uses: Mapping[str, str]) -> Problem:
    """The problem of a node in a block, reported at the first use of the block, or without a node if it is unused."""
    where = f"In the block {block}"
    if problem.node is None or block not in uses:
        where += f", {problem.node}" if problem.node else ""
        return replace(problem, node=None, message=f"{where}: {problem.message}")
    return replace(problem, node=f"{uses[block]}.{problem.node}", message=f"{where}: {problem.message}")
