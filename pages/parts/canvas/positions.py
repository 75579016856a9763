"""The positions of nodes on the canvas: every node of a document has one, also those inside its blocks."""

from __future__ import annotations

from builder.document import Document
from builder.document.blocks import closed, opened
from builder.document.layout import arrange
from builder.document.model import Layout

Position = tuple[float, float]


def with_positions(document: Document) -> Document:
    """The document with a position for every node; nodes that have one keep it."""
    layout = _layout(document)
    if layout is not document.layout:
        document = document.changed(layout=layout)
    for name, block in document.blocks.items():
        inside = opened(document, name)
        layout = _layout(inside)
        if layout is not block.layout:
            document = closed(document, name, inside.changed(layout=layout))
    return document


def _layout(document: Document) -> Layout:
    missing = [node.name for node in document.nodes if node.name not in document.layout]
    if not missing:
        return document.layout
    if len(missing) == len(document.nodes):
        return arrange(document)
    bottom = max(y for _, y in document.layout.values())
    added = {name: (190.0 * (index % 4), bottom + 100.0 * (1 + index // 4)) for index, name in enumerate(missing)}
    return {**document.layout, **added}
