"""How long the pages take in a real Chromium, from the click to what was asked for, and the first page of a server."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import builder
from benchmarks.app.stores import fill, long_run
from benchmarks.table import Row
from tests.browser.canvas_page import FRAME, TIMEOUT, BuildPage, store
from tests.browser.chromium import find
from tests.browser.conftest import FLAGS, App
from trainers.runs.store import Store

SIZE = {"width": 1280, "height": 800}
RUNS = 10_000
ROUNDS = 5  # of which the median is taken
# Looks at each frame of the screen: playwright's locators look ever more seldom, up to each half second.
DRAWN = """([frame, node]) => new Promise((resolve) => {
  const look = () => {
    const inner = document.querySelector(frame)?.contentDocument;
    const found = inner?.querySelector(node ? `.react-flow__node[data-id="${node}"]` : ".react-flow__node");
    if (found && inner.defaultView.getComputedStyle(found).visibility === "visible") resolve();
    else requestAnimationFrame(look);
  };
  look();
})"""


@contextmanager
def server() -> Iterator[App]:
    """A fresh server with a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder))
        app.start()
        try:
            yield app
        finally:
            app.stop()


@contextmanager
def chromium_page() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        page = browser.new_context(viewport=SIZE, accept_downloads=True).new_page()
        page.set_default_timeout(2 * TIMEOUT)
        yield page
        browser.close()


def rows() -> Iterator[Row]:
    with chromium_page() as page, server() as app:
        yield from first_page(page, app)
        yield from build(page, app)
        yield from trained(page, app)
        yield from many_runs(page, app)


def first_page(page: Any, app: App) -> Iterator[Row]:
    """The page of a server that has just started: until the canvas is there, and until a click on a node is answered
    with its shape and its costs, which torch works out."""
    begun = time.perf_counter()
    page.goto(app.url)
    page.frame_locator(FRAME).locator(".react-flow__node").first.wait_for()
    yield Row("the first page of a fresh server: canvas drawn, seconds", time.perf_counter() - begun, "at most", 6)
    page.frame_locator(FRAME).locator('.react-flow__node[data-id="conv1"]').click()
    page.locator(".st-key-right .nl-title", has_text="conv1").first.wait_for()
    selected = time.perf_counter() - begun
    page.locator(".st-key-right .nl-facts", has_text="parameters").first.wait_for()
    page.locator(".nl-totals", has_text="FLOPs").wait_for()
    yield Row("the first page of a fresh server: a node selected, seconds", selected, "at most", 8)
    yield Row("the first page of a fresh server: usable, seconds", time.perf_counter() - begun, "at most", 8)


def measured(before: Callable[[], Any], action: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """The median of the seconds that an action takes, after what is done before each."""
    found = []
    for _ in range(rounds):
        before()
        begun = time.perf_counter()
        action()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def build(page: Any, app: App) -> Iterator[Row]:
    """The Build page: selecting a node, opening a template, opening a block, coming back from another page."""
    canvas = BuildPage(page, app.url, store(app.home, builder.template("digits_cnn").model_dump(mode="json")))
    canvas.ready()
    names = iter(["conv1", "conv2"] * ROUNDS)

    def select() -> None:
        name = next(names)
        canvas.node(name).click()
        page.locator(".st-key-right .nl-title", has_text=name).first.wait_for()

    yield Row("selecting a node, seconds", measured(canvas.rest, select), "at most", 0.4)
    known = builder.templates()
    wanted = iter(list(known)[:: len(known) // ROUNDS])

    def gallery() -> None:
        canvas.rest()
        page.get_by_role("button", name="Templates", exact=True).click()
        page.locator('[data-testid="stDialog"] .nl-card').first.wait_for()
        canvas.rest()
        page.wait_for_timeout(300)

    def template() -> None:
        name = next(wanted)
        first = known[name].nodes[0].name
        page.locator(f".st-key-template_open_{name} button").click()
        page.locator('[data-testid="stDialog"]').wait_for(state="detached")
        page.locator(".nl-name span", has_text=known[name].name).wait_for()
        canvas.node(first).wait_for()

    yield Row("opening a template, seconds", measured(gallery, template), "at most", 0.6)
    yield from _block(page, app)


def _block(page: Any, app: App) -> Iterator[Row]:
    name = next(name for name, made in builder.templates().items() if made.blocks)
    document = builder.template(name)
    use = next(node for node in document.nodes if node.role == "block")
    inside = document.blocks[use.params["block"]].nodes[0].name
    canvas = BuildPage(page, app.url, store(app.home, document.model_dump(mode="json")))
    canvas.ready()

    def leave() -> None:
        if page.locator(".st-key-breadcrumb button").count():
            page.locator(".st-key-breadcrumb button").first.click()
            canvas.node(use.name).wait_for()
        canvas.rest()
        page.wait_for_timeout(300)

    def enter() -> None:
        canvas.node(use.name).dblclick()
        page.locator(".st-key-breadcrumb").wait_for()
        canvas.node(inside).wait_for()

    yield Row("opening a block, seconds", measured(leave, enter), "at most", 0.6)


def trained(page: Any, app: App) -> Iterator[Row]:
    """Pages of a trained network: Inspect, and the zip on the Export page."""
    template = builder.template("digits_cnn")
    short = template.changed(training={**template.training, "epochs": 3})
    page.goto(f"{app.url}/train?document={store(app.home, short.model_dump(mode='json'))}")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Test accuracy").first.wait_for()
    rest = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')

    def inspect() -> None:
        page.get_by_role("link", name="Inspect").click()
        page.locator(".st-key-card_confusion .js-plotly-plot").wait_for()

    def leave(to: str) -> Callable[[], None]:
        def go() -> None:
            page.get_by_role("link", name=to, exact=True).click()
            page.locator(".st-key-card_confusion").wait_for(state="detached")
            rest.wait_for()
            page.wait_for_timeout(500)

        return go

    rest.wait_for()
    page.wait_for_timeout(500)
    first = measured(lambda: None, inspect, 1)
    yield Row("Inspect for the first time, seconds", first, "at most", 1.5)
    yield Row("Inspect, seconds", measured(leave("Runs"), inspect), "at most", 0.8)
    yield Row(
        "going to Build, seconds", measured(lambda: (inspect(), rest.wait_for()), _to_build(page)), "at most", 0.6
    )
    page.get_by_role("link", name="Export").click()
    page.locator(".st-key-prepare_zip button").first.wait_for()
    rest.wait_for()

    def prepare() -> None:
        page.locator(".st-key-prepare_zip button").first.click()
        page.locator(".st-key-download_zip button").first.wait_for()

    page.wait_for_timeout(20_000)  # somebody reads the page; a process gets ready meanwhile
    yield Row("preparing the zip, the page open for 20 s, seconds", measured(lambda: None, prepare, 1), "at most", 4)


def many_runs(page: Any, app: App) -> Iterator[Row]:
    """The Runs page with 10,000 runs, for the first time and again; and a run of a million rows on the Train page."""
    store_of_app = Store(app.home)
    long, short = (long_run(store_of_app, builder.template("digits_cnn"), size) for size in (1_000_000, 1_200))
    fill(store_of_app, RUNS)
    rest = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')

    def runs() -> None:
        page.goto(f"{app.url}/runs")
        page.locator(".st-key-runs canvas").first.wait_for()

    def load(run: str) -> None:
        page.goto(f"{app.url}/train?run={run}")
        page.locator(".js-plotly-plot").first.wait_for()

    page.goto(app.url)
    rest.wait_for()
    first = measured(lambda: None, runs, 1)
    yield Row(f"the Runs page with {RUNS:,} runs, loaded for the first time, seconds", first, "", 0)
    yield Row(f"the Runs page with {RUNS:,} runs, loaded, seconds", measured(rest.wait_for, runs, 3), "", 0)

    def go() -> None:
        page.get_by_role("link", name="Runs", exact=True).click()
        page.locator(".st-key-runs canvas").first.wait_for()

    def away() -> None:
        page.get_by_role("link", name="Build", exact=True).click()
        page.locator(".st-key-runs").wait_for(state="detached")
        rest.wait_for()

    yield Row(f"going to the Runs page with {RUNS:,} runs, seconds", measured(away, go, 3), "at most", 1)
    load(short)
    least = measured(rest.wait_for, lambda: load(short), 3)  # of which streamlit and plotly need most in the browser
    whole = measured(rest.wait_for, lambda: load(long), 3)
    yield Row("a run of a million rows, loaded, seconds more than one of 1,200", whole - least, "at most", 0.5)
    yield Row("a run of a million rows, loaded, seconds", whole, "", 0)


def _to_build(page: Any) -> Callable[[], None]:
    def go() -> None:
        page.get_by_role("link", name="Build").click()
        page.evaluate(DRAWN, [FRAME, ""])

    return go
