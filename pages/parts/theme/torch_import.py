"""Imports torch in the background, so that the first canvas stands before torch is there to compute its shapes."""

from __future__ import annotations

import importlib
import sys
import threading
import time

PATIENCE = 5.0  # seconds after which torch is imported even if no canvas has said that it stands

_ready = threading.Event()
_started = threading.Lock()
_asked = time.monotonic()


def start() -> None:
    """Begin importing torch, once for the server. It takes a second or two, which the first page does not wait for."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_import, name="import-torch", daemon=True).start()


def ready(timeout: float = 0.0) -> bool:
    """Whether torch is there; waits up to `timeout` seconds for it."""
    if _ready.is_set() or (not _started.locked() and "torch" in sys.modules):
        return True
    if time.monotonic() - _asked > PATIENCE:
        start()
    return _ready.wait(timeout) if timeout else False


def _import() -> None:
    """torch, and what it imports on first use: measuring the first network costs a second, the next ones nothing."""
    try:
        import builder
        from pages.parts.document.session import first_document

        document = first_document()
        importlib.import_module("trainers.data")
        builder.check(document)
        builder.summary(document)
    finally:
        _ready.set()
    from trainers.engine.session import warm_up

    warm_up()  # what the first run needs, while the first network is being drawn
