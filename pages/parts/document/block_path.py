"""Which graph of a document the canvas shows: the whole network, or the inside of a block that was opened."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from builder.document import Block, Document
from builder.document.blocks import opened
from builder.spec import Use

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})\.(\d{1,5})")


@dataclass(frozen=True)
class BlockPath:
    """The nodes that were opened, outermost first, each with the number of the repeat that is shown."""

    steps: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """As in the full names of the nodes inside, and in the page's address: 'stage1.0.attention.2'."""
        return ".".join(f"{node}.{repeat}" for node, repeat in self.steps)

    @property
    def prefix(self) -> str:
        """The prefix of the full name of every node here: 'stage1.0.', or nothing at the top."""
        return f"{self}." if self.steps else ""

    @property
    def css_class(self) -> str:
        """A class for the nodes that the canvas shows here: two blocks may have nodes of the same name."""
        return f"path-{zlib.crc32(str(self).encode()):08x}"

    def into(self, node: str, repeat: int = 0) -> BlockPath:
        return BlockPath((*self.steps, (node, repeat)))

    def up(self, levels: int = 1) -> BlockPath:
        return BlockPath(self.steps[: max(0, len(self.steps) - levels)])


TOP = BlockPath()


@dataclass(frozen=True)
class Level:
    """One opened node of a path: the block that it stands for, and the path to its inside."""

    node: str
    repeat: int
    use: Use
    path: BlockPath


def parse(text: str) -> BlockPath:
    """The path that an address names; TOP where the text has another form."""
    found = _STEP.findall(text)
    if ".".join(f"{node}.{number}" for node, number in found) != text:
        return TOP
    return BlockPath(tuple((node, int(number)) for node, number in found))


def levels(document: Document, path: BlockPath) -> Iterator[Level]:
    """The levels of a path from the top, as far as the document has them."""
    graph: Document | Block = document
    here = TOP
    for node, repeat in path.steps:
        use = graph.composites.get(node)
        if use is None or use.block not in document.blocks:
            return
        repeat = min(repeat, use.repeat - 1)
        here = here.into(node, repeat)
        yield Level(node, repeat, use, here)
        graph = document.blocks[use.block]


def existing(document: Document, path: BlockPath) -> BlockPath:
    """The path, cut where the document does not have it."""
    return next(reversed([level.path for level in levels(document, path)]), TOP)


def block_at(document: Document, path: BlockPath) -> str | None:
    """The block whose inside the path leads to; None at the top."""
    return next(reversed([level.use.block for level in levels(document, path)]), None)


def graph_at(document: Document, path: BlockPath) -> Document:
    """What the canvas shows at a path: the document, or the inside of the block as a document."""
    block = block_at(document, path)
    return opened(document, block) if block is not None else document


def find(document: Document, full_name: str) -> tuple[BlockPath, str] | None:
    """Where a node is: 'stage1.0.conv1' → the path into stage1's first repeat, and 'conv1'. None: there is none."""
    *steps, last = full_name.split(".")
    if len(steps) % 2 or last.isdigit():  # the name of a repeat: its node is meant
        steps, last = steps[:-1], steps[-1] if steps else last
    path = parse(".".join(steps)) if steps else TOP
    here = existing(document, path)
    if len(here.steps) != len(path.steps) or 2 * len(path.steps) != len(steps):
        return None
    block = block_at(document, here)
    nodes = document.by_name if block is None else document.blocks[block].by_name
    return (here, last) if last in nodes else None


def display_name(full_name: str) -> str:
    """A node's name for people: 'stage1.0.conv1' → 'stage1 › conv1', 'stage1.2.conv1' → 'stage1 (repeat 3) › conv1'."""
    without_first = re.sub(r"\.0(?=\.|$)", "", full_name)
    with_repeats = re.sub(r"\.(\d+)(?=\.|$)", lambda found: f" (repeat {int(found[1]) + 1})", without_first)
    return with_repeats.replace(".", " › ")


def uses(document: Document, block: str) -> list[str]:
    """Every node that stands for a block: 'stage1', or 'stage › attention' inside another block."""
    found = [name for name, use in document.composites.items() if use.block == block]
    for outer, graph in document.blocks.items():
        found += [f"{outer} › {name}" for name, use in graph.composites.items() if use.block == block]
    return found


def nested_blocks(document: Document, block: str) -> set[str]:
    """The block and every block inside it, at any depth."""
    found: set[str] = set()
    waiting = [block]
    while waiting:
        name = waiting.pop()
        if name not in found and name in document.blocks:
            found.add(name)
            waiting += [use.block for use in document.blocks[name].composites.values()]
    return found
