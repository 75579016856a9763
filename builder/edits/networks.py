"""Edits of networks: which of a document's networks nodes belong to. A GAN has two on one canvas."""

from __future__ import annotations

from dataclasses import dataclass

from builder.document import Document
from builder.document.graph import connected
from builder.document.model import name_complaint
from builder.edits.base import Edit
from builder.edits.validation import existing
from builder.problems import EditError


@dataclass(frozen=True)
class SetNetwork(Edit):
    """Puts nodes into a network of that name, a new one where there is none yet.

    What is wired to them, or shares their weights, goes along: no wire joins two networks.
    """

    names: tuple[str, ...]
    network: str

    def apply(self, document: Document) -> Document:
        complaint = name_complaint(self.network)
        if complaint:
            raise EditError(f"The name of a network: {complaint}")
        moving = connected(document, [existing(document, name).name for name in self.names])
        if all(document.node(name).network == self.network for name in moving):
            return document
        return document.changed(
            nodes=tuple(
                node.model_copy(update={"network": self.network}) if node.name in moving else node
                for node in document.nodes
            )
        )
