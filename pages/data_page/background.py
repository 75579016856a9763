"""What takes long is computed once, in the background, for all tabs: a page never waits for a large file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar, cast

import streamlit as st

from pages.parts.theme.escaping import escape
from trainers.stages import Stage, heard_by

T = TypeVar("T")
POLL = 0.4  # seconds between two looks whether something is there
_KEPT = 48
_workers = ThreadPoolExecutor(2, "netloom-data")
_lock = threading.Lock()
_found: OrderedDict[Hashable, Future[object]] = OrderedDict()
_stages: dict[Hashable, Stage] = {}  # how far what is being computed is


def result(key: Hashable, compute: Callable[[], T], timeout: float = 0.2) -> T | None:
    """What `compute` gives, from memory if it was asked for before; None: it is still being computed.

    Raises: what `compute` raises.
    """
    with _lock:
        future = _found.get(key)
        if future is None:
            future = _found[key] = _workers.submit(_heard, key, compute)
        _found.move_to_end(key)
        while len(_found) > _KEPT:
            _found.popitem(last=False)[1].cancel()
    try:
        return cast("T", future.result(timeout))
    except FutureTimeout:
        return None


def _heard(key: Hashable, compute: Callable[[], T]) -> T:
    try:
        with heard_by(lambda stage: _stages.__setitem__(key, stage)):
            return compute()
    finally:
        _stages.pop(key, None)


def forget(key: Hashable) -> None:
    """Compute it again the next time it is asked for."""
    with _lock:
        _found.pop(key, None)


def is_ready(key: Hashable) -> bool:
    """Whether it is computed, or failed."""
    future = _found.get(key)
    return future is None or future.done()


def wait_for(key: Hashable, words: str) -> None:
    """Say what is being computed and how far it is, and draw the page again when it is there."""

    @st.fragment(run_every=POLL)
    def waiting() -> None:
        if is_ready(key):
            st.rerun()
        stage = _stages.get(key)
        said = escape(stage.sentence) if stage is not None else words
        st.html(f'<div class="nl-waiting"><i></i>{said}</div>')

    waiting()
