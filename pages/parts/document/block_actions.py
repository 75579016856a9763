"""The edits of blocks: make one from the selection, open and leave it, use it again, unpack it."""

from __future__ import annotations

import re

from builder.catalogue import type_with_role
from builder.document import Document
from builder.document.layout import arrange
from builder.edits import (
    Edit,
    MakeBlock,
    Move,
    RemoveBlock,
    RenameBlock,
    Restore,
    SetParams,
    Together,
    Unpack,
    fresh_name,
)
from builder.problems import EditError
from pages.parts.canvas.positions import Position
from pages.parts.document import actions
from pages.parts.document.session import Session
from pages.parts.theme.theme import NODE_HEIGHT, NODE_WIDTH


def block_name(session: Session, wanted: str = "block") -> str:
    """A free name for a new block: 'block', 'block2', …"""
    stem = re.sub(r"\d+$", "", wanted)[:56] or "block"
    taken, number, name = session.document.blocks, 2, wanted
    while name in taken:
        name, number = f"{stem}{number}", number + 1
    return name


def why_no_block(session: Session, nodes: tuple[str, ...]) -> str | None:
    """Why no block can be made of these nodes, as a sentence; None if one can be made."""
    try:
        _make_edit(session, nodes, block_name(session)).apply(session.document)
    except EditError as error:
        return str(error)
    return None


def make_block(session: Session, nodes: list[str], name: str = "") -> None:
    """Make a block of nodes on the canvas; the node that replaces them is selected."""
    block = name or block_name(session)
    edit = _make_edit(session, tuple(nodes), block)
    before = set(session.graph.by_name)
    if session.apply(edit, f"Make the block {block}"):
        session.select(*(name for name in session.graph.by_name if name not in before))


def _make_edit(session: Session, nodes: tuple[str, ...], block: str) -> Edit:
    return session.here(MakeBlock(nodes, block, fresh_name(session.graph, block)))


def open_block(session: Session, node: str, repeat: int = 0) -> None:
    """Show the inside of a node that stands for a block."""
    use = session.graph.composites.get(node)
    if use is None:
        return
    if use.block not in session.document.blocks:
        session.notify(f"There is no block {use.block!r} in this document.", "warning")
        return
    session.open_path(session.path.into(node, min(repeat, use.repeat - 1)))


def leave_block(session: Session, levels: int = 1) -> None:
    """Leave the open block; the node that was open is selected."""
    steps = session.path.steps
    if steps:
        levels = min(levels, len(steps))
        session.open_path(session.path.up(levels), steps[-levels][0])
    else:
        session.select()


def use_block(session: Session, block: str, position: Position | None = None) -> None:
    """Add one more use of a block to the canvas."""
    if block in session.document.blocks:
        actions.add(session, type_with_role("block"), position, {"block": block})


def unpack(session: Session, node: str) -> None:
    """Replace a node that stands for a block by the nodes of the block."""
    before = set(session.graph.by_name)
    edit: Edit = Unpack(node)
    try:
        after = edit.apply(session.graph)
    except EditError as error:
        session.notify(str(error), "warning")
        return
    made = tuple(name for name in after.by_name if name not in before)
    overlap = _overlap(after, made)
    if overlap:
        edit = Together((edit, Move(arrange(after))))
    if session.edit(edit, f"Unpack {node}"):
        session.select(*made)
        if overlap:
            session.move_view("open")


def _overlap(document: Document, names: tuple[str, ...]) -> bool:
    """Whether one of these nodes covers another."""
    positions = list(document.layout.items())
    return any(
        other != name and abs(x - left) < NODE_WIDTH and abs(y - top) < NODE_HEIGHT
        for name in names
        for x, y in [document.layout.get(name, (1e9, 1e9))]
        for other, (left, top) in positions
    )


def make_own(session: Session, node: str) -> None:
    """Give one use a copy of the block, so that it can differ from the other uses."""
    use = session.graph.composites[node]
    name = block_name(session, use.block)
    params = {**session.graph.node(node).params, "block": name}
    blocks = {**session.document.blocks, name: session.document.blocks[use.block]}
    edit = Together((Restore({"blocks": blocks}), session.here(SetParams(node, params))))
    session.apply(edit, f"Copy the block for {node}")


def set_block(session: Session, node: str, block: str) -> None:
    """Make a node stand for another block."""
    session.edit(SetParams(node, {**session.graph.node(node).params, "block": block}), f"Use {block} for {node}")


def rename(session: Session, old: str, new: str) -> str | None:
    """Rename a block everywhere. Returns a sentence where the name is refused."""
    try:
        RenameBlock(old, new).apply(session.document)
    except EditError as error:
        return str(error)
    session.apply(RenameBlock(old, new), f"Rename the block {old} to {new}")
    return None


def remove(session: Session, block: str) -> None:
    """Remove a block that is not used from the document."""
    session.apply(RemoveBlock(block), f"Remove the block {block}")
