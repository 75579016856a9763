"""Edits of blocks: inside a block, its name, removing it. fold.py makes a block from nodes and unpacks it again."""

from __future__ import annotations

from dataclasses import dataclass

from builder.document import MAIN, Block, Document, Graph, Node
from builder.document.blocks import check_expandable, closed, opened
from builder.document.model import name_complaint
from builder.edits.base import Edit
from builder.edits.validation import with_params
from builder.problems import EditError
from builder.registry import did_you_mean


@dataclass(frozen=True)
class InBlock(Edit):
    """Applies an edit inside a block, and so to every node that uses it.

    If an Input is renamed, the edges into those nodes are renamed too; if it is removed, they are removed.
    """

    block: str
    edit: Edit

    def apply(self, document: Document) -> Document:
        known_block(document, self.block)
        if isinstance(self.edit, RenameBlock | RemoveBlock):
            return self.edit.apply(document)  # blocks belong to the document, not to the block they are used in
        inner = opened(document, self.block)
        edited = self.edit.apply(inner)
        if any(getattr(inner, name) != getattr(edited, name) for name in ("name", "lesson", "training")):
            raise EditError("A block has no name, lesson or training: these belong to the document.")
        if any(node.network != MAIN for node in edited.nodes):
            raise EditError("Nodes in a block belong to the network of the block's use and cannot have another one.")
        after = closed(document, self.block, edited)
        check_expandable(document, after)
        return after


@dataclass(frozen=True)
class RenameBlock(Edit):
    """Gives a block another name; the nodes that use it are changed too."""

    old: str
    new: str

    def apply(self, document: Document) -> Document:
        known_block(document, self.old)
        if self.old == self.new:
            return document
        check_new_block(document, self.new)
        blocks = {
            self.new if name == self.old else name: Block.model_construct(
                nodes=self._nodes(block), edges=block.edges, layout=block.layout, description=block.description
            )
            for name, block in document.blocks.items()
        }
        return document.changed(nodes=self._nodes(document), blocks=blocks)

    def _nodes(self, graph: Graph) -> tuple[Node, ...]:
        return tuple(
            with_params(node, {**node.params, "block": self.new})
            if node.use is not None and node.use.block == self.old
            else node
            for node in graph.nodes
        )


@dataclass(frozen=True)
class RemoveBlock(Edit):
    """Removes a block that no node uses."""

    name: str

    def apply(self, document: Document) -> Document:
        known_block(document, self.name)
        users = [node for node, use in document.composites.items() if use.block == self.name]
        users += [
            f"{node} (in the block {name})"
            for name, block in document.blocks.items()
            for node, use in block.composites.items()
            if use.block == self.name
        ]
        if users:
            raise EditError(f"The block {self.name} is used by {', '.join(users[:5])}. Remove or unpack them first.")
        return document.changed(blocks={name: block for name, block in document.blocks.items() if name != self.name})


def known_block(document: Document, name: str) -> Block:
    """The block with that name. EditError: there is none; similar names are listed."""
    if name not in document.blocks:
        raise EditError(f"There is no block {name!r}.{did_you_mean(name, document.blocks)}")
    return document.blocks[name]


def check_new_block(document: Document, name: str) -> None:
    """EditError: a new block cannot have this name."""
    complaint = name_complaint(name)
    if complaint:
        raise EditError(complaint)
    if name in document.blocks:
        raise EditError(f"There is already a block {name!r}: names must be unique.")
