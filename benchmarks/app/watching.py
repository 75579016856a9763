"""What it costs the training when somebody watches: steps per second of the digits CNN, alone and with tabs open.

The real app trains on one core; real tabs of a Chromium show its Train page on another. In each round the same run is
measured alone, with one tab and with ten, so that a slow minute of the machine slows all of them. Before that, the
server must have forgotten the tabs of the round before, which takes 45 s: a round takes about two minutes. Where there
is one core only, nothing can be told.

Two figures are taken of each window: steps per second of the clock, and per second of the server's processor time. The
second holds on a machine that does other things at the same time, and is the value of the row; the first is in its
note, with the updates that each tab has received. On a machine whose speed changes by itself both are uncertain: the
share of the processor time that threads other than the training's used, in the note too, is not.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import builder
from benchmarks.table import Row
from tests.browser.chromium import find

ROOT = Path(__file__).parents[2]
ROUNDS = 2
FORGOTTEN = 46.0  # seconds; until LEASE of pages/parts/training/feed.py is over, the server draws for closed tabs
SECONDS, SETTLING = 8.0, 4.0
WATCHERS = ((1, 0.03), (10, 0.10))  # how many tabs, and the share of the training's speed that they may cost
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-timer-throttling", "--disable-renderer-backgrounding"]
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Window(NamedTuple):
    """What happened in some seconds."""

    per_second: float  # steps, by the clock
    per_cpu_second: float  # steps, by the server's processor time
    updates: float  # that a tab received, per second
    beside: float  # the share of the server's processor time that threads other than the training's used


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield Row("watching the digits CNN: needs Linux and two cores", 0, "", 0, "not measured")
        return
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as home, _server(Path(home), cores[0]) as server:
        os.sched_setaffinity(0, set(cores[1:]))
        try:
            yield from _measured(server, rounds)
        finally:
            os.sched_setaffinity(0, set(cores))


def _measured(server: _Server, rounds: int) -> Iterator[Row]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(300_000)
        tabs = [context.new_page() for _ in range(WATCHERS[-1][0])]
        tabs[0].goto(f"{server.url}/train?document={server.document}")
        tabs[0].get_by_role("button", name="Start", exact=True).click()
        server.wait_for_run()
        alone: list[Window] = []
        watched: dict[int, list[Window]] = {count: [] for count, _ in WATCHERS}
        for _ in range(rounds):
            _close(tabs)
            time.sleep(FORGOTTEN)
            alone.append(server.window([]))
            opened = 0
            for count, _ in WATCHERS:
                for tab in tabs[opened:count]:
                    _open(tab, server)
                opened = count
                watched[count].append(server.window(tabs[:count]))
        for count, limit in WATCHERS:
            yield _row(count, limit, alone, watched[count])
        context.close()
        browser.close()


def _open(tab: Any, server: _Server) -> None:
    tab.goto(f"{server.url}/train?document={server.document}&run={server.run}")
    tab.locator(".js-plotly-plot").nth(7).wait_for()
    tab.evaluate(COUNT)


def _close(tabs: list[Any]) -> None:
    for tab in tabs:
        tab.goto("about:blank")


# Counts what a tab is shown anew: the line of the progress changes with every update.
COUNT = """() => {
  window.updates = 0;
  new MutationObserver(() => { window.updates += 1; }).observe(
    document.querySelector('[data-part="progress"]') ?? document.querySelector('.nl-progress').closest('.stHtml'),
    { childList: true, subtree: true, characterData: true });
}"""


def _row(count: int, limit: float, alone: list[Window], watched: list[Window]) -> Row:
    def kept(value: str) -> float:
        return statistics.median(getattr(w, value) / getattr(a, value) for a, w in zip(alone, watched, strict=True))

    steps, before = (statistics.median(window.per_second for window in windows) for windows in (watched, alone))
    updates = statistics.median(window.updates for window in watched)
    clock = kept("per_second")
    beside, alone_beside = (statistics.median(window.beside for window in windows) for windows in (watched, alone))
    note = (
        f"{steps:.0f} against {before:.0f} steps/s ({clock:.3f} by the clock), {updates:.2f} updates/s a tab; "
        f"threads beside the training's took {beside:.1%} of the processor time, alone {alone_beside:.1%}"
    )
    what = f"watching the digits CNN: speed kept with {count} tab{'s' * (count > 1)}"
    return Row(what, kept("per_cpu_second"), "at least", 1 - limit, note)


class _Server:
    """The app in a process of its own, with a document that trains for ever."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes], port: int, document: str) -> None:
        self.home, self.process, self.document = home, process, document
        self.url = f"http://127.0.0.1:{port}"
        self.run = ""

    def wait_for_run(self) -> None:
        """Wait until the run is some hundred steps old."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            time.sleep(0.5)
            if self._position()[0] > 500:
                return
        raise RuntimeError("The run did not start.")

    def window(self, tabs: list[Any]) -> Window:
        """Measure for SECONDS."""
        _wait(tabs, SETTLING)
        for tab in tabs:
            tab.evaluate("window.updates = 0")
        (step, at), cpu, before = self._position(), self._cpu(), self._threads()
        _wait(tabs, SECONDS)
        (later, then), used, now = self._position(), self._cpu() - cpu, self._threads()
        training = max(seconds - before.get(thread, 0.0) for thread, seconds in now.items())  # the busiest thread
        updates = statistics.median(tab.evaluate("window.updates") for tab in tabs) if tabs else 0
        return Window((later - step) / (then - at), (later - step) / used, updates / (then - at), 1 - training / used)

    def _position(self) -> tuple[int, float]:
        """The step of the run, and when it was there."""
        if not (self.home / "runs.sqlite").exists():
            return 0, 0.0
        connection = sqlite3.connect(f"file:{self.home / 'runs.sqlite'}?mode=ro", uri=True, timeout=10)
        try:
            found = connection.execute("SELECT id, step, updated FROM runs").fetchone()
        finally:
            connection.close()
        if found is None:
            return 0, 0.0
        self.run = found[0]
        return found[1], found[2]

    def _cpu(self) -> float:
        """Seconds of processor time that the server's process has used."""
        return _processor_seconds(Path(f"/proc/{self.process.pid}/stat"))

    def _threads(self) -> dict[str, float]:
        """The same of each thread that it has now."""
        found = {}
        for path in Path(f"/proc/{self.process.pid}/task").iterdir():
            with suppress(OSError):  # the thread has just ended
                found[path.name] = _processor_seconds(path / "stat")
        return found


def _processor_seconds(statistics: Path) -> float:
    fields = statistics.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _wait(tabs: list[Any], seconds: float) -> None:
    """Sleep; with a tab in a way that lets playwright work, which would else let its messages pile up."""
    if tabs:
        tabs[0].wait_for_timeout(1000 * seconds)
    else:
        time.sleep(seconds)


@contextmanager
def _server(home: Path, core: int) -> Iterator[_Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    document = builder.template("digits_cnn")
    document = document.changed(training={**document.training, "epochs": 1_000_000})
    name = uuid.uuid4().hex
    (home / "documents").mkdir()
    (home / "documents" / f"{name}.json").write_text(json.dumps(document.model_dump(mode="json")), encoding="utf-8")
    environment = {**os.environ, "NETLOOM_HOME": str(home)}
    command = ["taskset", "-c", str(core), sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield _Server(home, process, port, name)
    finally:
        process.terminate()
        process.wait(20)
