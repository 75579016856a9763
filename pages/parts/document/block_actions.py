"""What a person does with blocks: make one of a selection, open it and come back, use it again, take it apart."""

from __future__ import annotations

import re

from builder.document import Block, Document
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
from builder.spec import type_with_role
from pages.parts.document import actions
from pages.parts.document.block_path import uses
from pages.parts.document.session import Session
from pages.parts.theme.theme import NODE_HEIGHT, NODE_WIDTH

Place = tuple[float, float]


def block_name(session: Session, wanted: str = "block") -> str:
    """A free name for a new block: 'block', 'block2', …"""
    stem = re.sub(r"\d+$", "", wanted)[:56] or "block"
    taken, number, name = session.document.blocks, 2, wanted
    while name in taken:
        name, number = f"{stem}{number}", number + 1
    return name


def why_no_block(session: Session, nodes: tuple[str, ...]) -> str | None:
    """Why these nodes cannot become a block, as a sentence, or None if they can."""
    try:
        _making(session, nodes, block_name(session)).apply(session.document)
    except EditError as error:
        return str(error)
    return None


def make_block(session: Session, nodes: list[str], name: str = "") -> None:
    """Make a block of nodes on the canvas; what stands there in their place is selected."""
    block = name or block_name(session)
    edit = _making(session, tuple(nodes), block)
    before = set(session.scene.by_name)
    if session.apply(edit, f"Make the block {block}"):
        session.select(*(made for made in session.scene.by_name if made not in before))


def _making(session: Session, nodes: tuple[str, ...], block: str) -> Edit:
    return session.here(MakeBlock(nodes, block, fresh_name(session.scene, block)))


def open_block(session: Session, node: str, repeat: int = 0) -> None:
    """Show what is inside a node that stands for a block."""
    use = session.scene.composites.get(node)
    if use is None:
        return
    if use.block not in session.document.blocks:
        session.say(f"There is no block {use.block!r} in this document.", "warning")
        return
    session.go(session.place.into(node, min(repeat, use.repeat - 1)))


def leave_block(session: Session, levels: int = 1) -> None:
    """Go back out, with the node selected that was open."""
    steps = session.place.steps
    if steps:
        levels = min(levels, len(steps))
        session.go(session.place.up(levels), steps[-levels][0])
    else:
        session.select()


def use_block(session: Session, block: str, place: Place | None = None) -> None:
    """Put one more use of a block on the canvas."""
    if block in session.document.blocks:
        actions.add(session, type_with_role("block"), place, {"block": block})


def unpack(session: Session, node: str) -> None:
    """Put what a node stands for on the canvas, in its place."""
    before = set(session.scene.by_name)
    edit: Edit = Unpack(node)
    try:
        after = edit.apply(session.scene)
    except EditError as error:
        session.say(str(error), "warning")
        return
    made = tuple(name for name in after.by_name if name not in before)
    crowded = _overlap(after, made)
    if crowded:
        edit = Together((edit, Move(arrange(after))))
    if session.edit(edit, f"Unpack {node}"):
        session.select(*made)
        if crowded:
            session.ask_view("open")


def _overlap(document: Document, names: tuple[str, ...]) -> bool:
    """Whether one of these nodes lies on another."""
    places = list(document.layout.items())
    return any(
        other != name and abs(x - left) < NODE_WIDTH and abs(y - top) < NODE_HEIGHT
        for name in names
        for x, y in [document.layout.get(name, (1e9, 1e9))]
        for other, (left, top) in places
    )


def make_own(session: Session, node: str) -> None:
    """Give one use a block of its own, a copy, so that it can differ from the others."""
    use = session.scene.composites[node]
    name = block_name(session, use.block)
    params = {**session.scene.node(node).params, "block": name}
    blocks = {**session.document.blocks, name: session.document.blocks[use.block]}
    edit = Together((Restore({"blocks": blocks}), session.here(SetParams(node, params))))
    session.apply(edit, f"Make a block of its own for {node}")


def take_block(session: Session, node: str, block: str) -> None:
    """Let a node stand for another block."""
    session.edit(SetParams(node, {**session.scene.node(node).params, "block": block}), f"Take {block} for {node}")


def rename(session: Session, old: str, new: str) -> str | None:
    """Give a block another name everywhere. A sentence where it cannot have that one."""
    try:
        RenameBlock(old, new).apply(session.document)
    except EditError as error:
        return str(error)
    session.apply(RenameBlock(old, new), f"Rename the block {old} to {new}")
    return None


def remove(session: Session, block: str) -> None:
    """Take a block that is not used out of the document."""
    session.apply(RemoveBlock(block), f"Remove the block {block}")


def unused(session: Session) -> dict[str, Block]:
    """The blocks that no node stands for."""
    return {name: block for name, block in session.document.blocks.items() if not uses(session.document, name)}
