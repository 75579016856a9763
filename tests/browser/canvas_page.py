"""The Build page as a user works with it: dragging, wiring, clicking, typing."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

FRAME = 'iframe[title="streamlit_flow.streamlit_flow"]'
STILL_SECONDS = 0.3
# Where the view is, where each node is and which are selected, and how the edges run.
PLACES = """canvas => [...canvas.querySelectorAll(".react-flow__viewport, .react-flow__node, .react-flow__edge-path")]
    .map(each => [each.className.baseVal ?? each.className, each.style.transform, each.getAttribute("d")].join())
    .join()"""
TIMEOUT = 40_000  # the first shapes wait for torch


def store(home: Path, document: dict[str, Any]) -> str:
    """Save a document where the app saves them, and return its id."""
    folder = home / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    (folder / f"{name}.json").write_text(json.dumps({"format": "netloom/2", **document}), encoding="utf-8")
    return name


def saved(home: Path, document: str) -> dict[str, Any]:
    """A document as the app has written it."""
    found: dict[str, Any] = json.loads((home / "documents" / f"{document}.json").read_text(encoding="utf-8"))
    return found


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that the page does not show."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def chain(*nodes: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A document whose nodes feed each other in order, side by side on the canvas."""
    names = [name for name, _, _ in nodes]
    return {
        "name": "Chain",
        "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in nodes],
        "edges": [{"source": one, "target": other} for one, other in itertools.pairwise(names)],
        "layout": {name: [190 * (index % 4), 130 * (index // 4)] for index, name in enumerate(names)},
        "training": {"data": {"name": "digits"}, "paradigm": {"name": "supervised", "loss": "cross_entropy"}},
        **more,
    }


class BuildPage:
    """One browser tab on the Build page."""

    def __init__(self, page: Any, url: str, document: str | None = None) -> None:
        self.page = page
        page.goto(f"{url}/?document={document}" if document else url)
        self.flow = page.frame_locator(FRAME)
        self.flow.locator(".react-flow").wait_for(timeout=TIMEOUT)

    def node(self, name: str) -> Any:
        return self.flow.locator(f'.react-flow__node[data-id="{name}"]')

    def edges(self) -> Any:
        return self.flow.locator(".react-flow__edge")

    def ready(self) -> None:
        """Wait until torch is imported, the shapes are drawn and nothing moves any more."""
        self.page.get_by_text("Loading torch to infer the shapes").wait_for(state="hidden", timeout=TIMEOUT)
        self.page.get_by_text("Looking for the devices").wait_for(state="hidden", timeout=TIMEOUT)
        self.page.locator(".st-key-problems .nl-quiet, .st-key-problems .nl-severity").first.wait_for()
        self.still()

    def still(self) -> None:
        """Wait until the page is drawn and everything on the canvas has kept its place for STILL_SECONDS."""
        place, since = "", time.monotonic()
        while place == "" or time.monotonic() - since < STILL_SECONDS:
            self.rest()
            now = self.flow.locator(".react-flow").evaluate(PLACES)
            if now != place:
                place, since = now, time.monotonic()
            self.page.wait_for_timeout(40)

    def rest(self) -> None:
        """Wait until the page is drawn: before that, elements of the previous run may still be on it."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()

    def press(self, keys: str) -> None:
        """Press keys once the page is drawn: no user is faster than that."""
        self.rest()
        self.page.keyboard.press(keys)

    def select(self, name: str) -> None:
        self.node(name).click()
        self.page.locator(".st-key-right .nl-title", has_text=name).first.wait_for()
        self.rest()

    def drag_from_palette(self, kind: str, x: float, y: float) -> None:
        """Drag a chip to a point of the canvas, in pixels from its top left corner."""
        chip = self.page.locator(f'.chip[data-type="{kind}"]')
        chip.scroll_into_view_if_needed()
        start, area = chip.bounding_box(), self.page.locator(FRAME).bounding_box()
        self.page.mouse.move(start["x"] + 40, start["y"] + 12)
        self.page.mouse.down()
        self.page.mouse.move(start["x"] + 60, start["y"] + 20)
        self.page.locator("#netloom-drop-zone").wait_for()
        self.page.mouse.move(area["x"] + x, area["y"] + y, steps=6)
        self.page.mouse.up()

    def wire(self, source: str, target: str) -> None:
        """Drag from a node's right handle to another's left one."""
        one = self.node(source).locator(".react-flow__handle-right").bounding_box()
        other = self.node(target).locator(".react-flow__handle-left").bounding_box()
        self.page.mouse.move(one["x"] + one["width"] / 2, one["y"] + one["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(one["x"] + 30, one["y"] + 10, steps=3)
        self.page.mouse.move(other["x"] + other["width"] / 2, other["y"] + other["height"] / 2, steps=8)
        self.page.mouse.up()

    def problem(self, text: str) -> Any:
        return self.page.locator(".st-key-problems", has_text=text)

    def notifies(self, text: str) -> None:
        """Wait for a notification."""
        self.page.locator('[data-testid="stToast"]', has_text=text).first.wait_for()
