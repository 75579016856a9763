"""`python -m tests.browser.screenshots`: takes the images of docs/images from the running app. `make docs` runs it.

Another folder can be named as the only argument.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

import builder
from tests.browser.canvas_page import TIMEOUT, BuildPage, store
from tests.browser.chromium import find
from tests.browser.conftest import FLAGS, ROOT, App

SIZE = {"width": 1280, "height": 800}
FOLDER = ROOT / "docs" / "images"
BUILD, TRAIN, INSPECT, LEARN = "digits_cnn", "vanishing_gradients", "digits_cnn", "digits_cnn"
EPOCHS = 600  # so that the run still trains when the image is taken


def build(page: Any, app: App, folder: Path) -> None:
    """A network on the canvas, with a layer selected."""
    document = store(app.home, builder.template(BUILD).model_dump(mode="json"))
    canvas = BuildPage(page, app.url, document)
    canvas.ready()
    canvas.select("conv2")
    page.wait_for_timeout(1000)
    page.screenshot(path=folder / "build.png")


def train(page: Any, app: App, folder: Path) -> None:
    """A run of a network whose gradients vanish, while it trains."""
    _start(page, app, TRAIN, epochs=EPOCHS)
    page.get_by_text("vanish").first.wait_for(timeout=TIMEOUT)
    page.locator(".js-plotly-plot").nth(4).wait_for(timeout=TIMEOUT)
    page.wait_for_timeout(6000)
    page.screenshot(path=folder / "train.png")
    _stop(page)


def inspect(page: Any, app: App, folder: Path) -> None:
    """The predictions of a network after a few epochs."""
    _start(page, app, INSPECT)
    page.get_by_text("Test accuracy").first.wait_for(timeout=3 * TIMEOUT)
    page.get_by_role("link", name="Inspect").click()
    page.locator(".st-key-card_confusion .js-plotly-plot").wait_for(timeout=TIMEOUT)
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "inspect.png")


def data(page: Any, app: App, folder: Path) -> None:
    """A table that was dropped on the Data page, with a column open for changes."""
    random = np.random.default_rng(0)
    kind, rows = random.integers(0, 2, 480), 480
    colour = np.array(["white", "yellow", "violet"])[random.integers(0, 3, rows)]
    table = {
        "height": (kind * 0.8 + random.normal(4, 0.8, rows)).round(2),
        "petals": kind + random.integers(4, 7, rows),
        "colour": colour,
        "couleur": np.char.upper(colour),
        "weight": random.lognormal(1, 0.9, rows).round(2),
        "place": [f"bed {number}" for number in random.integers(1, 30, rows)],
        "flowers": np.where(kind ^ (random.random(rows) < 0.05), "yes", "no"),
    }
    frame = pd.DataFrame(table)
    frame.loc[::11, "height"] = np.nan
    with tempfile.TemporaryDirectory() as place:
        frame.to_csv(Path(place) / "garden.csv", index=False)
        page.goto(f"{app.url}/data")
        page.locator(".st-key-drop_data_files input[type=file]").set_input_files(str(Path(place) / "garden.csv"))
        page.locator(".nl-chain").wait_for(timeout=TIMEOUT)
    page.get_by_text("always the larger class").wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Change height", exact=True).click()
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / "data.png")


def learn(page: Any, app: App, folder: Path) -> None:
    """The lesson of a template."""
    document = store(app.home, builder.template(LEARN).model_dump(mode="json"))
    page.goto(f"{app.url}/learn?document={document}")
    page.locator(".st-key-lesson_own img").wait_for(timeout=TIMEOUT)
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "learn.png")


def _start(page: Any, app: App, template: str, **training: Any) -> None:
    made = builder.template(template)
    made = made.changed(training={**made.training, **training})
    document = store(app.home, made.model_dump(mode="json"))
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)


def _stop(page: Any) -> None:
    """Stop the run, unless it has ended meanwhile."""
    button = page.get_by_role("button", name="Stop", exact=True)
    if button.count():
        button.click()
    page.get_by_role("button", name="Train again", exact=True).wait_for(timeout=TIMEOUT)


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = App(Path(home))
        app.start()
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            for take in (build, train, inspect, learn, data):
                page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
                take(page, app, folder)
                page.context.close()
            browser.close()
        finally:
            app.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
