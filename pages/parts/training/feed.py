"""What everybody who watches a run sees of it, made once a second in one place and fetched by every tab.

A page draws its charts once and says from what they were made: parts, each a function of the run and its options.
While somebody watches, one thread makes the parts anew and writes them to a file of the folder that streamlit serves,
one file for all tabs that show the same; assets/feed.js fetches it and changes the charts and texts that are there. No
script of streamlit runs for it, so a watcher costs the training a request for a file each second; see
docs/decisions/024-one-feed-for-all-watchers.md.
"""

from __future__ import annotations

import atexit
import gzip
import hashlib
import json
import logging
import secrets
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.theme import charts, theme
from pages.parts.training import block_rows, run_data
from pages.parts.training.block_rows import GroupedRun
from pages.parts.training.run_data import LiveRun
from trainers.runs.run import Run

Make = Callable[..., Any]  # (the run, *options) → a figure or HTML

PERIOD, LONGEST = 1.0, 10.0  # seconds between two readings of a run
SHARE = 0.02  # of a core, at most, goes into making the parts of a run
RENEWAL, LEASE = 10.0, 45.0  # seconds: a tab says so often that it is still there, and is forgotten after the other
FORGOTTEN = 600.0  # seconds after which the file of a forgotten view is deleted

_folder = Path(tempfile.mkdtemp(prefix="netloom-feed-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_secret = secrets.token_hex(16)  # so that the address of a file cannot be guessed
_files = st.components.v1.declare_component("feed", path=str(_folder))  # only for its address
_pulse = st.components.v2.component("netloom_feed", js=theme.sheet("feed.js"), isolate_styles=False)


@dataclass(frozen=True)
class Part:
    """One chart or text of a page: its place there, and the function and options that it is made of."""

    key: str
    make: Make
    options: tuple[Any, ...]

    def content(self, live: LiveRun) -> Any:
        """What is shown now: of a chart the figure as JSON, of a text its HTML."""
        made = self.make(live, *self.options)
        return {"html": made} if isinstance(made, str) else {"figure": charts.encoded(made)[0]}


@dataclass(frozen=True)
class View:
    """What one tab shows of a run. Tabs that show the same have equal views, and one file."""

    run: Run
    theme: theme.Kind
    path: tuple[str, ...] | None  # of the block whose inside is shown
    parts: tuple[Part, ...]

    @property
    def file(self) -> str:
        parts = [(part.key, part.make.__module__, part.make.__qualname__, part.options) for part in self.parts]
        said = repr((_secret, str(self.run.store.folder), self.run.id, self.theme, self.path, parts))
        return hashlib.sha256(said.encode()).hexdigest()[:40] + ".json.gz"

    def __hash__(self) -> int:
        return hash(self.file)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and other.file == self.file

    @property
    def address(self) -> str:
        return f"component/{_files.name}/{self.file}"


# -- what a page draws ------------------------------------------------------------------------------------------------

_collected: ContextVar[list[Part] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[Part]]:
    """Inside its `with` block, the parts that are drawn are collected in a list."""
    parts: list[Part] = []
    token = _collected.set(parts)
    try:
        yield parts
    finally:
        _collected.reset(token)


def chart(key: str, make: Make, live: LiveRun, *options: Any) -> None:
    """Draw a figure that follows the run: `make(live, *options)`. The options are plain values."""
    _collect(Part(key, make, options))
    charts.draw(make(live, *options), key, at=live.progress.updated)


def html(key: str, make: Make, live: LiveRun, *options: Any) -> None:
    """Show HTML that follows the run: `make(live, *options)`, made by our own code, with all names escaped."""
    _collect(Part(key, make, options))
    at = live.progress.updated  # what the feed has of an earlier moment is not shown over it
    st.html(f'<div class="nl-live" data-part="{key}" data-at="{at}">{make(live, *options)}</div>')


def _collect(part: Part) -> None:
    parts = _collected.get()
    if parts is not None:
        parts.append(part)


def follow(live: LiveRun, parts: list[Part], signs: dict[str, str]) -> None:
    """Let the parts follow the run from now on. If one of the signs changes, the fragment around this call runs again.

    `signs` are of `signs_of`: what a page cannot follow without being drawn anew.
    """
    path = live.path if isinstance(live, GroupedRun) else None
    view = View(live.run, theme.kind(), path, tuple(parts))
    if not (_folder / view.file).exists():
        _write(view, json.dumps({"at": 0, "signs": signs, "parts": {}}))
    keep(view)
    name = f"feed_{'_'.join(signs)}"
    _pulse(key=name, data={"address": view.address, "signs": signs}, on_changed_change=_nothing)
    st.fragment(keep, run_every=RENEWAL)(view)


def _nothing() -> None:
    """A sign has changed: that the fragment runs again is all that has to happen."""


# -- the thread -------------------------------------------------------------------------------------------------------

_guard = threading.Lock()
_leases: dict[View, float] = {}  # → the clock at which the view is forgotten
_thread: threading.Thread | None = None


def keep(view: View) -> None:
    """Say that a tab shows this view: its file is written for some time."""
    global _thread
    with _guard:
        _leases[view] = time.monotonic() + LEASE
        if _thread is None:
            _thread = threading.Thread(target=_main, name="netloom feed", daemon=True)
            _thread.start()


def _main() -> None:
    global _thread
    runs: dict[str, _Sent] = {}
    while True:
        with _guard:
            now = time.monotonic()
            for view in [view for view, end in _leases.items() if end + FORGOTTEN < now]:
                del _leases[view]
                (_folder / view.file).unlink(missing_ok=True)
            views = [view for view, end in _leases.items() if end >= now]
            if not views:
                _thread = None
                return
        for run in {view.run.id for view in views}:
            sent = runs.setdefault(run, _Sent())
            if now >= sent.due:
                sent.send([view for view in views if view.run.id == run])
        time.sleep(PERIOD / 4)


class _Sent:
    """What was written last of one run, and when its next turn is."""

    def __init__(self) -> None:
        self.due = 0.0
        self.live: LiveRun | None = None
        self.texts: dict[View, str] = {}

    def send(self, views: list[View]) -> None:
        """Make the parts of the views anew if anything has happened, each once for all views that have it."""
        begun, used = time.monotonic(), time.thread_time()
        try:
            live = run_data.read(views[0].run)
            old = {} if live is not self.live else self.texts
            self.texts = {view: old.get(view) or "" for view in views}
            made: dict[Any, str] = {}
            for view in views:
                if not self.texts[view]:
                    self.texts[view] = _text(view, live, made)
                    _write(view, self.texts[view])
            self.live = live
        except Exception:  # the pages still draw the run when they are loaded
            logging.getLogger("netloom").exception("The run could not be shown")
        cost = time.thread_time() - used
        self.due = begun + min(max(PERIOD, cost / SHARE), LONGEST)


def _text(view: View, live: LiveRun, made: dict[Any, str]) -> str:
    """The file of a view. `made` are the parts that are made, for other views that have them too."""
    with theme.drawn_for(view.theme):
        grouped = live if view.path is None else block_rows.group(live, view.path)
        found = []
        for part in view.parts:
            name = (part.key, part.make, part.options, view.theme, view.path)
            if name not in made:
                content = json.dumps(part.content(grouped))
                made[name] = f"[{zlib.crc32(content.encode())}, {content}]"
            found.append(f"{json.dumps(part.key)}: {made[name]}")
    head = f'"at": {live.progress.updated}, "signs": {json.dumps(signs_of(grouped))}'
    return f'{{{head}, "parts": {{{", ".join(found)}}}}}'


def _write(view: View, text: str) -> None:
    # Compressed here, once and fast: else streamlit would compress it for each request, slowly.
    path = _folder / view.file
    new = path.with_suffix(f".{threading.get_ident()}")
    new.write_bytes(gzip.compress(text.encode(), compresslevel=1, mtime=0))
    new.replace(path)


def signs_of(live: LiveRun) -> dict[str, str]:
    """What a page is drawn anew for. page: its state, and which charts and choices there are; cards: new pictures."""
    known = sorted(f"{split} {metric}" for split, metric in live.curves)
    measured = [kind for kind, table in live.probes.items() if table.nodes]
    said = repr((live.progress.state, known, measured, bool(live.histograms)))
    return {"page": f"{zlib.crc32(said.encode()):08x}", "cards": str(live.pictures)}
