"""Reports every few seconds that this process is alive, for the runs that it owns: see trainers/runs/ownership.py."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from trainers.runs.ownership import Owner
from trainers.runs.store import Store, StoreError

BEAT_SECONDS = 10.0
_runs: dict[str, tuple[Path, Owner]] = {}  # run → folder of its store, and its owner
_guard = threading.Lock()
_thread: threading.Thread | None = None


def start(run: str, folder: Path, owner: Owner) -> None:
    """Report from now on that the owner of a run is alive, also while it is paused or evaluates for long."""
    global _thread
    with _guard:
        _runs[run] = folder, owner
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_beat, name="netloom heartbeat", daemon=True)
            _thread.start()


def stop(run: str) -> None:
    """This process owns the run no longer."""
    with _guard:
        _runs.pop(run, None)


def _beat() -> None:
    while True:
        time.sleep(BEAT_SECONDS)
        with _guard:
            owned = list(_runs.items())
        for run, (folder, owner) in owned:
            with contextlib.suppress(StoreError):  # a full disk: the next one may succeed
                Store(folder).beat(run, owner)
