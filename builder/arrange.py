"""Arranges nodes on the canvas: layers from left to right, wrapped into rows so that the text stays readable."""

from __future__ import annotations

from collections import defaultdict

from builder.document import Document
from builder.graph import incoming, order

COLUMN, ROW, ROW_GAP = 190.0, 92.0, 44.0  # pixels between columns, between nodes of a column, and between rows


def arrange(document: Document, columns: int = 4) -> dict[str, tuple[float, float]]:
    """Canvas position of every node. A node stands right of all that feed it; after `columns` columns a row ends."""
    level = _levels(document)
    by_level: dict[int, list[str]] = defaultdict(list)
    for name in [*order(document), *(node.name for node in document.nodes)]:
        if name not in by_level[level[name]]:
            by_level[level[name]].append(name)
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    levels = sorted(by_level)
    for start in range(0, len(levels), columns):
        row = levels[start : start + columns]
        height = max(len(by_level[index]) for index in row)
        for column, index in enumerate(row):
            names = by_level[index]
            offset = (height - len(names)) * ROW / 2
            for line, name in enumerate(names):
                places[name] = (column * COLUMN, top + offset + line * ROW)
        top += height * ROW + ROW_GAP
    return places


def _levels(document: Document) -> dict[str, int]:
    """Longest distance from a source; nodes in or behind a cycle stand at the end."""
    into = incoming(document)
    level: dict[str, int] = {}
    for name in order(document):
        level[name] = 1 + max((level.get(edge.source, -1) for edge in into.get(name, [])), default=-1)
    last = 1 + max(level.values(), default=-1)
    for node in document.nodes:
        level.setdefault(node.name, last)
    return level
