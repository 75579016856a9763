"""Where each network of a document lies on the canvas: a lane with its name, so that several are visibly apart."""

from __future__ import annotations

from dataclasses import dataclass

from builder.document import MAIN, Document, Graph
from builder.document.graph import networks
from pages.parts.theme.theme import NETWORK_COLOURS, NODE_HEIGHT, NODE_WIDTH

Place = tuple[float, float]

SIDE, HEAD = 26.0, 36.0  # pixels around the nodes of a network, and above them, where its name stands

MOST_COMPARED = 200  # lanes that are looked at for whether they cover each other


@dataclass(frozen=True)
class Lane:
    """The part of the canvas that one network takes, in the canvas's pixels."""

    network: str
    colour: int  # which of the networks' colours it has
    left: float
    top: float
    width: float
    height: float
    nodes: tuple[str, ...]

    def distance(self, place: Place) -> float:
        """How far outside the lane a node put there would lie. Nodes stand in rows: up and down counts double."""
        x, y = place[0] + NODE_WIDTH / 2, place[1] + NODE_HEIGHT / 2
        aside = max(self.left - x, 0.0, x - self.left - self.width)
        return aside + 2 * max(self.top - y, 0.0, y - self.top - self.height)

    def meets(self, other: Lane) -> bool:
        """Whether two lanes cover each other."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


def lanes(document: Document) -> tuple[Lane, ...]:
    """A lane for each network; none where there is only one network, which needs no name."""
    if len(networks(document)) < 2:
        return ()
    members: dict[str, list[str]] = {}
    for node in document.nodes:
        members.setdefault(node.network, []).append(node.name)
    return tuple(_lane(document, name, index, nodes) for index, (name, nodes) in enumerate(members.items()))


def colours(document: Graph) -> dict[str, int]:
    """Each network's place in the list of colours; none where there is only one network."""
    names = networks(document)
    return {name: index % len(NETWORK_COLOURS) for index, name in enumerate(names)} if len(names) > 1 else {}


def _lane(document: Document, network: str, index: int, nodes: list[str]) -> Lane:
    places = [document.layout.get(name, (0.0, 0.0)) for name in nodes]
    left, top = min(x for x, _ in places) - SIDE, min(y for _, y in places) - HEAD
    width = max(x for x, _ in places) + NODE_WIDTH + SIDE - left
    height = max(y for _, y in places) + NODE_HEIGHT + SIDE - top
    return Lane(network, index % len(NETWORK_COLOURS), left, top, width, height, tuple(nodes))


def crowded(document: Document) -> bool:
    """Whether the lanes of two networks cover each other."""
    known = lanes(document)[:MOST_COMPARED]
    return any(one.meets(other) for index, one in enumerate(known) for other in known[:index])


def network_at(document: Document, place: Place) -> str:
    """The network that a node put there belongs to: the one in or nearest whose lane it lies."""
    known = lanes(document)
    if not known:
        return next(iter(networks(document)), MAIN)

    def distance(lane: Lane) -> tuple[float, float]:
        """Of two lanes that cover each other, the one of the nearest node."""
        places = (document.layout.get(name, (0.0, 0.0)) for name in lane.nodes)
        return lane.distance(place), min((x - place[0]) ** 2 + (y - place[1]) ** 2 for x, y in places)

    return min(known, key=distance).network
