"""What the browser's canvas shows: it is sent only what it does not show yet, and its events are understood.

The canvas answers every event with its whole state. Each push from Python has a number, which comes back with that
state; comparing a state with the push that it grew from shows what the user did, even if a newer push is on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pages.parts.canvas.positions import Position

_KEPT = 30


@dataclass
class Push:
    """What was sent to the canvas once: the positions of nodes, and the ids of wires."""

    positions: dict[str, Position]
    wires: set[str]
    path: str = ""  # of the block whose inside it shows


@dataclass(frozen=True)
class CanvasEvents:
    """What the user did on the canvas since the push that they saw."""

    moved: dict[str, Position] = field(default_factory=dict)
    connected: tuple[tuple[str, str], ...] = ()
    clicked: str | None = None  # the id of a node or a wire
    chosen: tuple[str, ...] = ()  # the nodes that are selected after a click or a drag

    def __bool__(self) -> bool:
        return bool(self.moved or self.connected or self.clicked or self.chosen)


@dataclass
class CanvasState:
    """Pushes by number, what the browser shows now, and the time stamps that decide whether its state is newer."""

    number: int = 0
    timestamp: int = 0
    content: Any = None  # the texts of nodes and wires of the last push
    selected: frozenset[str] = frozenset()  # the ids that the browser shows as selected
    pushes: dict[int, Push] = field(default_factory=dict)
    handled: int = 0  # the time stamp of the last event that was read

    def update(self, content: Any, push: Push, selected: frozenset[str], now: int) -> None:
        """Record what is about to be drawn; a new push is made if the browser shows anything else."""
        last = self.pushes.get(self.number)
        if last == push and self.content == content and self.selected == selected:
            return
        self.number += 1
        self.pushes[self.number] = push
        self.content, self.selected = content, selected
        self.pushes.pop(self.number - _KEPT, None)
        # The browser takes a push only if it is not older than its own last event, by its own clock.
        self.timestamp = max(now, self.timestamp + 1, self.handled + 1)

    def read(self, value: Mapping[str, Any] | None) -> CanvasEvents:
        """The events in a state that the canvas sent. A state that was read before has none."""
        if not value or value["timestamp"] == self.handled:
            return CanvasEvents()
        self.handled = value["timestamp"]
        numbers = [node["data"].get("push", -1) for node in value["nodes"]]
        base = self.pushes.get(max(numbers, default=-1))
        if base is None or base.path != self.pushes[self.number].path:
            return CanvasEvents()  # of another block than the one that is open now
        positions = {node["id"]: (node["position"]["x"], node["position"]["y"]) for node in value["nodes"]}
        known = base.positions
        moved = {name: position for name, position in positions.items() if name in known and known[name] != position}
        new = [wire for wire in value["edges"] if wire["id"] not in base.wires]
        known.update(moved)
        base.wires.update(wire["id"] for wire in new)
        connected = tuple((wire["source"], wire["target"]) for wire in new)
        clicked = value.get("selectedId") if not connected else None
        marked = tuple(node["id"] for node in value["nodes"] if node.get("selected"))
        chosen = marked if clicked in marked or set(marked) & set(moved) else ()
        if clicked or chosen:
            self.selected = frozenset(chosen or (clicked,))
        return CanvasEvents(moved, connected, clicked, chosen)
