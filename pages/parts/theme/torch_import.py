"""Imports torch in the background, so that the first page shows the canvas before torch is there to infer shapes."""

from __future__ import annotations

import importlib
import sys
import threading
import time

import builder
from pages.parts.document.workspace import first_document

TIMEOUT = 5.0  # seconds after which torch is imported even if no page has reported that its canvas is drawn

_ready = threading.Event()
_started = threading.Lock()
_loaded = time.monotonic()


def start() -> None:
    """Start to import torch, once for the server. It takes a second or two; the first page does not wait for it."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_import, name="import-torch", daemon=True).start()


def ready(timeout: float = 0.0) -> bool:
    """Whether torch is imported; waits up to `timeout` seconds for it."""
    if _ready.is_set() or (not _started.locked() and "torch" in sys.modules):
        return True
    if time.monotonic() - _loaded > TIMEOUT:
        start()
    return _ready.wait(timeout) if timeout else False


def _import() -> None:
    """Import torch and what it imports on first use: the first analysis of a network takes a second, later ones less
    than a millisecond."""
    try:
        document = first_document()
        builder.check(document)
        builder.summary(document)
    finally:
        _ready.set()
    # This imports torch, so it is imported by name and not at the top.
    importlib.import_module("trainers.engine.session").warm_up()
