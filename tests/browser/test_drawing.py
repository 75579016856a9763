"""A digit is drawn on Inspect in a real browser: a prediction after each stroke, undone and cleared."""

from __future__ import annotations

from typing import Any

import pytest

import builder
from tests.browser.canvas_page import TIMEOUT, store

pytestmark = pytest.mark.browser
SEEN = ".nl-seen img"


def stroke(page: Any, points: list[tuple[float, float]]) -> None:
    """A stroke of the mouse over the canvas, by points from 0 to 1."""
    canvas = page.locator(".draw canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_a_one_is_drawn(app: Any, open_page: Any) -> None:
    made = builder.template("digits_cnn")
    document = store(app.home, made.changed(training={**made.training, "epochs": 5}).model_dump(mode="json"))
    page = open_page()
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.get_by_text("Test accuracy").first.wait_for(timeout=3 * TIMEOUT)
    page.get_by_role("link", name="Inspect").click()
    page.get_by_text("Try it: a sample of your own").click(timeout=TIMEOUT)
    page.locator(".draw canvas").wait_for(timeout=TIMEOUT)
    stroke(page, [(0.4, 0.3), (0.55, 0.15), (0.52, 0.9)])
    predicted = page.locator(".st-key-try_it [data-testid=stMetricValue]")
    predicted.wait_for(timeout=TIMEOUT)
    assert predicted.inner_text() == "1"
    page.locator(".st-key-try_it .nl-tiles figure").nth(4).wait_for(timeout=TIMEOUT)  # the nearest training samples
    one = page.locator(SEEN).get_attribute("src")
    stroke(page, [(0.2, 0.9), (0.9, 0.9)])
    page.wait_for_function(f"old => document.querySelector('{SEEN}').src !== old", arg=one, timeout=TIMEOUT)
    page.get_by_role("button", name="Undo stroke").click()
    page.wait_for_function(f"old => document.querySelector('{SEEN}').src === old", arg=one, timeout=TIMEOUT)
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Draw something at the left.").wait_for(timeout=TIMEOUT)
    assert page.get_by_role("button", name="Clear").is_disabled()
