"""Training in a real browser: live charts, pause, reload, and the predictions at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import builder
from tests.browser.canvas_page import TIMEOUT, store, until
from trainers.runs.run import Run
from trainers.runs.store import Store

pytestmark = pytest.mark.browser

CHARTS = 9
DRAWN = "() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.querySelector('.main-svg').innerHTML)"
LONGEST = """() => Math.max(...[...document.querySelectorAll('.js-plotly-plot')].flatMap(
    plot => plot._fullData.map(trace => trace.x.length)))"""


WATCH_OPACITY = """() => {
    window.faintest = 1;
    const look = () => {
        for (let each of document.querySelectorAll('.nl-plot'))
            for (; each; each = each.parentElement)
                window.faintest = Math.min(window.faintest, Number(getComputedStyle(each).opacity));
        requestAnimationFrame(look);
    };
    look();
}"""


def digits(**training: Any) -> dict[str, Any]:
    document = builder.template("digits_cnn")
    return document.changed(training={**document.training, **training}).model_dump(mode="json")


class TrainPage:
    """One browser tab on the Train page."""

    def __init__(self, page: Any, url: str, address: str) -> None:
        self.page = page
        page.goto(f"{url}/train?{address}")
        page.locator(".st-key-group_optimizer").wait_for(timeout=TIMEOUT)

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def shows(self, text: str, seconds: float = 30) -> None:
        self.page.get_by_text(re.compile(text)).first.wait_for(timeout=1000 * seconds)

    def charts(self) -> None:
        """Wait until every chart is drawn."""
        self.page.locator(".js-plotly-plot").nth(CHARTS - 1).wait_for(timeout=60_000)

    @property
    def run(self) -> str:
        found = re.search(r"run=([^&]+)", self.page.url)
        assert found, self.page.url
        return found[1]


@pytest.fixture(autouse=True)
def _stop_runs(app: Any) -> Iterator[None]:
    """One run trains at a time: what a test leaves running would keep the next one waiting."""
    yield
    store = Store(Path(app.home))
    for each in store.run_ids():
        run = Run(each, store)
        run.stop()
        run.wait(20)


@pytest.fixture
def page(app: Any, open_page: Callable[..., Any]) -> TrainPage:
    document = store(app.home, digits(epochs=3000))
    return TrainPage(open_page(), app.url, f"document={document}")


def test_a_whole_run(page: TrainPage, app: Any, open_page: Callable[..., Any]) -> None:
    page.shows("Not trained yet")
    page.page.locator(".st-key-settings_undo button").first.wait_for()  # the last of the page to be loaded
    page.page.locator(".st-key-start button:enabled").first.wait_for()
    settings = page.page.locator(".st-key-group_data")
    top = settings.bounding_box()["y"]
    page.press("Start")
    page.shows(r"epoch \d+ of 3,000 · [\d,]+ samples/s")
    page.charts()
    assert abs(settings.bounding_box()["y"] - top) < 1  # pixels: they stay where they are
    before = page.page.evaluate(DRAWN)
    until(lambda: all(now != then for now, then in zip(page.page.evaluate(DRAWN), before, strict=True)))
    assert page.page.evaluate(LONGEST) <= 1000
    until(lambda: page.page.locator(".nl-node").count() == len(builder.template("digits_cnn").nodes))
    assert page.page.locator(".modebar").count() == 0

    page.page.evaluate("document.querySelectorAll('.js-plotly-plot').forEach(plot => { plot.stayed = true; })")
    page.page.evaluate(WATCH_OPACITY)
    page.page.wait_for_timeout(2500)  # the charts themselves stay: only their lines change
    assert page.page.evaluate("window.faintest") == 1  # and none of them fades meanwhile
    assert page.page.evaluate("[...document.querySelectorAll('.js-plotly-plot')].every(plot => plot.stayed)")

    page.page.evaluate("window.stayed = true")
    page.press("Pause")
    page.shows("paused · epoch")
    step = page.page.get_by_text(re.compile("paused · epoch")).first.inner_text()
    page.page.wait_for_timeout(2500)
    assert page.page.get_by_text(re.compile("paused · epoch")).first.inner_text() == step
    assert page.page.evaluate("window.stayed")

    page.press("Resume")
    page.shows(r"epoch \d+ of 3,000 · [\d,]+ samples/s")
    run = page.run
    page.page.reload()  # in the middle of training
    page.shows(r"epoch \d+ of 3,000 · [\d,]+ samples/s", 60)
    assert page.run == run
    page.charts()

    second = TrainPage(open_page(), app.url, "")  # another tab that was told nothing
    second.shows(r"epoch \d+ of 3,000", 60)
    assert second.run == run

    page.press("Stop")
    page.shows("Test accuracy", 60)
    second.shows("Test accuracy", 60)

    page.page.get_by_role("link", name="Inspect").click()
    page.shows("validation samples are correct", 60)
    until(lambda: page.page.locator(".nl-tiles figure").count() == 24)
    page.page.locator(".st-key-card_confusion .js-plotly-plot").wait_for()


def test_a_restarted_server_finds_the_run_and_goes_on(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, {**digits(epochs=2000), "name": "Restarted"})
    page = TrainPage(open_page(), app.url, f"document={document}")
    page.press("Start")
    page.shows(r"epoch ([2-9]|\d\d+) of 2,000", 60)
    run = page.run
    page.page.goto("about:blank")  # a tab that looks for a server that is gone would fill the console
    app.stop()
    app.start()
    again = TrainPage(page.page, app.url, f"document={document}&run={run}")
    again.shows("Interrupted: Netloom was closed while it trained", 60)
    assert again.page.get_by_role("link", name="Export").count() == 1  # the whole app, entered at /train
    again.press("Resume")
    again.shows(r"epoch \d+ of 2,000 · [\d,]+ samples/s", 60)
    again.press("Stop")
    again.shows("Test accuracy", 60)


def test_a_learning_rate_that_makes_nan(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, {**digits(optimizer={"name": "SGD", "lr": 50.0, "momentum": 0.9}), "name": "Too fast"})
    page = TrainPage(open_page(), app.url, f"document={document}")
    page.press("Start")
    page.shows("This run failed", 60)
    page.shows(r"The learning rate 50 is probably too high")
    page.page.locator(".js-plotly-plot").first.wait_for()
    assert page.page.get_by_role("button", name="Train again").is_enabled()


def test_verdicts_lead_to_the_graph(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, builder.template("vanishing_gradients").model_dump(mode="json"))
    page = TrainPage(open_page(), app.url, f"document={document}")
    page.press("Start")
    page.shows("Gradients vanish", 60)
    page.page.get_by_role("link", name="Show on the graph").first.click()

    def graph_is_in_view() -> bool:
        box = page.page.locator("#network").bounding_box()
        return box is not None and 0 <= box["y"] < 500

    until(graph_is_in_view)
    assert page.page.locator(".nl-word.nl-vanishing").count() >= 2
    page.shows("Test accuracy", 60)


def test_settings_are_edits(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, {**digits(), "name": "Settings"})
    page = TrainPage(open_page(), app.url, f"document={document}")
    rate = page.page.get_by_label("lr", exact=True)
    rate.fill("0.02")
    rate.press("Enter")
    page.page.locator(".st-key-settings_undo button:enabled").first.wait_for()
    page.page.reload()
    page.page.get_by_label("lr", exact=True).wait_for(timeout=60_000)
    assert page.page.get_by_label("lr", exact=True).input_value() == "0.02"
