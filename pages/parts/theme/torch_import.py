"""Imports torch in the background, so that the first page shows the canvas before torch is there to infer shapes.

The import starts when the browser has drawn the canvas: before that, it would take the time of what draws it. The
page is still answered meanwhile, since the interpreter changes threads often. What training and charts need comes last.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import time

import trainers
from builder.analysis.infer import analyse
from builder.analysis.summary import costs
from pages.parts.document.workspace import first_document
from trainers.runs.queue.beginning import supervise
from trainers.runs.store import Store

TIMEOUT = 5.0  # seconds after which torch is imported even if no page has reported that its canvas is drawn
SWITCH_INTERVAL = 0.0005  # seconds after which another thread gets the interpreter; usually ten times as many
LATER = ("networkx", "pandas", "plotly.graph_objects", "plotly.io")  # what some checks, edits and all charts import
PAUSE = 4.0  # seconds for the page to show the shapes before the rest is imported

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
    """Import torch, and work out the facts of the first document, whose layers are known without running them: the
    first layer that is run makes torch import two seconds more. That comes later, with what only training needs."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        document = trainers.bind(first_document())
        costs(analyse(document))
        trainers.check(document)
    finally:
        _ready.set()
        sys.setswitchinterval(usual)
    time.sleep(PAUSE)
    # What layers that are run, training and tables need. It imports torch, so it is imported by name, not at the top.
    importlib.import_module("trainers.engine.session").warm_up()
    supervise(Store())  # runs that waited when the server was closed
    for name in LATER:  # a second, which the first chart, or the first template of an autoencoder, would else wait for
        importlib.import_module(name)
    freeze()


def freeze() -> None:
    """Leave what is imported out of every later garbage collection: half a million objects that never become garbage,
    through which each collection would go, holding the interpreter and with it the training for 0.2 s."""
    gc.collect()
    gc.freeze()
