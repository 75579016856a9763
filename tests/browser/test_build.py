"""Drawing a network in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builder
from tests.browser import canvas_page
from tests.browser.canvas_page import FRAME, BuildPage, chain, saved, store, until

pytestmark = pytest.mark.browser

SMALL = chain(
    ("image", "Input", {"shape": [1, 8, 8]}),
    ("flatten", "Flatten", {}),
    ("fc", "Linear", {"out_features": 10}),
    ("scores", "Output", {}),
)

SMALL_NAMES = ("image", "flatten", "fc", "scores")


def names_in(app: Any, document: str) -> set[str]:
    """The nodes of a document as the app has written it."""
    return {node["name"] for node in saved(app.home, document)["nodes"]}


@pytest.fixture
def page(app: Any, open_page: Callable[..., Any]) -> Any:
    """The Build page on a small document of the test's own."""
    document = store(app.home, SMALL)
    build = BuildPage(open_page(), app.url, document)
    build.document = document
    build.ready()
    return build


def test_first_visit_shows_a_network_that_can_be_trained(app: Any, open_page: Callable[..., Any]) -> None:
    for path in (Path(app.home) / "documents").glob("*.json"):
        path.unlink()
    build = BuildPage(open_page(), app.url)
    build.flow.locator(".react-flow__node").first.wait_for()
    build.ready()
    assert build.flow.locator(".react-flow__node").count() == len(builder.template("digits_cnn").nodes)
    assert build.problem("No problems").count() == 1
    assert build.flow.get_by_text("16 × 8 × 8").count() >= 1


def test_dragged_layer_lands_where_it_is_dropped_and_nothing_else_moves(app: Any, page: Any) -> None:
    before = {name: page.node(name).bounding_box() for name in SMALL_NAMES}
    page.drag_from_palette("Dropout", 300, 400)
    page.node("dropout").wait_for()
    area, box = page.page.locator(canvas_page.FRAME).bounding_box(), page.node("dropout").bounding_box()
    assert abs(box["x"] + box["width"] / 2 - area["x"] - 300) < 6
    assert abs(box["y"] + box["height"] / 2 - area["y"] - 400) < 6
    assert {name: page.node(name).bounding_box() for name in before} == before
    until(lambda: "dropout" in names_in(app, page.document))
    page.still()
    assert page.node("dropout").bounding_box() == box  # what the server answers does not move it either


def test_clicked_layer_is_appended_and_wired_and_nothing_else_moves(app: Any, page: Any) -> None:
    before = {name: page.node(name).bounding_box() for name in ("image", "flatten", "fc", "scores")}
    page.select("fc")
    page.page.locator('.chip[data-type="Dropout"]').click()
    page.node("dropout").wait_for()
    until(lambda: {"source": "fc", "target": "dropout"} in saved(app.home, page.document)["edges"])
    page.still()
    assert {name: page.node(name).bounding_box() for name in before} == before


def test_search_finds_a_layer_by_its_words_and_enter_adds_it(page: Any) -> None:
    page.press("/")
    page.page.keyboard.type("image filter")
    assert page.page.locator(".chip:visible").first.get_attribute("data-type") == "Conv2d"
    page.press("Enter")
    page.node("conv").wait_for()


def test_wiring_by_dragging_between_handles_and_cutting_by_backspace(app: Any, page: Any) -> None:
    page.drag_from_palette("Dropout", 560, 430)
    page.node("dropout").wait_for()
    page.still()
    page.wire("flatten", "dropout")
    until(lambda: {"source": "flatten", "target": "dropout"} in saved(app.home, page.document)["edges"])
    page.flow.locator('.react-flow__edge[data-testid="rf__edge-flatten>dropout"]').wait_for()
    page.flow.locator('[data-testid="rf__edge-flatten>dropout"] .react-flow__edge-textwrapper').click(force=True)
    page.page.get_by_role("button", name="Cut this wire").wait_for()
    page.press("Backspace")
    until(lambda: {"source": "flatten", "target": "dropout"} not in saved(app.home, page.document)["edges"])


def test_dropping_on_a_taken_port_replaces_the_wire(app: Any, page: Any) -> None:
    page.drag_from_palette("Flatten", 200, 430)
    page.node("flatten2").wait_for()
    page.still()
    page.wire("flatten2", "fc")
    until(lambda: {"source": "flatten2", "target": "fc"} in saved(app.home, page.document)["edges"])
    assert {"source": "flatten", "target": "fc"} not in saved(app.home, page.document)["edges"]


def test_a_wire_that_closes_a_cycle_is_refused_with_its_path(app: Any, page: Any) -> None:
    before = saved(app.home, page.document)["edges"]
    page.wire("fc", "flatten")
    page.notifies("cycle")
    page.still()
    assert page.edges().count() == len(before)
    assert saved(app.home, page.document)["edges"] == before


def test_editing_a_parameter_changes_shapes_behind_it(app: Any, page: Any) -> None:
    page.select("fc")
    field = page.page.get_by_role("spinbutton", name="out_features")
    field.fill("12")
    field.press("Enter")
    page.node("scores").get_by_text("12").first.wait_for()
    assert saved(app.home, page.document)["nodes"][2]["params"] == {"out_features": 12}


def test_a_wrong_parameter_is_explained_and_not_used(app: Any, open_page: Callable[..., Any]) -> None:
    nodes = (("image", "Input", {"shape": [1, 8, 8]}), ("conv", "Conv2d", {}), ("out", "Output", {}))
    document = store(app.home, chain(*nodes))
    build = BuildPage(open_page(), app.url, document)
    build.ready()
    build.select("conv")
    field = build.page.get_by_role("textbox", name="kernel_size")
    field.fill("three")
    field.press("Enter")
    build.page.get_by_text("kernel_size must be").wait_for()
    field.fill("3, 5")
    field.press("Enter")
    until(lambda: saved(app.home, document)["nodes"][1]["params"] == {"kernel_size": [3, 5]})


def test_a_problem_is_fixed_by_its_button_and_undone_in_one_step(app: Any, open_page: Callable[..., Any]) -> None:
    nodes = (
        ("image", "Input", {"shape": [1, 8, 8]}),
        ("pool", "MaxPool2d", {"kernel_size": 2}),
        ("fc", "Linear", {"out_features": 10}),
        ("scores", "Output", {}),
    )
    document = store(app.home, chain(*nodes))
    build = BuildPage(open_page(), app.url, document)
    build.ready()
    fix = build.page.get_by_role("button", name="Insert Flatten").first
    fix.wait_for()
    assert "is-error" in build.node("fc").get_attribute("class")
    assert "waiting for fc" in build.node("scores").inner_text()
    fix.click()
    build.problem("No problems").wait_for()
    assert len(saved(app.home, document)["nodes"]) == 5
    build.press("Control+z")
    fix.wait_for()
    until(lambda: len(saved(app.home, document)["nodes"]) == 4)
    build.press("Control+Shift+z")
    build.problem("No problems").wait_for()


def test_backspace_deletes_the_selected_node_and_undo_brings_it_back(page: Any) -> None:
    page.select("fc")
    page.press("Backspace")
    page.node("fc").wait_for(state="detached")
    page.page.get_by_role("button", name="").first.wait_for()
    page.press("Control+z")
    page.node("fc").wait_for()
    assert page.edges().count() == 3


def test_duplicate_by_key(page: Any) -> None:
    page.select("fc")
    page.press("Control+d")
    page.node("linear").wait_for()


def test_moving_a_node_survives_a_reload(app: Any, page: Any) -> None:
    box = page.node("scores").bounding_box()
    page.page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 60, box["y"] + 160, steps=8)
    page.page.mouse.up()
    until(lambda: saved(app.home, page.document)["layout"]["scores"][1] > 50)
    place = saved(app.home, page.document)["layout"]["scores"]
    page.page.reload()
    page.node("scores").wait_for(timeout=canvas_page.TIMEOUT)
    page.ready()
    assert saved(app.home, page.document)["layout"]["scores"] == place
    assert page.document in page.page.url


def test_renaming_keeps_the_view_and_the_wires(page: Any) -> None:
    before = page.node("flatten").bounding_box()
    page.select("fc")
    field = page.page.locator(".st-key-right").get_by_role("textbox", name="name")
    field.fill("head")
    field.press("Enter")
    page.node("head").wait_for()
    page.still()
    assert page.node("flatten").bounding_box() == before
    assert page.edges().count() == 3
    page.rest()
    field.fill("2 wrong")
    field.press("Enter")
    page.page.get_by_text("cannot be a name").wait_for()
    assert page.node("head").count() == 1


def test_html_and_markdown_in_names_and_descriptions_is_inert(app: Any, open_page: Callable[..., Any]) -> None:
    evil = '<img src=x onerror="window.top.hacked=1"><script>window.top.hacked=1</script> **bold** [a](javascript:1)'
    document = store(app.home, {**SMALL, "name": evil, "description": evil, "lesson": evil})
    build = BuildPage(open_page(), app.url, document)
    build.ready()
    build.page.locator(".nl-name", has_text="<img src=x").wait_for()
    build.page.get_by_role("button", name="Open", exact=True).first.click()
    build.page.wait_for_timeout(800)
    assert build.page.evaluate("window.hacked") is None
    assert build.page.locator("img[src=x]").count() == 0


def test_two_tabs_on_one_document_lose_nothing(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, SMALL)
    one, two, three = (BuildPage(open_page(), app.url, document) for _ in range(3))
    for tab in (one, two, three):
        tab.ready()
    one.page.bring_to_front()
    one.page.locator('.chip[data-type="Dropout"]').click()
    one.node("dropout").wait_for()
    two.page.bring_to_front()
    two.page.locator('.chip[data-type="ReLU"]').click()
    two.page.get_by_text("was changed in another tab").wait_for()
    two.page.get_by_text("this tab goes on with it").wait_for()
    two.page.get_by_role("button", name="Go on with mine").click()
    two.page.get_by_text("was changed in another tab").wait_for(state="hidden")
    two.node("relu").wait_for()
    copy = re.search(r"document=(\w+)", two.page.url)
    assert copy is not None and copy[1] != document
    assert names_in(app, document) == {*SMALL_NAMES, "dropout"} and names_in(app, copy[1]) == {*SMALL_NAMES, "relu"}

    three.page.bring_to_front()
    three.page.locator('.chip[data-type="GELU"]').click()
    three.page.get_by_role("button", name="Open the other version").click()
    three.page.get_by_text("was changed in another tab").wait_for(state="hidden")
    three.node("dropout").wait_for()
    assert document in three.page.url and names_in(app, document) == {*SMALL_NAMES, "dropout"}
    names = [names_in(app, path.stem) for path in (Path(app.home) / "documents").glob("*.json")]
    assert {*SMALL_NAMES, "gelu"} in names  # its edit is in a document of its own


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{not json", "was not opened"),
        (json.dumps({"format": "netloom/2", "name": "x", "nodes": [{"name": "a", "type": "Conv9d"}]}), "Conv9d"),
        (json.dumps({"format": "netloom/2", "lesson": "x" * 6_000_000}), "6.0 MB"),
        (
            json.dumps({"format": "netloom/2", "nodes": [{"name": f"n{i}", "type": "ReLU"} for i in range(10_001)]}),
            "is the limit",
        ),
    ],
)
def test_a_wrong_file_is_explained(app: Any, page: Any, tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(content, encoding="utf-8")
    page.page.get_by_role("button", name="Open", exact=True).first.click()
    page.page.locator('input[type="file"]').set_input_files(file)
    page.page.locator(".nl-alert", has_text=sentence).wait_for()
    assert [node["name"] for node in saved(app.home, page.document)["nodes"]] == ["image", "flatten", "fc", "scores"]


def test_a_file_is_opened_as_a_new_document(app: Any, page: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(builder.dump(builder.template("digits_cnn")), encoding="utf-8")
    page.page.get_by_role("button", name="Open", exact=True).first.click()
    page.page.locator('input[type="file"]').set_input_files(file)
    page.node("class_scores").wait_for()
    assert page.document not in page.page.url
    assert saved(app.home, page.document)["name"] == "Chain"


FOCUS = """() => {
  let found = document.activeElement;
  while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found.dataset.type ?? found.className;
}"""


def test_every_layer_is_found_first_by_its_name(page: Any) -> None:
    search, first = page.page.locator(".palette input"), page.page.locator(".chip:visible").first
    for kind in (name for name, layer in builder.CATALOGUE.items() if layer.role != "block"):
        for typed in (kind, kind.lower()):
            search.fill(typed)
            assert first.get_attribute("data-type") == kind, typed


def test_the_search_is_empty_after_enter_and_enter_alone_adds_nothing(app: Any, page: Any) -> None:
    page.press("/")
    page.page.keyboard.type("upsample")
    page.press("Enter")
    page.node("upsample").wait_for()
    assert page.page.locator(".palette input").input_value() == ""
    count = len(saved(app.home, page.document)["nodes"])
    page.press("/")
    page.press("Enter")
    page.page.wait_for_timeout(1000)
    assert len(saved(app.home, page.document)["nodes"]) == count


def test_the_palette_is_one_tab_stop_that_arrow_keys_walk(page: Any) -> None:
    page.page.locator(".palette input").focus()
    page.press("Tab")
    assert page.page.evaluate(FOCUS) == "title"
    page.press("ArrowDown")
    assert page.page.evaluate(FOCUS) == "Input"
    page.press("ArrowDown")
    assert page.page.evaluate(FOCUS) == "Output"
    page.press("Tab")
    assert page.page.evaluate(FOCUS) not in builder.CATALOGUE
    page.press("Shift+Tab")
    assert page.page.evaluate(FOCUS) == "Output", "the place in the list is kept"


def in_view(page: Any) -> bool:
    """Whether every node is inside the canvas."""
    area = page.page.locator(FRAME).bounding_box()
    boxes = [node.bounding_box() for node in page.flow.locator(".react-flow__node").all()]
    return all(
        box["x"] >= area["x"]
        and box["y"] >= area["y"]
        and box["x"] + box["width"] <= area["x"] + area["width"]
        and box["y"] + box["height"] <= area["y"] + area["height"]
        for box in boxes
    )


def test_opening_resizing_and_arranging_keep_everything_in_view(app: Any, open_page: Any) -> None:
    nodes = [("x", "Input", {"shape": [8]}), *((f"fc{index}", "Linear", {"out_features": 8}) for index in range(29))]
    page = BuildPage(open_page(), app.url, store(app.home, chain(*nodes)))
    page.ready()
    assert in_view(page)
    page.page.set_viewport_size({"width": 1100, "height": 620})
    until(lambda: in_view(page))
    page.still()
    assert in_view(page)
    page.rest()
    page.page.locator(".st-key-arrange button").first.click()
    page.rest()
    until(lambda: in_view(page))
    page.still()
    assert in_view(page)


def test_layers_added_by_clicks_stay_in_view_with_the_first_ones(page: Any) -> None:
    page.select("scores")
    for count in range(1, 9):
        page.page.locator('.chip[data-type="Identity"]').click()
        page.flow.locator(".react-flow__node").nth(3 + count).wait_for()
    page.rest()
    until(lambda: in_view(page))
    page.still()
    assert in_view(page)


def test_the_theme_is_switched_in_the_menu_and_kept_on_every_page(app: Any, page: Any) -> None:
    page.page.locator('[data-testid="stMainMenuButton"]').click()
    page.page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    page.page.keyboard.press("Escape")
    page.flow.locator(':root[data-theme="dark"]').wait_for(state="attached")
    page.page.goto(f"{app.url}/learn?document={page.document}")
    page.page.locator(".st-key-lesson_own, .nl-title").first.wait_for()
    page.rest()
    colour = page.page.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert colour == "rgb(11, 13, 22)"
