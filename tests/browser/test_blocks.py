"""Blocks in a real browser: made of a selection, opened, edited inside, repeated, unpacked, and all of it undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builder
from tests.browser import canvas_page
from tests.browser.canvas_page import BuildPage, chain, saved, store, until

pytestmark = pytest.mark.browser

CONVOLUTION = {"out_channels": 4, "kernel_size": 3, "padding": 1}
NETWORK = chain(
    ("image", "Input", {"shape": [1, 8, 8]}),
    ("conv1", "Conv2d", CONVOLUTION),
    ("conv2", "Conv2d", CONVOLUTION),
    ("norm", "BatchNorm2d", {}),
    ("relu", "ReLU", {}),
    ("flatten", "Flatten", {}),
    ("fc", "Linear", {"out_features": 10}),
    ("scores", "Output", {}),
)


@pytest.fixture
def page(app: Any, open_page: Callable[..., Any]) -> Any:
    document = store(app.home, NETWORK)
    build = BuildPage(open_page(), app.url, document)
    build.document = document
    build.ready()
    return build


def make(page: Any, *names: str) -> None:
    """Select nodes by Shift-clicks and press Ctrl+G."""
    page.select(names[0])
    for name in names[1:]:
        page.node(name).click(modifiers=["Shift"])
    page.page.locator(".st-key-right .nl-title", has_text=f"{len(names)} nodes").wait_for()
    page.press("Control+g")
    page.node("block").wait_for()
    page.page.locator(".st-key-open_block").wait_for()
    page.rest()


def enter(page: Any, name: str, first: str) -> None:
    page.node(name).dblclick()
    page.page.locator(".st-key-breadcrumb").wait_for()
    page.node(first).wait_for()
    page.rest()


def test_a_block_is_made_opened_edited_repeated_unpacked_and_all_of_it_undone(app: Any, page: Any) -> None:
    before = saved(app.home, page.document)
    make(page, "conv2", "norm", "relu")
    assert [node["name"] for node in saved(app.home, page.document)["nodes"]] == [
        "image",
        "conv1",
        "block",
        "flatten",
        "fc",
        "scores",
    ]
    assert "4 × 8 × 8" in page.node("block").inner_text()
    assert page.edges().count() == 5

    enter(page, "block", "norm")
    assert "inside=block.0" in page.page.url
    assert "4 × 8 × 8" in page.node("relu").inner_text()
    page.select("relu")
    page.page.locator('.chip[data-type="Dropout"]').click()
    page.node("dropout").wait_for()
    page.press("Escape")
    page.page.locator(".st-key-breadcrumb").wait_for(state="detached")
    page.node("flatten").wait_for()
    page.rest()

    page.select("block")
    field = page.page.get_by_role("spinbutton", name="repeat")
    field.fill("3")
    field.press("Enter")
    page.node("block").get_by_text("× 3").wait_for()
    assert "is-stack" in page.node("block").get_attribute("class")
    until(lambda: saved(app.home, page.document)["nodes"][2]["params"] == {"block": "block", "repeat": 3})
    page.rest()

    page.page.locator(".st-key-unpack button").first.click()
    page.node("block").wait_for(state="detached")
    until(lambda: len(saved(app.home, page.document)["nodes"]) == 5 + 3 * 4)
    page.rest()
    assert page.flow.locator(".react-flow__node.is-error").count() == 0
    for _ in range(6):
        page.rest()
        if not page.page.locator(".st-key-undo button").first.is_enabled():
            break
        page.page.locator(".st-key-undo button").first.click()
        page.page.wait_for_timeout(400)
    until(lambda: builder.load(saved(app.home, page.document)) == builder.load(before))
    page.node("relu").wait_for()


def test_a_box_selects_and_backspace_deletes_them(app: Any, page: Any) -> None:
    first, last = page.node("relu").bounding_box(), page.node("flatten").bounding_box()
    page.page.keyboard.down("Shift")
    page.page.mouse.move(first["x"] - 20, first["y"] - 24)
    page.page.mouse.down()
    page.page.mouse.move(first["x"] + 60, first["y"] + 40, steps=4)
    page.page.mouse.move(last["x"] + last["width"] + 20, last["y"] + last["height"] + 24, steps=6)
    page.page.mouse.up()
    page.page.keyboard.up("Shift")
    page.page.locator(".st-key-right .nl-title", has_text="2 nodes").wait_for()
    page.rest()
    page.page.wait_for_timeout(700)  # the canvas shows the selection that the page sent back
    assert page.flow.locator(".react-flow__node.selected").count() == 2
    page.press("Backspace")
    page.node("flatten").wait_for(state="detached")
    until(lambda: len(saved(app.home, page.document)["nodes"]) == 6)


def test_a_click_on_one_of_many_selects_it_alone(page: Any) -> None:
    page.select("conv1")
    page.node("conv2").click(modifiers=["Control"])
    page.page.locator(".st-key-right .nl-title", has_text="2 nodes").wait_for()
    page.rest()
    page.select("conv2")
    assert page.flow.locator(".react-flow__node.selected").count() == 1


def test_what_cannot_be_a_block_is_explained(page: Any) -> None:
    page.select("image")
    page.node("conv1").click(modifiers=["Shift"])
    page.page.locator(".st-key-right .nl-title", has_text="2 nodes").wait_for()
    page.rest()
    assert page.page.locator(".st-key-make_block").count() == 0
    page.press("Control+g")
    page.notifies("image")


def test_the_open_block_survives_a_reload_and_undo_leaves_it(app: Any, page: Any) -> None:
    make(page, "conv2", "norm", "relu")
    enter(page, "block", "norm")
    page.page.reload()
    page.page.locator(".st-key-breadcrumb").wait_for(timeout=canvas_page.TIMEOUT)
    page.node("norm").wait_for()
    page.ready()
    page.page.locator(".st-key-crumb_0 button").first.click()
    page.page.locator(".st-key-breadcrumb").wait_for(state="detached")
    make_again = page.node("block")
    make_again.wait_for()
    until(lambda: "inside=" not in page.page.evaluate("location.search"))
    page.select("block")
    page.press("Control+d")
    page.node("block2").wait_for()
    page.rest()
    enter(page, "block2", "norm")
    page.press("Control+z")  # takes back the copy that is open
    page.page.locator(".st-key-breadcrumb").wait_for(state="detached")
    page.node("fc").wait_for()


def test_a_block_is_dragged_from_the_palette_and_an_unused_one_removed(app: Any, page: Any) -> None:
    make(page, "conv2", "norm", "relu")
    chip = page.page.locator('.chip[data-block="block"]')
    start, area = chip.bounding_box(), page.page.locator(canvas_page.FRAME).bounding_box()
    page.page.mouse.move(start["x"] + 40, start["y"] + 12)
    page.page.mouse.down()
    page.page.mouse.move(start["x"] + 60, start["y"] + 20)
    page.page.locator("#netloom-drop-zone").wait_for()
    page.page.mouse.move(area["x"] + 300, area["y"] + 470, steps=6)
    page.page.mouse.up()
    page.node("block2").wait_for()
    page.page.locator(".nl-note", has_text="all 2 uses").wait_for()
    page.rest()
    for name in ("block2", "block"):
        page.select(name)
        page.press("Backspace")
        page.node(name).wait_for(state="detached")
    page.rest()
    chip.locator(".remove").click()
    chip.wait_for(state="detached")
    until(lambda: "blocks" not in saved(app.home, page.document))


def test_a_problem_inside_opens_the_block(app: Any, open_page: Callable[..., Any]) -> None:
    inner = [{"name": "x", "type": "Input"}, {"name": "fc", "type": "Conv2d", "params": {"kernel_size": 99}},
             {"name": "y", "type": "Output"}]  # fmt: skip
    wires = [{"source": "x", "target": "fc"}, {"source": "fc", "target": "y"}]
    broken = chain(
        ("image", "Input", {"shape": [1, 8, 8]}),
        ("stage", "Block", {"block": "wide", "repeat": 2}),
        ("flatten", "Flatten", {}),
        ("scores", "Output", {}),
        blocks={"wide": {"nodes": inner, "edges": wires}},
    )
    build = BuildPage(open_page(), app.url, store(app.home, broken))
    build.ready()
    assert "is-error" in build.node("stage").get_attribute("class")
    build.page.get_by_role("button", name="stage › fc").first.click()
    build.page.locator(".st-key-breadcrumb").wait_for()
    build.page.locator(".st-key-right .nl-title", has_text="fc").first.wait_for()
    assert "is-error" in build.node("fc").get_attribute("class")
