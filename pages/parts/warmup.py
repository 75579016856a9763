"""Imports torch in the background, so that the first canvas stands before torch is there to compute its shapes."""

from __future__ import annotations

import threading

_ready = threading.Event()
_started = threading.Lock()


def start() -> None:
    """Begin importing torch, once for the server. It takes a second or two of one core."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_import, name="import-torch", daemon=True).start()


def ready(timeout: float = 0.0) -> bool:
    """Whether torch is there; waits up to `timeout` seconds for it."""
    return _ready.wait(timeout)


def _import() -> None:
    # Importing one after the other keeps two threads from holding two halves of the import lock.
    try:
        import torch  # noqa: F401
    finally:
        _ready.set()
