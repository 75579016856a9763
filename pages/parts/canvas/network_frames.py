"""Where each network of a document is on the canvas: a frame with its name, so that several are visibly separate."""

from __future__ import annotations

from dataclasses import dataclass

from builder.document import MAIN, Document, Graph
from builder.document.graph import networks
from pages.parts.canvas.positions import Position
from pages.parts.theme.theme import NETWORK_COLOURS, NODE_HEIGHT, NODE_WIDTH

SIDE, HEAD = 26.0, 36.0  # pixels around the nodes of a network, and above them, where its name is
MOST_COMPARED = 200  # frames that are compared with each other


@dataclass(frozen=True)
class NetworkFrame:
    """The part of the canvas that one network takes, in the canvas's pixels."""

    network: str
    colour: int  # the number of its colour in NETWORK_COLOURS
    left: float
    top: float
    width: float
    height: float
    nodes: tuple[str, ...]

    def distance(self, position: Position) -> float:
        """How far outside the frame a node at that position is; up and down count double, as nodes are in rows."""
        x, y = position[0] + NODE_WIDTH / 2, position[1] + NODE_HEIGHT / 2
        across = max(self.left - x, 0.0, x - self.left - self.width)
        return across + 2 * max(self.top - y, 0.0, y - self.top - self.height)

    def overlaps(self, other: NetworkFrame) -> bool:
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


def network_frames(document: Document) -> tuple[NetworkFrame, ...]:
    """A frame for each network; none where there is only one network, which needs no name."""
    if len(networks(document)) < 2:
        return ()
    members: dict[str, list[str]] = {}
    for node in document.nodes:
        members.setdefault(node.network, []).append(node.name)
    return tuple(_frame(document, name, index, nodes) for index, (name, nodes) in enumerate(members.items()))


def network_colours(document: Graph) -> dict[str, int]:
    """The number of each network's colour; none where there is only one network."""
    names = networks(document)
    return {name: index % len(NETWORK_COLOURS) for index, name in enumerate(names)} if len(names) > 1 else {}


def _frame(document: Document, network: str, index: int, nodes: list[str]) -> NetworkFrame:
    positions = [document.layout.get(name, (0.0, 0.0)) for name in nodes]
    left, top = min(x for x, _ in positions) - SIDE, min(y for _, y in positions) - HEAD
    width = max(x for x, _ in positions) + NODE_WIDTH + SIDE - left
    height = max(y for _, y in positions) + NODE_HEIGHT + SIDE - top
    return NetworkFrame(network, index % len(NETWORK_COLOURS), left, top, width, height, tuple(nodes))


def frames_overlap(document: Document) -> bool:
    """Whether the frames of two networks overlap."""
    frames = network_frames(document)[:MOST_COMPARED]
    return any(one.overlaps(other) for index, one in enumerate(frames) for other in frames[:index])


def network_at(document: Document, position: Position) -> str:
    """The network that a node at that position belongs to: the one whose frame contains it, or is nearest to it."""
    frames = network_frames(document)
    if not frames:
        return next(iter(networks(document)), MAIN)

    def distance(frame: NetworkFrame) -> tuple[float, float]:
        """Of two frames that overlap, the one of the nearest node."""
        positions = (document.layout.get(name, (0.0, 0.0)) for name in frame.nodes)
        return frame.distance(position), min((x - position[0]) ** 2 + (y - position[1]) ** 2 for x, y in positions)

    return min(frames, key=distance).network
