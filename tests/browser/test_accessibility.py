"""Every page in both themes under axe (WCAG 2): no serious and no critical violation, in the canvas neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import builder
import trainers
from tests.browser.canvas_page import TIMEOUT, BuildPage, store

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser
DRAWN = {  # what stands on each page when it is drawn, with a run of the open document
    "train": ".js-plotly-plot .main-svg",
    "inspect": ".st-key-card_confusion .main-svg",
    "runs": '[data-testid="stDataFrame"] canvas',
    "export": ".stCode code",
    "learn": ".st-key-lesson_own img",
}


@pytest.fixture(scope="module")
def document(app: Any) -> str:
    """A document with a finished run."""
    template = builder.template("digits_cnn")
    document = store(app.home, template.model_dump(mode="json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETLOOM_HOME", str(app.home))
        run = trainers.start(trainers.Job.from_document(template, epochs=2), document)
        assert run.wait(120) == "finished", run.progress().message
    return document


def violations(frame: Any) -> list[str]:
    """The serious and critical violations in a page or a frame, each in one line."""
    found = axe_playwright.Axe().run(frame).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:120]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


# no element is shown in the passing colours of one that is drawn, replaced or looked for
RESTS = """() => !document.querySelector('[data-stale="true"], .nl-waiting') && document.getAnimations().every(
    each => each.playState !== "running" || each.effect.getTiming().iterations === Infinity)"""


def rest(page: Any) -> None:
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=TIMEOUT)
    page.wait_for_timeout(600)
    page.wait_for_function(RESTS, timeout=TIMEOUT)


@pytest.fixture(params=["light", "dark"])
def page(request: Any, open_page: Any) -> Any:
    page = open_page()
    page.emulate_media(color_scheme=request.param)
    return page


def test_pages_about_a_run(app: Any, page: Any, document: str) -> None:
    found = []
    for name, drawn in DRAWN.items():
        page.goto(f"{app.url}/{name}?document={document}")
        page.locator(drawn).first.wait_for(timeout=TIMEOUT, state="attached")
        rest(page)
        found += [f"{name}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)


def test_the_data_page(app: Any, page: Any, tmp_path: Path) -> None:
    rows = "".join(f"{number % 7},{'red' if number % 3 else 'blue'},{'ab'[number % 2]}\n" for number in range(60))
    (tmp_path / "plants.csv").write_text("size,colour,class\n" + rows, encoding="utf-8")
    page.goto(f"{app.url}/data")
    page.locator(".st-key-drop_data_files input[type=file]").set_input_files(str(tmp_path / "plants.csv"))
    page.locator(".nl-chain").wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Change size", exact=True).click()
    page.get_by_text("always the larger class").wait_for(timeout=TIMEOUT)
    rest(page)
    assert not (found := violations(page)), "\n".join(found)


def test_the_build_page_its_canvas_and_its_dialogs(app: Any, page: Any) -> None:
    template = builder.template("gan_points")  # two networks, each in its frame
    canvas = BuildPage(page, app.url, store(app.home, template.model_dump(mode="json")))
    canvas.ready()
    canvas.select(template.nodes[1].name)
    rest(page)
    found = [f"build: {line}" for frame in (page, page.frames[1]) for line in violations(frame)]
    for button in ("templates", "open"):
        page.locator(f".st-key-{button} button").first.click()
        page.locator('[role="dialog"]').wait_for()
        rest(page)
        found += [f"{button}: {line}" for line in violations(page)]
        page.keyboard.press("Escape")
        page.locator('[role="dialog"]').wait_for(state="hidden")
    assert not found, "\n".join(found)
