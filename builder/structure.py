"""What a file must satisfy to be a document at all: keys, names, types, parameters, edges, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from builder.document import MAX_NODES, Document, Edge, Node
from builder.problems import DocumentError, Problem
from builder.registry import did_you_mean
from builder.wording import sentences

MAX_REPORTED = 100


def read(data: dict[str, Any]) -> Document:
    """A dictionary → Document. DocumentError lists every key that is missing, unknown or of the wrong kind."""
    for part in ("nodes", "edges"):
        size = len(data[part]) if isinstance(data.get(part), list | tuple) else 0
        limit = MAX_NODES if part == "nodes" else 5 * MAX_NODES
        if size > limit:
            raise DocumentError([_problem(None, f"It has {size:,} {part}; a document may have {limit:,} at most.")])
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise DocumentError(list(_validation_problems(error, data))[:MAX_REPORTED]) from None


def _problem(node: str | None, message: str, code: str = "N002", category: str = "file") -> Problem:
    return Problem(code, "error", node, message, category=category)


def _validation_problems(error: ValidationError, data: dict[str, Any]) -> Iterator[Problem]:
    """Pydantic's errors, grouped by the part of the document they are in, each naming the node where there is one."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for item in error.errors(include_url=False):
        place = tuple(item["loc"])
        depth = 2 if place and place[0] in ("nodes", "edges") and len(place) > 2 else 0
        inner = {**item, "loc": place[depth:]}
        groups.setdefault(place[:depth], []).append(inner)
    for place, items in groups.items():
        part = str(place[0]) if place else ""
        known = {"nodes": Node.model_fields, "edges": Edge.model_fields}.get(part, Document.model_fields)
        for text in _texts(items, known):
            node, where = _where(place, data)
            yield _problem(node, f"{where}{text}")


def _texts(items: list[Any], known: Any) -> list[str]:
    class _Items:
        @staticmethod
        def errors(include_url: bool) -> list[Any]:
            return items

    return list(sentences(_Items(), known).values())  # type: ignore[arg-type]


def _where(place: tuple[Any, ...], data: dict[str, Any]) -> tuple[str | None, str]:
    if not place:
        return None, ""
    part, index = place
    item = data[part][index]
    if part == "nodes" and isinstance(item, dict) and isinstance(item.get("name"), str):
        return item["name"][:64], ""
    return None, f"{part}[{index}]: "


def problems(document: Document) -> list[Problem]:
    """Everything about nodes and edges that keeps a document from being read, at most the first hundred."""
    found: list[Problem] = []
    for source in (_name_problems, node_problems, _edge_problems, _layout_problems):
        found.extend(source(document))
        if len(found) > MAX_REPORTED:
            break
    return found[:MAX_REPORTED]


def _name_problems(document: Document) -> Iterator[Problem]:
    for name, times in Counter(node.name for node in document.nodes).items():
        if times > 1:
            yield _problem(name, f"{times} nodes are called {name!r}: every node needs a name of its own.")


def node_problems(document: Document) -> Iterator[Problem]:
    """Unknown types and wrong parameters: refused on loading, listed by check for a document made in memory."""
    from builder import CATALOGUE

    for node in document.nodes:
        if node.type not in CATALOGUE:
            message = f"There is no layer type {node.type!r}.{did_you_mean(node.type, CATALOGUE)}"
            yield _problem(node.name, message, "N101", "type")
            continue
        try:
            node.spec  # noqa: B018  (validates and keeps the result)
        except ValidationError as error:
            for message in sentences(error, CATALOGUE[node.type].model_fields).values():
                yield _problem(node.name, message, "N102", "parameter")


def _edge_problems(document: Document) -> Iterator[Problem]:
    for edge in document.edges:
        for end, name in (("starts at", edge.source), ("leads to", edge.target)):
            if name not in document.by_name:
                message = f"The edge {edge.source} → {edge.target} {end} {name!r}, which is no node."
                yield _problem(None, message + did_you_mean(name, document.by_name), "N103", "wiring")


def _layout_problems(document: Document) -> Iterator[Problem]:
    for name in document.layout:
        if name not in document.by_name:
            yield _problem(None, f"The layout places {name[:70]!r}, which is no node.")
