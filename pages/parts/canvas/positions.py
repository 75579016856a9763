"""A place on the canvas for every node of a document, those inside its blocks, too."""

from __future__ import annotations

from builder.document import Document
from builder.document.blocks import closed, opened
from builder.document.layout import arrange
from builder.document.model import Layout


def placed(document: Document) -> Document:
    """The document with a place for every node; those that have one keep it."""
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
    extra = {name: (190.0 * (index % 4), bottom + 100.0 * (1 + index // 4)) for index, name in enumerate(missing)}
    return {**document.layout, **extra}
