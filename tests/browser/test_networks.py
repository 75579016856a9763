"""Two networks on one canvas, built as a user does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.canvas_page import BuildPage, saved, store, until
from tests.browser.test_build import SMALL

pytestmark = pytest.mark.browser


def test_a_second_network_is_named_grows_in_its_frame_and_stays_apart(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, SMALL)
    build = BuildPage(open_page(), app.url, document)
    build.ready()

    def network_of(name: str) -> str:
        nodes = {node["name"]: node for node in saved(app.home, document)["nodes"]}
        return str(nodes[name].get("network", "main")) if name in nodes else ""

    build.drag_from_palette("Input", 120, 430)
    build.node("input").wait_for()
    build.select("input")
    field = build.page.locator(".st-key-right").get_by_role("combobox", name="network")
    field.click()
    field.fill("generator")
    field.press("Enter")
    until(lambda: network_of("input") == "generator")
    frame = build.flow.locator('.react-flow__node[data-id="network:generator"]')
    frame.wait_for()
    assert build.flow.locator(".frame-name").all_inner_texts() == ["main\n650 parameters", "generator"]

    build.still()
    build.page.locator('.chip[data-type="Linear"]').click()  # behind the selected node, in its network
    build.node("linear").wait_for()
    until(lambda: network_of("linear") == "generator")
    box = build.node("linear").bounding_box()
    area = build.page.locator('iframe[title="streamlit_flow.streamlit_flow"]').bounding_box()
    build.drag_from_palette("Output", box["x"] - area["x"] + 260, box["y"] - area["y"] + 40)  # nearest to it
    build.node("output").wait_for()
    until(lambda: network_of("output") == "generator")
    build.still()
    build.wire("linear", "output")
    until(lambda: {"source": "linear", "target": "output"} in saved(app.home, document)["edges"])

    build.wire("flatten", "output")
    build.notifies("no wire joins two networks")
    build.flow.locator(".frame-name", has_text="generator").click()
    build.page.locator(".st-key-right .nl-title", has_text="3 nodes").wait_for()
    build.press("Control+z")
    until(lambda: {"source": "linear", "target": "output"} not in saved(app.home, document)["edges"])
