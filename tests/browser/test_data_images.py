"""Images of one's own in a real browser: a zip is dropped, or two classes are photographed, and a network learns."""

from __future__ import annotations

import contextlib
import io
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.canvas_page import FRAME, TIMEOUT

pytestmark = pytest.mark.browser
COLOURS = {"red": (200, 30, 30), "green": (30, 180, 60)}
# the camera shows something, so that a photograph can be taken
RESTS = "() => !document.querySelector('.nl-waiting')"  # nothing is being looked for that will draw the page again
SHOWS = """() => {
    const video = document.querySelector("[data-testid=stCameraInput] video");
    return video && video.readyState >= 3 && video.videoWidth > 0 && video.currentTime > 0.2;
}"""

# the network of the data set that was shown before is gone
ONE_NETWORK = "document.querySelectorAll('.nl-chain').length === 1"


def zipped() -> bytes:
    """Two folders of noisy colours."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, colour in COLOURS.items():
            for number in range(20):
                noise = np.random.default_rng(number).integers(-30, 30, (16, 16, 3))
                picture = io.BytesIO()
                Image.fromarray((np.array(colour) + noise).clip(0, 255).astype("uint8")).save(picture, "PNG")
                archive.writestr(f"colours/{name}/{number}.png", picture.getvalue())
    return held.getvalue()


def train(page: Any) -> None:
    """Start the recommended network and train it to its end."""
    page.wait_for_function(ONE_NETWORK, timeout=TIMEOUT)
    page.get_by_role("button", name="Start a network", exact=True).click()
    page.frame_locator(FRAME).locator(".react-flow__node").first.wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.get_by_text("Test accuracy").first.wait_for(timeout=3 * TIMEOUT)


def test_a_zip_of_images(app: Any, open_page: Any) -> None:
    page = open_page()
    page.goto(f"{app.url}/data")
    given = {"name": "colours.zip", "mimeType": "application/zip", "buffer": zipped()}
    page.locator(".st-key-drop_data_files input[type=file]").set_input_files(given)
    page.locator(".nl-data-title b", has_text="colours.zip").wait_for(timeout=TIMEOUT)
    page.locator(".nl-tiles-head", has_text="green 20 images").wait_for(timeout=TIMEOUT)
    assert page.locator(".nl-tiles img").count() == 16
    train(page)


def take(page: Any, expected: str) -> None:
    """Take a photograph. The camera starts anew when the page gives it another width, and a click in that moment takes
    none: its button is still there then, and one clicks again."""
    photographed = page.locator(".nl-lines li", has_text=expected)
    for _ in range(3):
        page.get_by_role("button", name="Take Photo").click(timeout=TIMEOUT)
        with contextlib.suppress(PlaywrightTimeout):
            photographed.wait_for(timeout=TIMEOUT / 4)
            return
        if not page.get_by_role("button", name="Take Photo").is_visible():
            break
    photographed.wait_for(timeout=TIMEOUT)


def test_two_classes_are_photographed(app: Any, open_page: Any) -> None:
    """Chromium's fake camera starts anew for each photograph, so some are the same; all of them count."""
    page = open_page()
    page.context.grant_permissions(["camera"])
    page.goto(f"{app.url}/data")
    page.get_by_text("Camera", exact=True).first.click()
    page.wait_for_function(RESTS, timeout=TIMEOUT)
    for name in ("cup", "book"):
        field = page.get_by_label("What you photograph")
        field.fill(name)
        field.press("Enter")
        for number in range(1, 4):
            page.locator("[data-testid=stCameraInput]", has_text=f"Photograph {name}").wait_for(timeout=TIMEOUT)
            page.wait_for_function(SHOWS, timeout=TIMEOUT)
            take(page, f"{name} {number}")
    page.get_by_role("button", name="Use the photographs").click()
    page.locator(".nl-data-title b", has_text="photographs").wait_for(timeout=TIMEOUT)
    page.locator(".nl-tiles-head", has_text="book 3 images").wait_for(timeout=TIMEOUT)
    train(page)
