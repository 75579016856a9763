"""Arranges nodes on the canvas: layers from left to right, wrapped into rows so that the text stays readable."""

from __future__ import annotations

from collections import defaultdict

from builder.document.graph import apart, incoming, networks, order
from builder.document.model import Graph

COLUMN, ROW, ROW_GAP = 190.0, 92.0, 44.0  # pixels between columns, between nodes of a column, and between rows
LANE = 56.0  # how far a node makes way for a wire that passes over it
NETWORK_GAP = 12.0  # more room between two networks: each has its name above it


def arrange(document: Graph, columns: int = 4) -> dict[str, tuple[float, float]]:
    """Canvas position of every node of a document or a block; several networks stand one above the other.

    A node stands right of all that feed it; after `columns` columns a row ends.
    """
    if len(networks(document)) < 2:
        return _rows(document, columns)[0]
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    for network in apart(document).values():
        lane, height = _rows(network, columns)
        places |= {node: (x, y + top) for node, (x, y) in lane.items()}
        top += height + NETWORK_GAP
    return places


def _rows(document: Graph, columns: int) -> tuple[dict[str, tuple[float, float]], float]:
    """The places of the nodes of one network, and how far down they reach."""
    level = _levels(document)
    by_level: dict[int, list[str]] = defaultdict(list)
    for name in dict.fromkeys([*order(document), *document.by_name]):
        by_level[level[name]].append(name)
    passed = _passed(document, level, columns)
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    levels = sorted(by_level)
    for start in range(0, len(levels), columns):
        row = levels[start : start + columns]
        height = max(len(by_level[index]) for index in row) * ROW
        for column, index in enumerate(row):
            names = by_level[index]
            offset = top + (height - len(names) * ROW) / 2 + (LANE if index in passed else 0.0)
            for line, name in enumerate(names):
                places[name] = (column * COLUMN, offset + line * ROW)
        top += height + ROW_GAP + (LANE if passed.intersection(row) else 0.0)
    return places, top


def _passed(document: Graph, level: dict[str, int], columns: int) -> set[int]:
    """The levels that a wire within one row passes over: a skip connection would be hidden behind their nodes."""
    return {
        between
        for edge in document.edges
        if level[edge.source] // columns == level[edge.target] // columns
        for between in range(level[edge.source] + 1, level[edge.target])
    }


def _levels(document: Graph) -> dict[str, int]:
    """Longest distance from a source; nodes in or behind a cycle stand at the end."""
    into = incoming(document)
    level: dict[str, int] = {}
    for name in order(document):
        level[name] = 1 + max((level.get(edge.source, -1) for edge in into.get(name, [])), default=-1)
    last = 1 + max(level.values(), default=-1)
    for node in document.nodes:
        level.setdefault(node.name, last)
    return level
