"""What the browser's canvas is known to show: it is told only what it does not know, and its news is understood.

The canvas answers every event with its whole state. Each push from Python carries a number, which comes back with the
state; comparing a state with the push it grew from tells what the person did, even when a newer push is on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[float, float]
_KEPT = 30


@dataclass
class Push:
    """What one push showed: places and wires."""

    places: dict[str, Place]
    edges: set[str]
    scene: str = ""  # which block's inside it showed


@dataclass(frozen=True)
class News:
    """What a person did on the canvas since the push that they saw."""

    moved: dict[str, Place] = field(default_factory=dict)
    connected: tuple[tuple[str, str], ...] = ()
    clicked: str | None = None  # the id of a node or an edge
    chosen: tuple[str, ...] = ()  # the nodes that are selected after a click or a drag

    def __bool__(self) -> bool:
        return bool(self.moved or self.connected or self.clicked or self.chosen)


@dataclass
class CanvasMemory:
    """Pushes by number, what the browser shows by now, and the time stamps that decide whose state wins."""

    number: int = 0
    timestamp: int = 0
    content: Any = None  # what stands in the nodes and at the wires of the last push
    selected: frozenset[str] = frozenset()  # the ids that the browser shows as selected
    pushes: dict[int, Push] = field(default_factory=dict)
    handled: int = 0  # the time stamp of the last event that was read

    def update(self, content: Any, push: Push, selected: frozenset[str], now: int) -> None:
        """Note what is about to be drawn; a new push is made if the browser shows anything else."""
        last = self.pushes.get(self.number)
        if last == push and self.content == content and self.selected == selected:
            return
        self.number += 1
        self.pushes[self.number] = push
        self.content, self.selected = content, selected
        self.pushes.pop(self.number - _KEPT, None)
        # The browser takes a push only if it is not older than its own last event, by its own clock.
        self.timestamp = max(now, self.timestamp + 1, self.handled + 1)

    def read(self, value: Mapping[str, Any] | None) -> News:
        """What is new in a state that the canvas sent. A state that was read before holds no news."""
        if not value or value["timestamp"] == self.handled:
            return News()
        self.handled = value["timestamp"]
        numbers = [node["data"].get("push", -1) for node in value["nodes"]]
        base = self.pushes.get(max(numbers, default=-1))
        if base is None or base.scene != self.pushes[self.number].scene:
            return News()  # of another block than the one that is open now
        places = {node["id"]: (node["position"]["x"], node["position"]["y"]) for node in value["nodes"]}
        moved = {name: place for name, place in places.items() if name in base.places and base.places[name] != place}
        new = [edge for edge in value["edges"] if edge["id"] not in base.edges]
        base.places.update(moved)
        base.edges.update(edge["id"] for edge in new)
        connected = tuple((edge["source"], edge["target"]) for edge in new)
        clicked = value.get("selectedId") if not connected else None
        marked = tuple(node["id"] for node in value["nodes"] if node.get("selected"))
        chosen = marked if clicked in marked or set(marked) & set(moved) else ()
        if clicked or chosen:
            self.selected = frozenset(chosen or (clicked,))
        return News(moved, connected, clicked, chosen)
