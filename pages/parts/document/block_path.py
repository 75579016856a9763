"""Where in a document the canvas stands: at the whole network, or inside a block that was opened through one use."""

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
class Place:
    """The nodes that were opened, outermost first, each with the number of the repeat that is looked at."""

    steps: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """As in the names of what is inside, and in the page's address: 'stage1.0.attention.2'."""
        return ".".join(f"{node}.{repeat}" for node, repeat in self.steps)

    @property
    def prefix(self) -> str:
        """What stands before the name of every node here: 'stage1.0.', or nothing at the top."""
        return f"{self}." if self.steps else ""

    @property
    def mark(self) -> str:
        """A class name for what lies here: the names of nodes may be the same in two blocks."""
        return f"scene-{zlib.crc32(str(self).encode()):08x}"

    def into(self, node: str, repeat: int = 0) -> Place:
        return Place((*self.steps, (node, repeat)))

    def up(self, levels: int = 1) -> Place:
        return Place(self.steps[: max(0, len(self.steps) - levels)])


TOP = Place()


@dataclass(frozen=True)
class Level:
    """One opened node on the way from the top: what it stands for, and the place inside it."""

    node: str
    repeat: int
    use: Use
    place: Place


def read(text: str) -> Place:
    """A place from an address; what is no place of this form is the top."""
    found = _STEP.findall(text)
    if ".".join(f"{node}.{number}" for node, number in found) != text:
        return TOP
    return Place(tuple((node, int(number)) for node, number in found))


def along(document: Document, place: Place) -> Iterator[Level]:
    """The levels from the top to the place, as far as they are there."""
    inside: Document | Block = document
    here = TOP
    for node, repeat in place.steps:
        use = inside.composites.get(node)
        if use is None or use.block not in document.blocks:
            return
        repeat = min(repeat, use.repeat - 1)
        here = here.into(node, repeat)
        yield Level(node, repeat, use, here)
        inside = document.blocks[use.block]


def kept(document: Document, place: Place) -> Place:
    """The place, or as much of the way there as the document has."""
    return next(reversed([level.place for level in along(document, place)]), TOP)


def block_at(document: Document, place: Place) -> str | None:
    """The block whose inside the place shows; None at the top."""
    return next(reversed([level.use.block for level in along(document, place)]), None)


def scene(document: Document, place: Place) -> Document:
    """What lies on the canvas there: the document, or the block's inside as one."""
    block = block_at(document, place)
    return opened(document, block) if block is not None else document


def find(document: Document, dotted: str) -> tuple[Place, str] | None:
    """Where a node stands: 'stage1.0.conv1' → the inside of stage1's first repeat, and 'conv1'. None: nowhere."""
    *steps, last = dotted.split(".")
    if len(steps) % 2 or last.isdigit():  # the name of a repeat: its node is meant
        steps, last = steps[:-1], steps[-1] if steps else last
    place = read(".".join(steps)) if steps else TOP
    here = kept(document, place)
    if len(here.steps) != len(place.steps) or 2 * len(place.steps) != len(steps):
        return None
    block = block_at(document, here)
    nodes = document.by_name if block is None else document.blocks[block].by_name
    return (here, last) if last in nodes else None


def spoken(dotted: str) -> str:
    """A node's name for people: 'stage1.0.conv1' → 'stage1 › conv1', 'stage1.2.conv1' → 'stage1 (repeat 3) › conv1'."""
    first = re.sub(r"\.0(?=\.|$)", "", dotted)
    said = re.sub(r"\.(\d+)(?=\.|$)", lambda found: f" (repeat {int(found[1]) + 1})", first)
    return said.replace(".", " › ")


def uses(document: Document, block: str) -> list[str]:
    """Every node that stands for a block, as written: 'stage1', or 'stage › attention' inside another block."""
    found = [name for name, use in document.composites.items() if use.block == block]
    for outer, graph in document.blocks.items():
        found += [f"{outer} › {name}" for name, use in graph.composites.items() if use.block == block]
    return found


def within(document: Document, block: str) -> set[str]:
    """The block and every block that stands in it, however deep."""
    found: set[str] = set()
    waiting = [block]
    while waiting:
        name = waiting.pop()
        if name not in found and name in document.blocks:
            found.add(name)
            waiting += [use.block for use in document.blocks[name].composites.values()]
    return found
