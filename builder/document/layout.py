"""Arranges nodes on the canvas: from left to right, wrapped into rows so that the text stays readable."""

from __future__ import annotations

from collections import defaultdict

from builder.document.graph import graphs_by_network, incoming, networks, order
from builder.document.model import Graph

COLUMN, ROW, ROW_GAP = 190.0, 92.0, 44.0  # pixels between columns, between nodes of a column, and between rows
LANE = 56.0  # how far a node moves down if an edge passes above it
NETWORK_GAP = 12.0  # added between two networks: each has its name above it


def arrange(document: Graph, columns: int = 4) -> dict[str, tuple[float, float]]:
    """Canvas position of every node of a document or a block; several networks are placed one above the other.

    A node is to the right of its inputs; after `columns` columns a new row begins.
    """
    if len(networks(document)) < 2:
        return _rows(document, columns)[0]
    positions: dict[str, tuple[float, float]] = {}
    top = 0.0
    for network in graphs_by_network(document).values():
        rows, height = _rows(network, columns)
        positions |= {node: (x, y + top) for node, (x, y) in rows.items()}
        top += height + NETWORK_GAP
    return positions


def _rows(document: Graph, columns: int) -> tuple[dict[str, tuple[float, float]], float]:
    """The positions of the nodes of one network, and their height in total."""
    level = _levels(document)
    by_level: dict[int, list[str]] = defaultdict(list)
    for name in dict.fromkeys([*order(document), *document.by_name]):
        by_level[level[name]].append(name)
    passed = _passed(document, level, columns)
    positions: dict[str, tuple[float, float]] = {}
    top = 0.0
    levels = sorted(by_level)
    for start in range(0, len(levels), columns):
        row = levels[start : start + columns]
        height = max(len(by_level[index]) for index in row) * ROW
        for column, index in enumerate(row):
            names = by_level[index]
            offset = top + (height - len(names) * ROW) / 2 + (LANE if index in passed else 0.0)
            for line, name in enumerate(names):
                positions[name] = (column * COLUMN, offset + line * ROW)
        top += height + ROW_GAP + (LANE if passed.intersection(row) else 0.0)
    return positions, top


def _passed(document: Graph, level: dict[str, int], columns: int) -> set[int]:
    """The levels that an edge within one row passes: a skip connection would be hidden behind their nodes."""
    return {
        between
        for edge in document.edges
        if level[edge.source] // columns == level[edge.target] // columns
        for between in range(level[edge.source] + 1, level[edge.target])
    }


def _levels(document: Graph) -> dict[str, int]:
    """Longest path from a node without inputs; nodes in or behind a cycle are last."""
    into = incoming(document)
    level: dict[str, int] = {}
    for name in order(document):
        level[name] = 1 + max((level.get(edge.source, -1) for edge in into.get(name, [])), default=-1)
    last = 1 + max(level.values(), default=-1)
    for node in document.nodes:
        level.setdefault(node.name, last)
    return level
